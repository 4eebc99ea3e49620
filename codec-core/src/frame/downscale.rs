//! Smaller copies of pictures, for spatial layers and simulcast.

use codec_simd::{Kernels, PlaneMut, PlaneRef};

use super::{Chroma, FrameBuf, Picture, Size};

/// Halves pictures, by averaging 2x2 samples, and makes them smaller by other ratios. Odd sizes are rounded up: the last
/// column and row count twice.
#[derive(Debug, Default)]
pub(crate) struct Downscaler {
    /// Two rows of an even number of samples.
    rows: [Vec<u8>; 2],
    /// Two rows of interleaved chroma, split into U and V.
    split: [[Vec<u8>; 2]; 2],
    /// A picture with planes of its own for each chroma component.
    planar: FrameBuf,
    /// By column: the left one of two source samples, and the weight of the right one in 1/256.
    columns: Vec<(usize, u16)>,
    /// The source at the row of the output.
    blended: Vec<u8>,
}

impl Downscaler {
    /// Halves `picture` into `out`, which is reallocated if its size differs.
    pub(crate) fn halve(&mut self, kernels: &Kernels, picture: &Picture<'_>, out: &mut FrameBuf) {
        let size = picture.size().chroma();
        if out.size() != size {
            *out = FrameBuf::new(size, 0);
        }
        let [mut luma, mut u, mut v] = out.planes_mut();
        self.halve_plane(kernels, picture.luma(), size, &mut luma);
        let chroma = size.chroma();
        match picture.chroma() {
            Chroma::Planar { u: from_u, v: from_v } => {
                self.halve_plane(kernels, from_u, chroma, &mut u);
                self.halve_plane(kernels, from_v, chroma, &mut v);
            }
            Chroma::Interleaved(uv) => self.halve_interleaved(kernels, uv, chroma, [u, v]),
        }
    }

    /// Scales `picture` into `out`, which is reallocated if its size is not `size`. Each sample is a mean of the
    /// four nearest ones, so ratios above 2 need steps of [`Self::halve`] before.
    pub(crate) fn resize(&mut self, picture: &Picture<'_>, size: Size, out: &mut FrameBuf) {
        if out.size() != size {
            *out = FrameBuf::new(size, 0);
        }
        let mut planar = std::mem::take(&mut self.planar);
        let source = if matches!(picture.chroma(), Chroma::Interleaved(_)) {
            if planar.size() != picture.size() {
                planar = FrameBuf::new(picture.size(), 0);
            }
            planar.fill_from(picture);
            planar.picture(picture.info)
        } else {
            *picture
        };
        let [mut luma, mut u, mut v] = out.planes_mut();
        self.resize_plane(source.luma(), size, &mut luma);
        if let Chroma::Planar { u: from_u, v: from_v } = source.chroma() {
            self.resize_plane(from_u, size.chroma(), &mut u);
            self.resize_plane(from_v, size.chroma(), &mut v);
        }
        self.planar = planar;
    }

    fn resize_plane(&mut self, from: PlaneRef<'_>, size: Size, to: &mut PlaneMut<'_>) {
        let (width, height) = (from.layout().width, from.layout().height);
        let (to_width, to_height) = (size.width as usize, size.height as usize);
        self.columns.clear();
        self.columns.extend((0..to_width).map(|x| source_position(x, width, to_width)));
        for y in 0..to_height {
            let (top, weight) = source_position(y, height, to_height);
            let rows = from.row(top).iter().zip(from.row((top + 1).min(height - 1)));
            self.blended.clear();
            self.blended.extend(rows.take(width).map(|(&a, &b)| blend(a, b, weight)));
            let out = &mut to.row_mut(y)[..to_width];
            for (out, &(left, weight)) in out.iter_mut().zip(&self.columns) {
                let right = (left + 1).min(width - 1);
                *out = blend(self.blended[left], self.blended[right], weight);
            }
        }
    }

    fn halve_plane(
        &mut self,
        kernels: &Kernels,
        from: PlaneRef<'_>,
        size: Size,
        to: &mut PlaneMut<'_>,
    ) {
        let last = from.layout().height - 1;
        for y in 0..size.height as usize {
            let sources = [from.row((2 * y).min(last)), from.row((2 * y + 1).min(last))];
            halve_rows(kernels, sources, &mut self.rows, &mut to.row_mut(y)[..size.width as usize]);
        }
    }

