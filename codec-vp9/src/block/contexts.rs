//! Entropy contexts of partitions and of coefficients, which follow from the blocks above and on
//! the left.

use std::ops::Range;

use codec_core::frame::Sampling;

use super::fill::fill;
use crate::types::{BlockSize, TxSize};

/// State of the blocks above a row of superblocks, and on the left in it.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    /// By column of 8 pixels: see [`Contexts::partition`].
    above_partition: Vec<u8>,
    left_partition: [u8; 8],
    /// Whether units of 4 samples have coefficients, by plane: a bit for each, the first one in the lowest bit.
    above_nonzero: [Vec<u16>; 3],
    left_nonzero: [u16; 3],
}

/// The state next to a superblock of 4:2:0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SavedContexts {
    above: AboveContexts,
    left_partition: [u8; 8],
    left_nonzero: [u16; 3],
}

/// The state of the blocks above a superblock of 4:2:0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AboveContexts {
    partition: [u8; 8],
    nonzero: [u16; 3],
}

/// Units in a word of [`Contexts::above_nonzero`].
const WORD: usize = 16;

/// The bits of `count` units, 1 to 16, from a position on, in its word.
#[inline]
fn bits(at: usize, count: usize) -> u16 {
    (u16::MAX >> (WORD - count.clamp(1, WORD))) << (at % WORD)
}

/// The bits of the units before `end` in the word of the unit at `at`.
#[inline]
fn bits_before(end: usize, at: usize) -> u16 {
    let count = end.saturating_sub(at - at % WORD);
    if count == 0 { 0 } else { bits(0, count) }
}

/// The units of a plane of 4:2:0 next to the superblock whose first column is `col`, in units of 8 pixels: the
/// word, the first bit, and the bits.
#[inline]
fn superblock_units(plane: usize, col: usize) -> (usize, usize, u16) {
    let (first, count) = if plane == 0 { (2 * col, 16) } else { (col, 8) };
    (first / WORD, first % WORD, bits(first, count))
}

/// Copies the first `N` values. The lists of a frame have room for all of them next to each superblock.
#[inline]
fn copy<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
}

/// Whether units of 4 samples of a plane have coefficients: those above the blocks of a superblock, and those on
/// the left. The plane of a block is coded with a copy of them, which registers hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoefficientFlags {
    above: u16,
    left: u16,
}

impl CoefficientFlags {
    /// Context of the coefficients of a transform: how many of its neighbours have any. `x` and `y` are in units of
    /// 4 samples of the plane.
    #[inline]
    pub(crate) fn context(self, (x, y): (usize, usize), tx: TxSize) -> usize {
        let above = self.above & bits(x, tx.units());
        let left = self.left & bits(y, tx.units());
        usize::from(above != 0) + usize::from(left != 0)
    }

    /// Notes whether a transform has coefficients. Units at `end` (x, y) and after it are outside of the frame.
    #[inline]
    pub(crate) fn set(
        &mut self,
        (x, y): (usize, usize),
        tx: TxSize,
        end: (usize, usize),
        value: bool,
    ) {
        let units = tx.units();
        let set = |word: &mut u16, at: usize, end: usize| {
            *word &= !bits(at, units);
            if value {
                *word |= bits(at, units) & bits_before(end, at);
            }
        };
        set(&mut self.above, x, end.0);
        set(&mut self.left, y, end.1);
    }

    /// [`Self::set`] for a transform that is entirely in the frame.
    #[inline]
    pub(crate) fn set_inside(&mut self, (x, y): (usize, usize), tx: TxSize, value: bool) {
        for (word, at) in [(&mut self.above, x), (&mut self.left, y)] {
            let own = bits(at, tx.units());
            *word = if value { *word | own } else { *word & !own };
        }
    }
}

impl Contexts {
    /// Clears everything, for a frame of `superblocks` columns.
    pub(crate) fn reset(&mut self, superblocks: usize) {
        self.above_partition.clear();
        self.above_partition.resize(superblocks * 8, 0);
        for plane in &mut self.above_nonzero {
            plane.clear();
            plane.resize(superblocks, 0);
        }
        self.reset_left();
    }

    /// Copies the state next to a superblock whose first column is `col`, in units of 8 pixels.
    pub(crate) fn save(&self, col: usize) -> SavedContexts {
        SavedContexts {
            above: self.above(col),
            left_partition: self.left_partition,
            left_nonzero: self.left_nonzero,
        }
    }

