//! Source macroblocks, copied once into blocks of fixed stride.

use codec_simd::{Block16, BlockUv, Kernels, Layout, PlaneRef};

use super::{Chroma, Picture};

/// Source pixels of one macroblock; pixels outside the frame repeat the edge.
#[derive(Clone, Debug, Default)]
pub struct SourceMb {
    /// 16x16 pixels of luma.
    pub luma: Block16,
    /// 8x8 pixels of U and of V.
    pub chroma: BlockUv,
}

impl SourceMb {
    /// Copies the macroblock at column `col` and row `row` of `picture`.
    pub fn gather(&mut self, kernels: &Kernels, picture: &Picture<'_>, col: usize, row: usize) {
        self.gather_luma(picture, col, row);
        self.gather_chroma(kernels, picture, col, row);
    }

    /// As [`Self::gather`], only luma.
    #[inline]
    pub fn gather_luma(&mut self, picture: &Picture<'_>, col: usize, row: usize) {
        let luma = picture.luma();
        match inside::<16, 16>(&luma, 16 * col, 16 * row) {
            Some(window) => {
                for (y, out) in self.luma.0.iter_mut().enumerate() {
                    *out = *window.row(y);
                }
            }
            None => {
                for (y, out) in self.luma.0.iter_mut().enumerate() {
                    *out = replicated(&luma, 16 * col, 16 * row + y);
                }
            }
        }
    }

    /// As [`Self::gather`], only chroma.
    pub fn gather_chroma(
        &mut self,
        kernels: &Kernels,
        picture: &Picture<'_>,
        col: usize,
        row: usize,
    ) {
        match picture.chroma() {
            Chroma::Planar { u, v } => {
                let (x, y) = (8 * col, 8 * row);
                if let (Some(u), Some(v)) = (inside::<8, 8>(&u, x, y), inside::<8, 8>(&v, x, y)) {
                    for (y, out) in self.chroma.0.iter_mut().enumerate() {
                        out[..8].copy_from_slice(u.row(y));
                        out[8..].copy_from_slice(v.row(y));
                    }
                    return;
                }
                for (line, out) in self.chroma.0.iter_mut().enumerate() {
                    out[..8].copy_from_slice(&replicated::<8>(&u, x, y + line));
                    out[8..].copy_from_slice(&replicated::<8>(&v, x, y + line));
                }
            }
            Chroma::Interleaved(uv) => {
                for (y, out) in self.chroma.0.iter_mut().enumerate() {
                    let pairs = interleaved(&uv, 8 * col, 8 * row + y);
                    let (u, v) = out.split_at_mut(8);
                    kernels.split_uv_row(&pairs, u, v);
                }
            }
        }
    }
}

/// Returns the pixels at (`x`, `y`) if they are all inside the plane.
fn inside<'a, const W: usize, const H: usize>(
    plane: &PlaneRef<'a>,
    x: usize,
    y: usize,
) -> Option<codec_simd::Window<'a, W, H>> {
    let Layout { width, height, .. } = plane.layout();
    if x + W > width || y + H > height {
        return None;
    }
    plane.window(x.cast_signed(), y.cast_signed())
}

/// Returns `W` pixels from column `x` of row `y`, repeating the last column and row.
fn replicated<const W: usize>(plane: &PlaneRef<'_>, x: usize, y: usize) -> [u8; W] {
    let row = plane.row(y.min(plane.layout().height - 1));
    let whole = row.get(x..).and_then(|rest| rest.first_chunk().copied());
    whole.unwrap_or_else(|| std::array::from_fn(|i| row[(x + i).min(row.len() - 1)]))
}

/// Returns eight pairs of U and V from pair `x` of row `y`, repeating the last pair and row.
fn interleaved(plane: &PlaneRef<'_>, x: usize, y: usize) -> [u8; 16] {
    let row = plane.row(y.min(plane.layout().height - 1));
    let last = row.len() / 2 - 1;
    std::array::from_fn(|i| row[2 * (x + i / 2).min(last) + i % 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn pixels_beyond_the_edge_repeat_the_last_ones() {
        let size = Size::new(19, 17);
        let luma: Vec<u8> = (0..17u8).flat_map(|y| (0..19u8).map(move |x| x + 8 * y)).collect();
        let chroma: Vec<u8> = (0..90).collect();
        let picture = Picture::i420(size, (&luma, 19), (&chroma, 10), (&chroma, 10)).unwrap();
        let mut mb = SourceMb::default();
        mb.gather(Kernels::best(), &picture, 1, 1);
        assert_eq!(mb.luma.0[0][..4], [144, 145, 146, 146]);
        assert_eq!(mb.luma.0[15], mb.luma.0[0]);
        assert_eq!(mb.chroma.0[0][..3], [88, 89, 89]);
        assert_eq!(mb.chroma.0[7][8..11], [88, 89, 89]);
    }

    #[test]
    fn interleaved_chroma_gives_the_same_blocks_as_planar() {
        let size = Size::new(21, 9);
        let luma = vec![7; 21 * 9];
        let (u, v): (Vec<u8>, Vec<u8>) = (0..55u8).map(|i| (i, 200 - i)).unzip();
        let uv: Vec<u8> = u.iter().zip(&v).flat_map(|(&u, &v)| [u, v]).collect();
        let planar = Picture::i420(size, (&luma, 21), (&u, 11), (&v, 11)).unwrap();
        let nv12 = Picture::nv12(size, (&luma, 21), (&uv, 22)).unwrap();
        for col in 0..2 {
            let (mut a, mut b) = (SourceMb::default(), SourceMb::default());
            a.gather(Kernels::best(), &planar, col, 0);
            b.gather(Kernels::best(), &nv12, col, 0);
            assert_eq!(a.chroma, b.chroma);
        }
    }
}
