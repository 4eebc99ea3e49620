//! Pictures of the lower spatial layers: each layer is the next higher one, halved.

use codec_simd::{Kernels, PlaneMut, PlaneRef};

use crate::frame::{Chroma, FrameBuf, Picture, Size};

/// Averages 2x2 samples of pictures. Odd sizes are rounded up: the last column and row count twice.
#[derive(Debug, Default)]
pub(super) struct Downscaler {
    /// Two rows of an even number of samples.
    rows: [Vec<u8>; 2],
    /// Two rows of interleaved chroma, split into U and V.
    split: [[Vec<u8>; 2]; 2],
}

impl Downscaler {
    /// Halves `picture` into `out`, which is reallocated if its size differs.
    pub(super) fn halve(&mut self, kernels: &Kernels, picture: &Picture<'_>, out: &mut FrameBuf) {
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
