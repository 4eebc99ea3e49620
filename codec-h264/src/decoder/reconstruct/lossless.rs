//! Residual of lossless macroblocks, which is coded without a transform. ITU-T H.264, clause 8.5.15.

use codec_simd::WindowMut;

use super::Reconstructor;
use crate::macroblock::{BLOCKS, Mb, Prediction};

/// Direction in which the residual is coded as differences of neighbours: the direction of the intra
/// prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Differences {
    None,
    Vertical,
    Horizontal,
}

impl Differences {
    /// Returns the direction for a mode of `Intra_4x4`, `Intra_8x8` or `Intra_16x16`.
    pub(super) fn of_luma(mode: u8) -> Self {
        match mode {
            0 => Self::Vertical,
            1 => Self::Horizontal,
            _ => Self::None,
        }
    }

    fn of_chroma(mode: u8) -> Self {
        match mode {
            1 => Self::Horizontal,
            2 => Self::Vertical,
            _ => Self::None,
        }
    }
}

/// Adds the residual of a block, which is in raster order, to its prediction.
fn add<const N: usize>(
    mut residual: [[i16; N]; N],
    differences: Differences,
    mut dst: WindowMut<'_, N, N>,
) {
    for y in 0..N {
        for x in 0..N {
            let before = match differences {
                Differences::None => 0,
                Differences::Vertical => y.checked_sub(1).map_or(0, |above| residual[above][x]),
                Differences::Horizontal => x.checked_sub(1).map_or(0, |left| residual[y][left]),
            };
            residual[y][x] = residual[y][x].wrapping_add(before);
        }
        for (sample, &difference) in dst.row_mut(y).iter_mut().zip(&residual[y]) {
            let sum = i16::from(*sample).wrapping_add(difference);
            *sample = u8::try_from(sum.clamp(0, 255)).unwrap_or(0);
        }
    }
}

/// Adds a block whose coefficients are stored column by column.
pub(super) fn add_block<const N: usize>(
    coeffs: &[i16],
    differences: Differences,
    dst: WindowMut<'_, N, N>,
) {
    let at = |x: usize, y: usize| coeffs.get(N * x + y).copied().unwrap_or(0);
    let residual = std::array::from_fn(|y| std::array::from_fn(|x| at(x, y)));
    add(residual, differences, dst);
}

/// Returns the residual of luma in raster order.
fn luma_residual(mb: &Mb) -> [[i16; 16]; 16] {
    let mut residual = [[0; 16]; 16];
    let size = if mb.transform_8x8 { 8 } else { 4 };
    let blocks = 16 / (size * size / 16);
    for n in 0..blocks {
        let first = n * 16 / blocks;
        let (left, top) = (4 * BLOCKS[first].0, 4 * BLOCKS[first].1);
        let coeffs = mb.coeffs[first..].as_flattened();
        for (at, &value) in coeffs[..size * size].iter().enumerate() {
            residual[top + at % size][left + at / size] = value;
        }
    }
    residual
}

impl Reconstructor<'_> {
    /// Adds the residual of the luma of an inter or an `Intra_16x16` macroblock.
    pub(super) fn add_lossless_luma(&mut self, mb: &Mb) {
        let differences = match mb.prediction {
            Prediction::Intra16x16(mode) => Differences::of_luma(mode),
            _ => Differences::None,
        };
        let place = self.place(mb, 0);
        add(luma_residual(mb), differences, self.block::<16, 16>(0, place, 0, 0));
    }

    /// Adds the residual of a chroma plane.
    pub(super) fn add_lossless_chroma(&mut self, mb: &Mb, plane: usize) {
        let differences = match mb.prediction {
            Prediction::Inter(_) | Prediction::Pcm => Differences::None,
            _ => Differences::of_chroma(mb.chroma_mode),
        };
        let mut residual = [[0; 8]; 8];
        for (n, block) in mb.coeffs[12 + 4 * plane..].iter().take(4).enumerate() {
            for (at, &value) in block.iter().enumerate() {
                residual[n / 2 * 4 + at % 4][n % 2 * 4 + at / 4] = value;
            }
        }
        let place = self.place(mb, plane);
        add(residual, differences, self.block::<8, 8>(plane, place, 0, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_add_up_along_the_prediction() {
        let residual = [[1, 2, 0, 0], [3, 0, 0, -4], [0, 0, 0, 0], [0, 5, 0, 0]];
        let added = |differences| {
            let mut samples = [[10; 4]; 4];
            add(residual, differences, WindowMut::packed(&mut samples));
            samples
        };
        assert_eq!(added(Differences::None)[1], [13, 10, 10, 6]);
        assert_eq!(added(Differences::Vertical)[3], [14, 17, 10, 6]);
        assert_eq!(added(Differences::Horizontal)[1], [13, 13, 13, 9]);
    }
}
