//! The source samples of a superblock.

use codec_core::frame::{Picture, SourceMb};
use codec_simd::{Block16, Kernels};

/// Samples of a superblock; those outside of the frame repeat its edge.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Luma by macroblock, in raster order.
    pub(crate) macroblocks: [SourceMb; 16],
    /// The same samples by row: luma, U, V, all with a stride of 64.
    planes: [[[u8; 64]; 64]; 3],
}

impl Default for Source {
    fn default() -> Self {
        Self {
            macroblocks: std::array::from_fn(|_| SourceMb::default()),
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
        for (index, mb) in self.macroblocks.iter_mut().enumerate() {
            let (x, y) = (index % 4, index / 4);
            mb.gather(kernels, picture, 4 * col + x, 4 * row + y);
            let [luma, u, v] = &mut self.planes;
            for (line, from) in mb.luma.0.iter().enumerate() {
                luma[16 * y + line][16 * x..][..16].copy_from_slice(from);
            }
            for (line, from) in mb.chroma.0.iter().enumerate() {
                u[8 * y + line][8 * x..][..8].copy_from_slice(&from[..8]);
                v[8 * y + line][8 * x..][..8].copy_from_slice(&from[8..]);
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
        &self.macroblocks[row % 8 / 2 * 4 + col % 8 / 2].luma
    }
}