    /// Restores the state next to the superblock at `col`.
    pub(crate) fn restore(&mut self, col: usize, saved: &SavedContexts) {
        self.left_partition = saved.left_partition;
        self.left_nonzero = saved.left_nonzero;
        self.set_above(col, &saved.above);
    }

    /// Returns the state of the blocks above the next row of superblocks, at the superblock at `col`.
    pub(crate) fn above(&self, col: usize) -> AboveContexts {
        let mut above = AboveContexts::default();
        copy::<8>(&mut above.partition, &self.above_partition[col..]);
        for (plane, to) in above.nonzero.iter_mut().enumerate() {
            let (word, first, bits) = superblock_units(plane, col);
            *to = (self.above_nonzero[plane][word] & bits) >> first;
        }
        above
    }

    /// Replaces the state of the blocks above the superblock at `col`.
    pub(crate) fn set_above(&mut self, col: usize, above: &AboveContexts) {
        copy::<8>(&mut self.above_partition[col..], &above.partition);
        for (plane, from) in above.nonzero.iter().enumerate() {
            let (word, first, bits) = superblock_units(plane, col);
            let to = &mut self.above_nonzero[plane][word];
            *to = *to & !bits | from << first;
        }
    }

    /// Clears the state on the left, at the start of a row of superblocks in a tile.
    pub(crate) fn reset_left(&mut self) {
        self.left_partition = [0; 8];
        self.left_nonzero = [0; 3];
    }

    /// Context of the partition of a square block at `level` (0 is 64x64, 3 is 8x8).
    #[inline]
    pub(crate) fn partition(&self, row: usize, col: usize, level: usize) -> usize {
        // One bit per size, the smallest one first: set if the neighbour is smaller.
        let size = 3 - level;
        let above = usize::from(self.above_partition[col] >> size & 1);
        let left = usize::from(self.left_partition[row % 8] >> size & 1);
        4 * size + 2 * left + above
    }

    /// Notes the block size in the square block at `level`.
    #[inline]
    pub(crate) fn set_partition(&mut self, row: usize, col: usize, level: usize, size: BlockSize) {
        let smaller_than = |log2_4: usize| 0xf_u8 << log2_4 & 0xf;
        let (width, height) = size.log2_4();
        let units = 8 >> level;
        fill(&mut self.above_partition[col..], units, smaller_than(width));
        fill(&mut self.left_partition[row % 8..], units, smaller_than(height));
    }

    /// The flags of coefficients next to a block whose first unit of 4 samples of a plane is at the column `x`.
    #[inline]
    pub(crate) fn flags(&self, plane: usize, x: usize) -> CoefficientFlags {
        CoefficientFlags {
            above: self.above_nonzero[plane][x / WORD],
            left: self.left_nonzero[plane],
        }
    }

    /// Replaces the flags that [`Self::flags`] returned.
    #[inline]
    pub(crate) fn set_flags(&mut self, plane: usize, x: usize, flags: CoefficientFlags) {
        self.above_nonzero[plane][x / WORD] = flags.above;
        self.left_nonzero[plane] = flags.left;
    }

    /// See [`CoefficientFlags::context`].
    #[inline]
    pub(crate) fn nonzero(&self, plane: usize, x: usize, y: usize, tx: TxSize) -> usize {
        self.flags(plane, x).context((x, y), tx)
    }

    /// See [`CoefficientFlags::set`].
    #[inline]
    pub(crate) fn set_nonzero(
        &mut self,
        plane: usize,
        at: (usize, usize),
        tx: TxSize,
        end: (usize, usize),
        value: bool,
    ) {
        let mut flags = self.flags(plane, at.0);
        flags.set(at, tx, end, value);
        self.set_flags(plane, at.0, flags);
    }

    /// Notes that a block has no coefficients; `cols` and `rows` are in units of 8 luma pixels.
    #[inline]
    pub(crate) fn clear_nonzero(
        &mut self,
        cols: Range<usize>,
        rows: Range<usize>,
        sampling: Sampling,
    ) {
        for plane in 0..3 {
            let [shift_x, shift_y] =
                sampling.halved().map(|halved| usize::from(halved && plane > 0));
            let from = (2 * cols.start) >> shift_x;
            self.above_nonzero[plane][from / WORD] &= !bits(from, (2 * cols.len()) >> shift_x);
            let from = (2 * rows.start) >> shift_y;
            self.left_nonzero[plane] &= !bits(from, (2 * rows.len()) >> shift_y);
        }
    }
}
