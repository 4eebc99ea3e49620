//! Data that a row of macroblocks passes to the row below while both rows are being coded.
//!
//! Each macroblock writes one cell before [`Progress::advance`]; the row below reads it after
//! [`Progress::wait_for`]. These two calls order the relaxed atomic accesses. Memory for two rows
//! of cells suffices: row n overwrites a cell of row n - 2 only after row n - 1, which is two or
//! more columns ahead, has read it.
//!
//! [`Progress::advance`]: codec_core::parallel::Progress::advance
//! [`Progress::wait_for`]: codec_core::parallel::Progress::wait_for

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::picture::Mv;

/// Bottom line of a macroblock, before deblocking.
#[derive(Clone, Copy, Debug)]
pub(super) struct BottomLine {
    pub luma: [u8; 16],
    pub chroma: [[u8; 8]; 2],
}

/// Decisions on a macroblock that its neighbours need: of its bottom or right 4x4 blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MbSide {
    /// Reference indices of the two 8x8 blocks; -1 in intra macroblocks.
    pub refs: [i8; 2],
    /// Vectors of the four 4x4 blocks.
    pub mvs: [Mv; 4],
    /// Intra modes of the four 4x4 blocks; 2 (DC) in others than `Intra_4x4` and `Intra_8x8`.
    pub modes: [u8; 4],
    pub is_skip: bool,
}

/// Motion of list 1 of a macroblock that its neighbours need, as in [`MbSide`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SecondSide {
    pub refs: [i8; 2],
    pub mvs: [Mv; 4],
}

/// Motion of list 1 of one macroblock.
#[derive(Debug, Default)]
struct SecondCell {
    mvs: [AtomicU64; 2],
    refs: AtomicU64,
}

/// Data of one macroblock, in its own cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Cell {
    luma: [AtomicU64; 2],
    chroma: [AtomicU64; 2],
    mvs: [AtomicU64; 2],
    info: AtomicU64,
}

/// Cells of two rows.
#[derive(Debug, Default)]
pub(super) struct RowContext {
    rows: [Vec<Cell>; 2],
    /// Motion of list 1, in B slices.
    second_rows: [Vec<SecondCell>; 2],
}

fn pack_mv(mv: Mv) -> u64 {
    u64::from(mv.x.cast_unsigned()) | u64::from(mv.y.cast_unsigned()) << 16
}

fn store_mvs(cells: &[AtomicU64; 2], mvs: [Mv; 4]) {
    let [a, b, c, d] = mvs.map(pack_mv);
    cells[0].store(a | b << 32, Relaxed);
    cells[1].store(c | d << 32, Relaxed);
}

fn load_mvs(cells: &[AtomicU64; 2]) -> [Mv; 4] {
    let (left, right) = (cells[0].load(Relaxed), cells[1].load(Relaxed));
    [left, left >> 32, right, right >> 32].map(unpack_mv)
}

#[expect(clippy::cast_possible_truncation, reason = "takes sixteen bits at a time")]
fn unpack_mv(bits: u64) -> Mv {
    Mv { x: (bits as u16).cast_signed(), y: ((bits >> 16) as u16).cast_signed() }
}

impl MbSide {
    /// References, modes and the skip flag in eight bytes.
    fn pack(&self) -> u64 {
        let [a, b] = self.refs.map(i8::cast_unsigned);
        let [c, d, e, f] = self.modes;
        u64::from_le_bytes([a, b, c, d, e, f, u8::from(self.is_skip), 0])
    }

    fn unpack(info: u64, mvs: [Mv; 4]) -> Self {
        let [a, b, c, d, e, f, is_skip, _] = info.to_le_bytes();
        Self { refs: [a, b].map(u8::cast_signed), mvs, modes: [c, d, e, f], is_skip: is_skip != 0 }
    }
}

impl RowContext {
    /// Resizes to rows of `cols` macroblocks.
    pub(super) fn resize(&mut self, cols: usize) {
        for row in &mut self.rows {
            row.resize_with(cols, Cell::default);
        }
        for row in &mut self.second_rows {
            row.resize_with(cols, SecondCell::default);
        }
    }

