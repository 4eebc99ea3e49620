//! The source samples of a superblock.

use codec_core::frame::{Chroma, Picture};
use codec_simd::{Block16, Kernels, PlaneRef};

/// Samples of a superblock; those outside of the frame repeat its edge.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Luma by macroblock, in raster order.
    pub(crate) macroblocks: [Block16; 16],
    /// The same samples by row: luma, U, V, all with a stride of 64.
    planes: [[[u8; 64]; 64]; 3],
}

impl Default for Source {
    fn default() -> Self {
        Self {
            macroblocks: std::array::from_fn(|_| Block16::default()),
            planes: [[[0; 64]; 64]; 3],
        }
    }
}

/// Distance of rows in [`Source::block`].
pub(crate) const SOURCE_STRIDE: usize = 64;

impl Source {
    /// Copies the superblock at a position in superblocks.
    pub(crate) fn gather(
        &mut self,
        kernels: &Kernels,
        picture: &Picture<'_>,
        row: usize,
        col: usize,
    ) {
        let [luma, u, v] = &mut self.planes;
        let (x, y) = (32 * col, 32 * row);
        gather_luma(luma, &mut self.macroblocks, picture.luma(), (2 * x, 2 * y));
        match picture.chroma() {
            Chroma::Planar { u: from_u, v: from_v } => {
                for (to, from) in [(u, from_u), (v, from_v)] {
                    for (to, y) in to[..32].iter_mut().zip(y..) {
                        copy_row::<32>(&mut to[..], &row_of(&from, y)[x..]);
                    }
                }
            }
            Chroma::Interleaved(uv) => {
                for ((u, v), y) in u[..32].iter_mut().zip(&mut v[..32]).zip(y..) {
                    let pairs = &row_of(&uv, y)[2 * x..];
                    let length = (pairs.len() / 2).min(32);
                    kernels.split_uv_row(&pairs[..2 * length], &mut u[..length], &mut v[..length]);
                    for to in [u, v] {
                        let last = to[length - 1];
                        to[length..32].fill(last);
                    }
                }
            }
        }
    }

    /// The samples of a plane from a position in the superblock on.
    #[inline]
    pub(crate) fn block(&self, plane: usize, x: usize, y: usize) -> &[u8] {
        &self.planes[plane].as_flattened()[y * SOURCE_STRIDE + x..]
    }

    /// Luma of the macroblock at a position in units of 8 pixels.
    #[inline]
    pub(crate) fn macroblock(&self, row: usize, col: usize) -> &Block16 {
        &self.macroblocks[row % 8 / 2 * 4 + col % 8 / 2]
    }
}

/// Copies luma from a position on, by rows and by macroblocks.
fn gather_luma(
    rows: &mut [[u8; 64]; 64],
    macroblocks: &mut [Block16; 16],
    plane: PlaneRef<'_>,
    (x, y): (usize, usize),
) {
    let groups = rows.as_chunks_mut::<16>().0.iter_mut().zip(macroblocks.as_chunks_mut::<4>().0);
    for (group, (rows, macroblocks)) in groups.enumerate() {
        for (line, row) in rows.iter_mut().enumerate() {
            copy_row::<64>(row, &row_of(&plane, y + 16 * group + line)[x..]);
            for (mb, from) in macroblocks.iter_mut().zip(row.as_chunks::<16>().0) {
                mb.0[line] = *from;
            }
        }
    }
}

/// A row of a plane, or its last one.
fn row_of<'a>(plane: &PlaneRef<'a>, y: usize) -> &'a [u8] {
    plane.row(y.min(plane.layout().height - 1))
}

/// Copies the first `N` samples; the last one repeats if there are fewer.
#[inline]
fn copy_row<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
        return;
    }
    let (inside, outside) = to[..N].split_at_mut(from.len());
    inside.copy_from_slice(from);
    outside.fill(from[from.len() - 1]);
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Size;

    use super::*;

    #[test]
    fn samples_outside_of_the_frame_repeat_the_edge() {
        let size = Size::new(70, 67);
        let luma: Vec<u8> = (0..67_u8).flat_map(|y| (0..70).map(move |x| x ^ (3 * y))).collect();
        let chroma = |seed: u8| (0..34_u8).flat_map(move |y| (0..35).map(move |x| x ^ y ^ seed));
        let (u, v): (Vec<u8>, Vec<u8>) = chroma(5).zip(chroma(77)).unzip();
        let uv: Vec<u8> = u.iter().zip(&v).flat_map(|(&u, &v)| [u, v]).collect();
        let planar = Picture::i420(size, (&luma, 70), (&u, 35), (&v, 35)).unwrap();
        let nv12 = Picture::nv12(size, (&luma, 70), (&uv, 70)).unwrap();
        for (row, col) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut source = Source::default();
            for picture in [&planar, &nv12] {
                source.gather(Kernels::best(), picture, row, col);
                for (plane, side, from, (width, height)) in
                    [(0, 64, &luma, (70, 67)), (1, 32, &u, (35, 34)), (2, 32, &v, (35, 34))]
                {
                    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                        let at = (side * row + y).min(height - 1) * width;
                        let expected = from[at + (side * col + x).min(width - 1)];
                        assert_eq!(source.block(plane, x, y)[0], expected, "{plane} {x} {y}");
                        if plane == 0 {
                            let mb = source.macroblock(y / 8, x / 8);
                            assert_eq!(mb.0[y % 16][x % 16], expected);
                        }
                    }
                }
                source.planes = [[[1; 64]; 64]; 3];
            }
        }
    }
}
