//! Neighbouring macroblocks. ITU-T H.264, clauses 6.4.9 to 6.4.12.
//!
//! The neighbour of a sample is the sample next to it: in the frame, if the current macroblock is a
//! frame macroblock; in the macroblock's own field, if it is a field macroblock. Table 6-4 of the standard (neighbours in MBAFF frames) follows from
//! this rule.

use crate::macroblock::MbInfo;

/// The macroblock left of the current one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    /// Macroblocks next to the upper and to the lower half.
    pub mbs: [usize; 2],
    /// Rows of their 4x4 blocks next to the four rows of the current macroblock.
    rows: [u8; 4],
}

impl Left {
    /// Returns the row of the 4x4 block next to row `row` of the current macroblock.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> usize {
        usize::from(self.rows[row & 3] & 3)
    }
}

/// The neighbours of a macroblock that are in the same slice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Neighbours {
    pub left: Option<Left>,
    pub top: Option<usize>,
    pub top_right: Option<usize>,
    /// The macroblock, and the row of its 4x4 block.
    pub top_left: Option<(usize, usize)>,
    /// In MBAFF frames: whether the left pair has the other kind of macroblocks.
    pub is_left_mixed: bool,
}

/// Finds neighbours in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'a> {
    pub infos: &'a [MbInfo],
    pub cols: usize,
    /// The first macroblock of the current slice. All from it to the current one are in the slice.
    pub first: usize,
}

impl Finder<'_> {
    /// Returns `mb`, which precedes the current macroblock, if it is in the current slice.
    #[inline]
    fn in_slice(self, mb: Option<usize>) -> Option<usize> {
        mb.filter(|&mb| mb >= self.first)
    }

    /// Returns the neighbours of the macroblock at column `x` of `row`. Rows of the picture are `step`
    /// rows of the frame apart; not for MBAFF frames.
    #[inline(always)]
    pub(crate) fn plain(self, x: usize, row: usize, step: usize) -> Neighbours {
        let (mb, above) = (row * self.cols + x, step * self.cols);
        // How far the slice reaches back.
        let reach = mb.saturating_sub(self.first);
        let back =
            |steps: usize, is_inside: bool| (is_inside && reach >= steps).then(|| mb - steps);
        Neighbours {
            left: back(1, x > 0).map(|mb| Left { mbs: [mb; 2], rows: [0, 1, 2, 3] }),
            top: back(above, true),
            top_right: back(above - 1, x + 1 < self.cols),
            top_left: back(above + 1, x > 0).map(|mb| (mb, 3)),
            is_left_mixed: false,
        }
    }

    /// Returns the macroblock of the pair whose upper one is `pair` that contains a line of the
    /// pair, and the row of the 4x4 block.
    #[inline]
    fn in_pair(self, pair: usize, line: usize) -> (usize, usize) {
        let (second, row) =
            if self.infos[pair].is_field { (line & 1, line >> 1) } else { (line >> 4, line & 15) };
        (pair + second * self.cols, row >> 2)
    }

    /// Returns the neighbours of the macroblock at column `x` of `row` of an MBAFF frame, which is a field
    /// macroblock if `is_field`.
    pub(crate) fn in_pairs(self, x: usize, row: usize, is_field: bool) -> Neighbours {
        let (pair, bottom) = ((row & !1) * self.cols + x, row & 1);
        let above = pair.checked_sub(2 * self.cols);
        let left = if x > 0 { self.in_slice(Some(pair - 1)) } else { None };
        let line = |y: usize| if is_field { 2 * y + bottom } else { y + 16 * bottom };
        let is_left_mixed = left.is_some_and(|left| self.infos[left].is_field != is_field);
        let beside = left.map(|pair| {
            let blocks = [0, 1, 2, 3].map(|row| self.in_pair(pair, line(4 * row)));
            let row = |(_, row): (usize, usize)| u8::try_from(row).unwrap_or(0);
            Left { mbs: [blocks[0].0, blocks[2].0], rows: blocks.map(row) }
        });
        if !is_field && bottom == 1 {
            return Neighbours {
                left: beside,
                top: Some(pair),
                top_right: None,
                top_left: left.map(|pair| self.in_pair(pair, 15)),
                is_left_mixed,
            };
        }
        // The line above in the same field, or in the frame.
        let line = if is_field { 30 + bottom } else { 31 };
        let at_line =
            |pair: Option<usize>| self.in_slice(pair).map(|pair| self.in_pair(pair, line));
        Neighbours {
            left: beside,
            top: at_line(above).map(|(mb, _)| mb),
            top_right: at_line(above.filter(|_| x + 1 < self.cols).map(|mb| mb + 1))
                .map(|(mb, _)| mb),
            top_left: at_line(above.filter(|_| x > 0).map(|mb| mb - 1)),
            is_left_mixed,
        }
    }

    /// Returns the blocks left of and above the second to fourth row of 4x4 blocks of a macroblock of
    /// an MBAFF frame that has a left pair.
    pub(crate) fn left_above(self, x: usize, row: usize, is_field: bool) -> [(usize, usize); 3] {
        let (pair, bottom) = ((row & !1) * self.cols + x - 1, row & 1);
        let line = |y: usize| if is_field { 2 * y + bottom } else { y + 16 * bottom };
        [1, 2, 3].map(|row| self.in_pair(pair, line(4 * row - 1)))
    }

    /// Returns whether a skipped pair is inferred to consist of field macroblocks: as the left pair,
    /// else the one above. Clause 7.4.4.
    pub(crate) fn inferred_field(self, x: usize, row: usize) -> bool {
        let pair = (row & !1) * self.cols + x;
        let left = if x > 0 { self.in_slice(Some(pair - 1)) } else { None };
        let above = || self.in_slice(pair.checked_sub(2 * self.cols));
        left.or_else(above).is_some_and(|mb| self.infos[mb].is_field)
    }

    /// Returns the number of the left and upper pairs that consist of field macroblocks.
    pub(crate) fn field_pairs(self, x: usize, row: usize) -> usize {
        let pair = (row & !1) * self.cols + x;
        let left = if x > 0 { self.in_slice(Some(pair - 1)) } else { None };
        let above = self.in_slice(pair.checked_sub(2 * self.cols));
        [left, above].into_iter().flatten().filter(|&mb| self.infos[mb].is_field).count()
    }
}
