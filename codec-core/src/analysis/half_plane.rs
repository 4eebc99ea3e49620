//! A luma plane downsampled by two, padded to whole 8x8 blocks, with a border around it.

use codec_simd::{Kernels, Layout, PlaneRef, Window};

use crate::frame::Size;
use crate::motion::PixelPos;

/// Border in half-size pixels.
const PAD: usize = 24;

/// Half-size luma of a frame, one 8x8 block per macroblock. Pixels outside the frame repeat the
/// edge.
#[derive(Debug, Default)]
pub(super) struct HalfPlane {
    bytes: Vec<u8>,
    layout: Layout,
}

impl HalfPlane {
    pub(super) fn new(size: Size) -> Self {
        let (cols, rows) = size.macroblocks();
        let (width, height) = (8 * cols, 8 * rows);
        // Sixteen bytes more than the pixels, so that full-register reads are always in bounds.
        let stride = (width + 2 * PAD + 16).next_multiple_of(64);
        // Strides that are multiples of 1,024 cause cache set conflicts.
        let stride = if stride.is_multiple_of(1024) { stride + 64 } else { stride };
        let layout = Layout { stride, width, height, pad: PAD };
        Self { bytes: vec![0; (height + 2 * PAD) * stride], layout }
    }

    /// Returns writers for the rows of the half-size plane, by macroblock row.
    pub(super) fn mb_rows(&mut self) -> impl Iterator<Item = HalfRows<'_>> {
        let Layout { stride, width, .. } = self.layout;
        let inside = self.bytes.get_mut(PAD * stride..).unwrap_or_default();
        let rows = inside.chunks_exact_mut(8 * stride.max(1));
        rows.map(move |bytes| HalfRows { bytes, stride, width })
    }

    /// Fills the border at the top and everything below the last stored row; `rows` is the number
    /// of rows.
    pub(super) fn finish(&mut self, rows: usize) {
        let stride = self.layout.stride;
        for y in 0..PAD {
            self.bytes.copy_within(PAD * stride..(PAD + 1) * stride, y * stride);
        }
        let last = (PAD + rows - 1) * stride;
        for y in PAD + rows..self.layout.height + 2 * PAD {
            self.bytes.copy_within(last..last + stride, y * stride);
        }
    }

    /// Becomes a copy of `other` with its samples mapped by `table`.
    pub(super) fn map_from(&mut self, other: &Self, table: &[u8; 256]) {
        self.layout = other.layout;
        self.bytes.clear();
        self.bytes.extend(other.bytes.iter().map(|&sample| table[usize::from(sample)]));
    }

    pub(super) fn plane(&self) -> PlaneRef<'_> {
        #[expect(clippy::expect_used, reason = "`new` allocates every row")]
        PlaneRef::new(&self.bytes, self.layout).expect("room")
    }

    /// Returns the 8x8 pixels at `at`, which must lie inside the plane and its border.
    #[inline]
    pub(super) fn window(plane: PlaneRef<'_>, at: PixelPos) -> Window<'_, 8, 8> {
        #[expect(clippy::expect_used, reason = "callers stay inside the border")]
        plane.window(at.x as isize, at.y as isize).expect("block inside the border")
    }
}

/// Eight rows of a half-size plane.
#[derive(Debug)]
pub(super) struct HalfRows<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    width: usize,
}

impl HalfRows<'_> {
    /// Downsamples into row `y`, relative to these rows, and fills its border.
    ///
    /// `a` and `b` are full-size rows of equal length, one below the other.
    pub(super) fn put_row(&mut self, kernels: &Kernels, y: usize, a: &[u8], b: &[u8]) {
        let Self { stride, width, .. } = *self;
        let row = &mut self.bytes[y * stride..][..stride];
        let pairs = a.len() / 2;
        let even = 2 * pairs;
        kernels.halve_row(&a[..even], &b[..even], &mut row[PAD..][..pairs]);
        let mut end = pairs;
        if let (Some(&above), Some(&below)) = (a.get(even), b.get(even)) {
            let mean = (u16::from(above) + u16::from(below)).div_ceil(2);
            row[PAD + pairs] = u8::try_from(mean).unwrap_or(u8::MAX);
            end += 1;
        }
        let (first, last) = (row[PAD], row[PAD + end - 1]);
        row[..PAD].fill(first);
        row[PAD + end..PAD + width + PAD].fill(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_repeat_their_last_pixels_to_the_border() {
        let mut half = HalfPlane::new(Size::new(5, 3));
        let kernels = Kernels::best();
        let mut rows = half.mb_rows().next().unwrap();
        rows.put_row(kernels, 0, &[0, 4, 8, 8, 20], &[0, 4, 8, 8, 21]);
        rows.put_row(kernels, 1, &[9, 9, 9, 9, 1], &[9, 9, 9, 9, 1]);
        half.finish(2);
        let plane = half.plane();
        assert_eq!(plane.row(0)[..5], [2, 8, 21, 21, 21]);
        assert_eq!(plane.row(7)[..5], [9, 9, 1, 1, 1]);
        let corner = plane.window::<8, 8>(-24, -24).unwrap();
        assert_eq!(corner.row(0), &[2; 8]);
        let corner = plane.window::<8, 8>(24, 24).unwrap();
        assert_eq!(corner.row(7), &[1; 8]);
    }
}
