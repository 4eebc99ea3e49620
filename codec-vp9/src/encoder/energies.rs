//! Squared prediction errors of a block in one plane: one sum for each 8x8 area, stored by its
//! position in the superblock.

use codec_simd::{Error8x8, Window};

use super::coder::Coder;
use super::quantisers::Negligible;
use super::source::SOURCE_STRIDE;
use crate::block::plane_block::PlaneBlock;
use crate::types::TxSize;

/// Errors of the prediction of a block in a plane, by 8x8 samples of its superblock. Outside of the block and of
/// the frame there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Energies {
    /// Sums of squares.
    squares: [u32; 64],
    /// The bit of 8x8 samples is set if their transform has no coefficients worth their bits.
    negligible: u64,
}

impl Energies {
    pub(super) const fn new() -> Self {
        Self { squares: [0; 64], negligible: u64::MAX }
    }

    fn set(&mut self, at: usize, error: Error8x8, limits: Negligible) {
        self.squares[at % 64] = error.squares;
        self.negligible &= !(u64::from(!limits.has(error)) << (at % 64));
    }

    /// The sum of the squares.
    pub(super) fn sum(&self) -> u32 {
        self.squares.iter().sum()
    }

    /// Whether no transform of 8x8 samples has coefficients.
    pub(super) fn are_negligible(&self) -> bool {
        self.negligible == u64::MAX
    }

    /// The energy of the 8x8 samples at a position in units of 4 samples, and whether their transform has no
    /// coefficients.
    #[inline]
    pub(super) fn at(&self, (x, y): (usize, usize)) -> (u32, bool) {
        let index = index(x, y);
        (self.squares[index], self.negligible >> index & 1 == 1)
    }

    /// The energy of a transform of 16x16 or 32x32 samples at a position in units of 4 samples.
    pub(super) fn of(&self, tx: TxSize, (x, y): (usize, usize)) -> u32 {
        let side = tx.units() / 2;
        let (x, y) = (x / 2 % 8, y / 2 % 8);
        let rows = self.squares.chunks(8).skip(y).take(side);
        rows.flat_map(|row| row.iter().skip(x).take(side)).sum()
    }
}

/// The index of the 8x8 samples at a position in units of 4 samples.
#[inline]
fn index(x: usize, y: usize) -> usize {
    y / 2 % 8 * 8 + x / 2 % 8
}

impl Coder<'_> {
    /// Compares the prediction of a block's luma with its source.
    pub(super) fn luma_energies(&mut self, block: &PlaneBlock) -> Energies {
        let kernels = self.job.kernels;
        let limits = self.quantisers().negligible[0];
        let mut energies = Energies::new();
        // In units of 8 samples.
        let cols = block.x / 2..(block.x + block.width).min(block.end.0) / 2;
        let rows = block.y / 2..(block.y + block.height).min(block.end.1) / 2;
        if block.width >= 4 && block.height >= 4 {
            for row in rows.clone().step_by(2) {
                for col in cols.clone().step_by(2) {
                    let cur = self.source.macroblock(row, col);
                    let (pred, stride) = self.recon.planes[0].block_mut(8 * col, 8 * row);
                    let at = row % 8 * 8 + col % 8;
                    if row + 1 < rows.end && col + 1 < cols.end {
                        let Some(pred) = Window::new(pred, stride) else { continue };
                        let errors = kernels.errors_16x16(cur, pred);
                        for (error, offset) in errors.into_iter().zip([0, 1, 8, 9]) {
                            energies.set(at + offset, error, limits);
                        }
                        continue;
                    }
                    for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                        if row + down < rows.end && col + right < cols.end {
                            let error = self.luma_error_8x8(row + down, col + right);
                            energies.set(at + 8 * down + right, error, limits);
                        }
                    }
                }
            }
            return energies;
        }
        for row in rows {
            for col in cols.clone() {
                let error = self.luma_error_8x8(row, col);
                energies.set(row % 8 * 8 + col % 8, error, limits);
            }
        }
        energies
    }

    /// The error of the prediction of 8x8 samples of luma at a position in units of 8 samples.
    fn luma_error_8x8(&mut self, row: usize, col: usize) -> Error8x8 {
        let cur = self.source.macroblock(row, col).sub(col % 2 * 8, row % 2 * 8);
        let (pred, stride) = self.recon.planes[0].block_mut(8 * col, 8 * row);
        let pred = Window::new(pred, stride);
        pred.map_or(Error8x8::default(), |pred| self.job.kernels.errors_8x8(cur, pred))
    }

    /// Compares the prediction of a block in a plane of chroma with its source. Returns `false` if it does not consist
    /// of 8x8 samples inside of the frame.
    pub(super) fn chroma_energies(&mut self, block: &PlaneBlock, energies: &mut Energies) -> bool {
        if !block.is_inside() || !(block.width | block.height).is_multiple_of(2) {
            return false;
        }
        let (right, bottom) = (block.x + block.width, block.y + block.height);
        let kernels = self.job.kernels;
        let limits = self.quantisers().negligible[1];
        for y in (block.y..bottom).step_by(2) {
            for x in (block.x..right).step_by(2) {
                let cur = self.source.block(block.plane, 4 * (x & 7), 4 * (y & 7));
                let (pred, stride) = self.recon.planes[block.plane].block_mut(4 * x, 4 * y);
                let pair = Window::new(cur, SOURCE_STRIDE).zip(Window::new(pred, stride));
                let Some((cur, pred)) = pair else { return false };
                energies.set(index(x, y), kernels.errors_8x8(cur, pred), limits);
            }
        }
        true
    }
}
