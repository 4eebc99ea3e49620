//! Squared errors of the prediction of a block's luma.

use codec_simd::Window;

use super::coder::Coder;
use crate::block::plane_block::PlaneBlock;
use crate::types::TxSize;

/// Squared errors of the prediction of a block's luma, by 8x8 samples of its superblock. Those outside of the
/// block and of the frame are 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Energies([u32; 64]);

impl Energies {
    /// Their sum.
    pub(super) fn sum(&self) -> u32 {
        self.0.iter().sum()
    }

    /// The energy of a transform at a position in units of 4 samples; `None` if it is smaller than 8x8.
    pub(super) fn of(&self, tx: TxSize, (x, y): (usize, usize)) -> Option<u32> {
        let side = match tx {
            TxSize::Tx4 => return None,
            TxSize::Tx8 => return Some(self.0[y / 2 % 8 * 8 + x / 2 % 8]),
            TxSize::Tx16 => 2,
            TxSize::Tx32 => 4,
        };
        let (x, y) = (x / 2 % 8, y / 2 % 8);
        let rows = self.0.chunks(8).skip(y).take(side);
        Some(rows.flat_map(|row| row.iter().skip(x).take(side)).sum())
    }
}

impl Coder<'_> {
    /// Compares the prediction of a block's luma with its source.
    pub(super) fn luma_energies(&mut self, block: &PlaneBlock) -> Energies {
        let kernels = self.job.kernels;
        let mut energies = [0; 64];
        // In units of 8 samples.
        let cols = block.x / 2..(block.x + block.width).min(block.end.0) / 2;
        let rows = block.y / 2..(block.y + block.height).min(block.end.1) / 2;
        let step = if block.width >= 4 && block.height >= 4 { 2 } else { 1 };
        for row in rows.clone().step_by(step) {
            for col in cols.clone().step_by(step) {
                let cur = self.source.macroblock(row, col);
                let (pred, stride) = self.recon.planes[0].block_mut(8 * col, 8 * row);
                let at = row % 8 * 8 + col % 8;
                if row + 1 < rows.end && col + 1 < cols.end && step == 2 {
                    let Some(pred) = Window::new(pred, stride) else { continue };
                    let [a, b, c, d] = kernels.sse_16x16_quads(cur, pred);
                    (energies[at], energies[at + 1]) = (a, b);
                    (energies[at + 8], energies[at + 9]) = (c, d);
                    continue;
                }
                for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    if down.max(right) >= step || row + down >= rows.end || col + right >= cols.end
                    {
                        continue;
                    }
                    let pred = Window::new(&pred[8 * (down * stride + right)..], stride);
                    let cur = cur.sub((col + right) % 2 * 8, (row + down) % 2 * 8);
                    energies[at + 8 * down + right] =
                        pred.map_or(0, |pred| kernels.sse_8x8(cur, pred));
                }
            }
        }
        Energies(energies)
    }
}
