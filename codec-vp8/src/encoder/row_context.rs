//! Data that a macroblock row passes to the row below while the upper row is still being coded.
//!
//! Each macroblock writes one cell before [`Progress::advance`]; the row below reads it after
//! [`Progress::wait_for`]. These two calls order the relaxed atomic accesses. Memory for two rows
//! of cells suffices: row n overwrites a cell of row n - 2 only after row n - 1, which is two or
//! more columns ahead, has read it.
//!
//! [`Progress::advance`]: codec_core::parallel::Progress::advance
//! [`Progress::wait_for`]: codec_core::parallel::Progress::wait_for

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use codec_simd::{IntraMode, SubblockMode};

use crate::modes::SubblockSide;
use crate::types::{InterMode, IntraLuma, MbMode, MotionVector, Partitioning, Reference};

/// Bottom pixel row of the macroblock above, before the loop filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct AbovePixels {
    pub(super) luma: [u8; 16],
    pub(super) u: [u8; 8],
    pub(super) v: [u8; 8],
}

/// Mode and block flags of the macroblock above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AboveInfo {
    /// Its mode, without chroma mode and partitioning, which the row below does not need.
    pub(super) mode: MbMode,
    /// Flags of its bottom blocks with coefficients: bits 0..4 Y, 4..6 U, 6..8 V, 8 Y2.
    pub(super) nonzero: u16,
}

impl Default for AbovePixels {
    /// Returns the values above the frame.
    fn default() -> Self {
        Self { luma: [127; 16], u: [127; 8], v: [127; 8] }
    }
}

/// Data of one macroblock, in its own cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Cell {
    luma: [AtomicU64; 2],
    u: AtomicU64,
    v: AtomicU64,
    info: AtomicU64,
    mvs: [AtomicU64; 2],
}

/// Cells of two rows.
#[derive(Debug, Default)]
pub(super) struct RowContext {
    rows: [Vec<Cell>; 2],
}

const INTER_MODES: [InterMode; 5] = [
    InterMode::Nearest,
    InterMode::Near,
    InterMode::Zero,
    InterMode::New,
    InterMode::Split(Partitioning::TopBottom),
];

fn pack_mv(mv: MotionVector) -> u64 {
    u64::from(mv.x.cast_unsigned()) | u64::from(mv.y.cast_unsigned()) << 16
}

#[expect(clippy::cast_possible_truncation, reason = "takes sixteen bits at a time")]
fn unpack_mv(bits: u64) -> MotionVector {
    MotionVector::new((bits as u16).cast_signed(), ((bits >> 16) as u16).cast_signed())
}

impl AboveInfo {
    fn is_split(&self) -> bool {
        matches!(self.mode, MbMode::Inter { mode: InterMode::Split(_), .. })
    }

    fn pack(self, modes: [SubblockMode; 4]) -> u64 {
        let modes = modes.iter().rev().fold(0, |bits, &mode| bits << 4 | mode as u64);
        let luma = match self.mode {
            MbMode::Intra { luma, .. } => luma.index(),
            MbMode::Inter { mode, .. } => mode.index(),
        };
        pack_mv(self.mode.mv())
            | modes << 32
            | (self.mode.reference_index() as u64) << 48
            | (luma as u64) << 50
            | u64::from(self.nonzero) << 54
    }

    fn unpack(bits: u64) -> Self {
        let luma = ((bits >> 50) as usize % 16).min(4);
        let inter =
            |reference| MbMode::Inter { reference, mode: INTER_MODES[luma], mv: unpack_mv(bits) };
        let mode = match bits >> 48 & 3 {
            0 => MbMode::Intra { luma: IntraLuma::ALL[luma], chroma: IntraMode::Dc },
            1 => inter(Reference::Last),
            2 => inter(Reference::Golden),
            _ => inter(Reference::Altref),
        };
        Self { mode, nonzero: (bits >> 54) as u16 }
    }
}

impl RowContext {
    /// Resizes to rows of `cols` macroblocks.
    pub(super) fn resize(&mut self, cols: usize) {
        for row in &mut self.rows {
            row.resize_with(cols, Cell::default);
        }
    }

