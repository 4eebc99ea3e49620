//! Borrowed I420 frames that are passed to a library or returned by it.

/// Three planes of 8-bit samples; the chroma planes have half the size, rounded up. A value of this
/// type proves that every sample is readable.
#[derive(Clone, Copy, Debug)]
pub struct I420View<'a> {
    width: u32,
    height: u32,
    /// Samples from the first one on, and the stride.
    planes: [(&'a [u8], usize); 3],
}

impl<'a> I420View<'a> {
    /// `None` if a plane is too short for its size, its rows overlap, a dimension is 0 or above
    /// 65535, or a stride is above 2^30 bytes.
    #[must_use]
    pub fn new(width: u32, height: u32, planes: [(&'a [u8], usize); 3]) -> Option<Self> {
        let sizes = 1..=65_535;
        if !sizes.contains(&width) || !sizes.contains(&height) {
            return None;
        }
        let picture = Self { width, height, planes };
        for (index, (samples, stride)) in planes.into_iter().enumerate() {
            let (width, height) = picture.plane_size(index);
            let needed = (height - 1).checked_mul(stride)?.checked_add(width)?;
            if stride < width || stride > 1 << 30 || samples.len() < needed {
                return None;
            }
        }
        Some(picture)
    }

    /// Width and height of luma.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Width and height of plane 0 (Y), 1 (U) or 2 (V).
    #[must_use]
    pub fn plane_size(&self, index: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        if index == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
    }

    /// The samples of a plane from the first one on, and its stride in bytes.
    ///
    /// # Panics
    /// If `index` is above 2.
    #[must_use]
    pub fn plane(&self, index: usize) -> (&'a [u8], usize) {
        self.planes[index]
    }

    /// Row `y` of a plane.
    ///
    /// # Panics
    /// If the row does not exist.
    #[must_use]
    pub fn row(&self, index: usize, y: usize) -> &'a [u8] {
        let (samples, stride) = self.planes[index];
        &samples[y * stride..][..self.plane_size(index).0]
    }
}