    /// Stores the data of the macroblock at column `col` of row `row`.
    #[inline]
    pub(super) fn put(&self, row: usize, col: usize, line: &BottomLine, side: &MbSide) {
        let cell = &self.rows[row % 2][col];
        let (halves, _) = line.luma.as_chunks::<8>();
        for (to, &from) in cell.luma.iter().zip(halves) {
            to.store(u64::from_le_bytes(from), Relaxed);
        }
        for (to, from) in cell.chroma.iter().zip(line.chroma) {
            to.store(u64::from_le_bytes(from), Relaxed);
        }
        store_mvs(&cell.mvs, side.mvs);
        cell.info.store(side.pack(), Relaxed);
    }

    /// Stores the motion of list 1 of the macroblock at column `col` of row `row`.
    pub(super) fn put_second(&self, row: usize, col: usize, side: &SecondSide) {
        let cell = &self.second_rows[row % 2][col];
        store_mvs(&cell.mvs, side.mvs);
        let [a, b] = side.refs.map(i8::cast_unsigned);
        cell.refs.store(u64::from_le_bytes([a, b, 0, 0, 0, 0, 0, 0]), Relaxed);
    }

    /// Returns what [`Self::put_second`] stored.
    pub(super) fn second_side(&self, row: usize, col: usize) -> SecondSide {
        let cell = &self.second_rows[row % 2][col];
        let [a, b, ..] = cell.refs.load(Relaxed).to_le_bytes();
        SecondSide { refs: [a, b].map(u8::cast_signed), mvs: load_mvs(&cell.mvs) }
    }

    /// Returns the decisions on the macroblock at column `col` of row `row`, which must have been
    /// stored with [`Self::put`].
    #[inline]
    pub(super) fn side(&self, row: usize, col: usize) -> MbSide {
        let cell = &self.rows[row % 2][col];
        MbSide::unpack(cell.info.load(Relaxed), load_mvs(&cell.mvs))
    }

    /// Returns the motion of the leftmost block of [`Self::side`].
    #[inline]
    pub(super) fn first_motion(&self, row: usize, col: usize) -> (i8, Mv) {
        let cell = &self.rows[row % 2][col];
        let [reference, ..] = cell.info.load(Relaxed).to_le_bytes();
        (reference.cast_signed(), unpack_mv(cell.mvs[0].load(Relaxed)))
    }

    /// Returns the motion of the rightmost block of [`Self::side`].
    #[inline]
    pub(super) fn last_motion(&self, row: usize, col: usize) -> (i8, Mv) {
        let cell = &self.rows[row % 2][col];
        let [_, reference, ..] = cell.info.load(Relaxed).to_le_bytes();
        (reference.cast_signed(), unpack_mv(cell.mvs[1].load(Relaxed) >> 32))
    }

    /// Returns the bottom line of the macroblock at column `col` of row `row`, which must have been
    /// stored with [`Self::put`].
    #[inline]
    pub(super) fn line(&self, row: usize, col: usize) -> BottomLine {
        let cell = &self.rows[row % 2][col];
        let mut luma = [0; 16];
        luma[..8].copy_from_slice(&cell.luma[0].load(Relaxed).to_le_bytes());
        luma[8..].copy_from_slice(&cell.luma[1].load(Relaxed).to_le_bytes());
        let chroma = [0, 1].map(|plane| cell.chroma[plane].load(Relaxed).to_le_bytes());
        BottomLine { luma, chroma }
    }

    /// Returns the eight leftmost luma samples of the bottom line at column `col` of row `row`.
    #[inline]
    pub(super) fn first_luma(&self, row: usize, col: usize) -> [u8; 8] {
        self.rows[row % 2][col].luma[0].load(Relaxed).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_below_gets_the_stored_data() {
        let mut context = RowContext::default();
        context.resize(3);
        let line = BottomLine {
            luma: std::array::from_fn(|n| n.to_le_bytes()[0]),
            chroma: [[20; 8], [30; 8]],
        };
        for n in -3..3 {
            let side = MbSide {
                refs: [-1, 2],
                mvs: [0, 1, 2, 3].map(|m| Mv { x: i16::MIN + m, y: n - m }),
                modes: [0, 8, 2, 5],
                is_skip: n == 0,
            };
            context.put(5, 2, &line, &side);
            assert_eq!(context.side(5, 2), side);
            let got = context.line(5, 2);
            assert_eq!((got.luma, got.chroma), (line.luma, line.chroma));
            assert_eq!(context.first_luma(5, 2), [0, 1, 2, 3, 4, 5, 6, 7]);
            let second = SecondSide { refs: [n.to_le_bytes()[0].cast_signed(), 1], mvs: side.mvs };
            context.put_second(5, 2, &second);
            assert_eq!(context.second_side(5, 2), second);
        }
    }
}