    fn halve_interleaved(
        &mut self,
        kernels: &Kernels,
        from: PlaneRef<'_>,
        size: Size,
        mut to: [PlaneMut<'_>; 2],
    ) {
        let layout = from.layout();
        let (width, last) = (layout.width / 2, layout.height - 1);
        for y in 0..size.height as usize {
            for (row, [u, v]) in self.split.iter_mut().enumerate() {
                u.resize(width, 0);
                v.resize(width, 0);
                let uv = &from.row((2 * y + row).min(last))[..2 * width];
                kernels.split_uv_row(uv, u, v);
            }
            for (plane, to) in to.iter_mut().enumerate() {
                let sources = [&self.split[0][plane][..], &self.split[1][plane][..]];
                let to = &mut to.row_mut(y)[..size.width as usize];
                halve_rows(kernels, sources, &mut self.rows, to);
            }
        }
    }
}

/// Returns the source sample before the center of sample `at` of `to`, and the weight of the next one in 1/256; `from`
/// and `to` are lengths.
fn source_position(at: usize, from: usize, to: usize) -> (usize, u16) {
    // The center of the first sample is at half a sample.
    let center_q8 = (256 * (2 * at + 1) * from / (2 * to.max(1))).saturating_sub(128);
    let first = (center_q8 / 256).min(from.saturating_sub(1));
    (first, u16::try_from(center_q8 % 256).unwrap_or(0))
}

/// Returns the mean of two samples; `weight` is the weight of `b` in 1/256.
fn blend(a: u8, b: u8, weight: u16) -> u8 {
    let sum = u16::from(a) * (256 - weight) + u16::from(b) * weight + 128;
    sum.to_be_bytes()[0]
}

/// Halves two rows; `padded` is room for rows with an odd number of samples.
fn halve_rows(kernels: &Kernels, [a, b]: [&[u8]; 2], padded: &mut [Vec<u8>; 2], out: &mut [u8]) {
    let needed = 2 * out.len();
    if a.len() >= needed {
        return kernels.halve_row(&a[..needed], &b[..needed], out);
    }
    for (row, from) in padded.iter_mut().zip([a, b]) {
        row.clear();
        row.extend_from_slice(from);
        row.resize(needed, from.last().copied().unwrap_or_default());
    }
    kernels.halve_row(&padded[0], &padded[1], out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PictureInfo;

    #[test]
    fn other_ratios_keep_slopes_and_flat_areas() {
        let (from, to) = (Size::new(90, 60), Size::new(60, 41));
        let mut samples = vec![77; usize::try_from(from.i420_bytes()).unwrap()];
        for (index, sample) in samples[..90 * 60].iter_mut().enumerate() {
            *sample = u8::try_from(2 * (index % 90)).unwrap();
        }
        let planar = Picture::i420_packed(from, &samples).unwrap();
        let uv = vec![77; 90 * 30];
        let nv12 = Picture::nv12(from, (&samples[..90 * 60], 90), (&uv, 90)).unwrap();
        let [mut a, mut b] = [FrameBuf::new(to, 0), FrameBuf::default()];
        let mut scaler = Downscaler::default();
        scaler.resize(&planar, to, &mut a);
        scaler.resize(&nv12, to, &mut b);
        assert_eq!((b.size(), a.digest()), (to, b.digest()));
        for row in a.visible_rows(0) {
            for (x, &sample) in row.iter().enumerate() {
                // Sample x covers samples 1.5 x to 1.5 x + 1.5 of the source.
                let mean = u8::try_from(3 * x).unwrap();
                assert!(sample.abs_diff(mean) <= 1, "{x}: {sample}");
            }
        }
        assert!(a.visible_rows(1).flatten().all(|&sample| sample == 77));
        let same = Size::new(90, 60);
        scaler.resize(&planar, same, &mut b);
        assert_eq!(b.digest(), FrameBuf::copy_of(&planar).digest());
    }

    #[test]
    fn both_chroma_layouts_give_the_same_picture() {
        for (width, height) in [(32, 16), (37, 19), (1, 3)] {
            let size = Size::new(width, height);
            let samples: Vec<u8> =
                (0..size.i420_bytes()).map(|at| (at * 37 % 251).to_le_bytes()[0]).collect();
            let planar = Picture::i420_packed(size, &samples).unwrap();
            let luma = (width * height) as usize;
            let (u, v) = samples[luma..].split_at((samples.len() - luma) / 2);
            let uv: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
            let stride = size.chroma().width as usize;
            let whole = (&samples[..luma], width as usize);
            let nv12 = Picture::nv12(size, whole, (&uv, 2 * stride)).unwrap();
            let [mut a, mut b] = [FrameBuf::new(size, 0), FrameBuf::new(size, 0)];
            let mut scaler = Downscaler::default();
            scaler.halve(Kernels::best(), &planar, &mut a);
            scaler.halve(Kernels::best(), &nv12, &mut b);
            assert_eq!(a.size(), size.chroma());
            assert_eq!(a.digest(), b.digest());
            let first = |x: usize, y: usize| {
                let (x, y) = (x.min(width as usize - 1), y.min(height as usize - 1));
                u32::from(samples[y * width as usize + x])
            };
            let mean = (first(0, 0) + first(1, 0) + first(0, 1) + first(1, 1) + 2) >> 2;
            let picture = a.picture(PictureInfo::default());
            assert_eq!(u32::from(picture.luma().row(0)[0]), mean);
        }
    }
}