    /// Stores the data of row `row` at column `col`.
    #[inline]
    pub(super) fn put(
        &self,
        row: usize,
        col: usize,
        pixels: &AbovePixels,
        info: AboveInfo,
        bottom: &SubblockSide,
    ) {
        let cell = &self.rows[row % 2][col];
        let (halves, _) = pixels.luma.as_chunks::<8>();
        for (to, &from) in cell.luma.iter().zip(halves) {
            to.store(u64::from_le_bytes(from), Relaxed);
        }
        cell.u.store(u64::from_le_bytes(pixels.u), Relaxed);
        cell.v.store(u64::from_le_bytes(pixels.v), Relaxed);
        cell.info.store(info.pack(bottom.modes), Relaxed);
        // Neighbours read sub-block vectors only of split macroblocks.
        if info.is_split() {
            let [a, b, c, d] = bottom.mvs.map(pack_mv);
            cell.mvs[0].store(a | b << 32, Relaxed);
            cell.mvs[1].store(c | d << 32, Relaxed);
        }
    }

    /// Returns the mode and block flags of row `row` at column `col`, which must have been stored
    /// with [`Self::put`].
    #[inline]
    pub(super) fn info(&self, row: usize, col: usize) -> AboveInfo {
        AboveInfo::unpack(self.rows[row % 2][col].info.load(Relaxed))
    }

    /// Returns the pixels of row `row` at column `col`, which must have been stored with
    /// [`Self::put`].
    pub(super) fn pixels(&self, row: usize, col: usize) -> AbovePixels {
        let cell = &self.rows[row % 2][col];
        let mut luma = [0; 16];
        luma[..8].copy_from_slice(&cell.luma[0].load(Relaxed).to_le_bytes());
        luma[8..].copy_from_slice(&cell.luma[1].load(Relaxed).to_le_bytes());
        let (u, v) = (cell.u.load(Relaxed), cell.v.load(Relaxed));
        AbovePixels { luma, u: u.to_le_bytes(), v: v.to_le_bytes() }
    }

    /// Returns the four leftmost pixels of the bottom line at column `col` of row `row`.
    pub(super) fn first_pixels(&self, row: usize, col: usize) -> [u8; 4] {
        let [a, b, c, d, ..] = self.rows[row % 2][col].luma[0].load(Relaxed).to_le_bytes();
        [a, b, c, d]
    }

    /// Returns the bottom sub-blocks of the macroblock described by `info` at column `col` of row
    /// `row`.
    #[expect(clippy::cast_possible_truncation, reason = "takes four bits at a time")]
    pub(super) fn bottom(&self, row: usize, col: usize, info: &AboveInfo) -> SubblockSide {
        let cell = &self.rows[row % 2][col];
        let packed = cell.info.load(Relaxed);
        let modes = std::array::from_fn(|i| {
            SubblockMode::ALL[((packed >> (32 + 4 * i)) as usize % 16).min(9)]
        });
        let mvs = if info.is_split() {
            let (left, right) = (cell.mvs[0].load(Relaxed), cell.mvs[1].load(Relaxed));
            [left, left >> 32, right, right >> 32].map(unpack_mv)
        } else {
            [info.mode.mv(); 4]
        };
        SubblockSide { mvs, modes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_below_gets_the_stored_data() {
        let mut row_context = RowContext::default();
        row_context.resize(3);
        let chroma = IntraMode::Dc;
        let intra = IntraLuma::ALL.map(|luma| MbMode::Intra { luma, chroma });
        let inter = (0..15).map(|n| {
            let step = i16::try_from(n).unwrap();
            let mv = MotionVector::new(-5 * step, i16::MAX - step);
            MbMode::Inter { reference: Reference::ALL[n % 3], mode: INTER_MODES[n % 5], mv }
        });
        for (n, mode) in intra.into_iter().chain(inter).enumerate() {
            let step = i16::try_from(n).unwrap();
            let info = AboveInfo { mode, nonzero: 0x155 ^ step.unsigned_abs() };
            let above = AbovePixels { luma: [3; 16], u: [4; 8], v: [5; 8] };
            let bottom = SubblockSide {
                mvs: [-2, -1, 0, 1].map(|x| MotionVector::new(x, step)),
                modes: std::array::from_fn(|i| SubblockMode::ALL[(i + n) % 10]),
            };
            row_context.put(7, 2, &above, info, &bottom);
            let got = row_context.pixels(7, 2);
            assert_eq!((got.luma, got.u, got.v), ([3; 16], [4; 8], [5; 8]));
            assert_eq!(row_context.info(7, 2), info);
            let got = row_context.bottom(7, 2, &info);
            assert_eq!(got.modes, bottom.modes);
            let mvs = if info.is_split() { bottom.mvs } else { [mode.mv(); 4] };
            assert_eq!(got.mvs, mvs);
        }
    }
}
