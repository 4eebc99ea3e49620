//! The state at the right and lower edges of written macroblocks, from which the contexts of later
//! macroblocks are derived. ITU-T H.264, clauses 6.4.11 and 9.3.3.1.1.

use super::entropy::NO_BLOCK;
use crate::decoder::entropy::CbpContext;
use crate::decoder::motion_cache::Mvd;

/// Bits of [`Edge::flags`]. Increments of contexts count the neighbours that have them.
pub(super) mod flag {
    /// Not skipped.
    pub(in crate::encoder::write) const CODED: u8 = 1;
    /// Neither skipped nor direct.
    pub(in crate::encoder::write) const NOT_DIRECT: u8 = 2;
    /// Not `I_NxN`.
    pub(in crate::encoder::write) const NOT_NXN: u8 = 4;
    /// Intra with a chroma mode that is not 0.
    pub(in crate::encoder::write) const CHROMA_MODE: u8 = 8;
    pub(in crate::encoder::write) const TRANSFORM_8X8: u8 = 16;
}

/// The right or lower edge of a macroblock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edge {
    pub flags: u8,
    pub cbp: u8,
    /// Whether the DC blocks of luma (bit 0), Cb and Cr have coefficients.
    pub dc_flags: u8,
    /// 8x8 blocks whose reference index is above 0 and not derived: two bits for each list.
    pub refs: u8,
    /// Numbers of coefficients of four luma blocks, two Cb and two Cr blocks.
    pub counts: [u8; 8],
    /// Absolute differences of vectors by list and 4x4 block.
    pub mvds: [[Mvd; 4]; 2],
}

impl Edge {
    /// Returns the edge of a macroblock that is not available; `is_intra` is the current one.
    #[inline]
    pub(super) fn missing(is_cabac: bool, is_intra: bool) -> Self {
        let count = if is_cabac { u8::from(is_intra) } else { NO_BLOCK };
        let dc_flags = if is_intra { 7 } else { 0 };
        Self { cbp: 15, dc_flags, counts: [count; 8], ..Self::default() }
    }

    /// The edge of a skipped macroblock.
    pub(super) const SKIPPED: Self = Self {
        flags: flag::NOT_NXN,
        cbp: 0,
        dc_flags: 0,
        refs: 0,
        counts: [0; 8],
        mvds: [[[0; 2]; 4]; 2],
    };
}

/// The edges left of and above the current macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    pub left: Edge,
    pub top: Edge,
}

impl Near {
    /// Counts the neighbours that have a flag.
    #[inline]
    pub(super) fn count(&self, flag: u8) -> usize {
        usize::from(self.left.flags & flag != 0) + usize::from(self.top.flags & flag != 0)
    }

    pub(super) fn cbp_context(&self) -> CbpContext {
        CbpContext {
            left_luma: self.left.cbp >> 1 & 1 | self.left.cbp >> 2 & 2,
            top_luma: self.top.cbp >> 2 & 3,
            left_chroma: self.left.cbp >> 4,
            top_chroma: self.top.cbp >> 4,
        }
    }
}

/// Values of the blocks of a macroblock, with those left and above: `N` - 1 blocks wide.
pub(super) type Grid<T, const N: usize> = [[T; N]; N];

/// Returns a grid with the values left and above.
#[inline]
pub(super) fn grid<T: Copy + Default, const N: usize>(left: &[T], top: &[T]) -> Grid<T, N> {
    let mut grid = [[T::default(); N]; N];
    grid[0][1..].copy_from_slice(&top[..N - 1]);
    grid[1..].iter_mut().zip(left).for_each(|(row, left)| row[0] = *left);
    grid
}

/// Copies the right column and the lower row of a grid.
#[inline]
pub(super) fn edges_of<T: Copy, const N: usize>(
    grid: &Grid<T, N>,
    right: &mut [T],
    bottom: &mut [T],
) {
    bottom[..N - 1].copy_from_slice(&grid[N - 1][1..]);
    grid[1..].iter().zip(right).for_each(|(row, right)| *right = row[N - 1]);
}
