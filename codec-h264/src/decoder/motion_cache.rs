//! Motion of the current macroblock and of the blocks around it, and the prediction of vectors.
//! ITU-T H.264, clause 8.4.1.3.

use super::neighbours::Neighbours;
use crate::macroblock::{MbInfo, ORDER, Shape};
use crate::picture::{MbMotion, Mv};

/// Reference index of a block that is not available.
pub(crate) const UNAVAILABLE: i8 = -2;
/// Reference index of an available block that does not use the list.
pub(crate) const UNUSED: i8 = -1;

/// Absolute differences of vectors, clamped: horizontal, vertical.
pub(crate) type Mvd = [u8; 2];

/// Entries per row.
const STRIDE: usize = 8;
/// Entries: a row above the macroblock and its four rows.
const SIZE: usize = 5 * STRIDE;

/// Returns the entry of the 4x4 block at (`x`, `y`).
#[inline]
pub(crate) const fn at(x: usize, y: usize) -> usize {
    (y + 1) * STRIDE + x + 1
}

/// The entry of the macroblock above right.
const TOP_RIGHT: usize = 5;

/// Motion of one list: the macroblock's 4x4 blocks, those left and above.
#[derive(Clone, Debug)]
pub(crate) struct ListCache {
    pub refs: [i8; SIZE],
    pub mvs: [Mv; SIZE],
    pub mvds: [Mvd; SIZE],
    /// Motion of the blocks left of and above rows 1 to 3, if the left pair is of the other kind.
    left_above: Option<[(i8, Mv); 3]>,
}

/// Stored motion of a picture, for filling the cache.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub motion: &'a [MbMotion],
    pub infos: &'a [MbInfo],
    pub mvds: &'a [Vec<[Mvd; 16]>; 2],
    pub is_mbaff: bool,
    /// Whether differences of vectors are needed.
    pub is_cabac: bool,
    /// The blocks left of and above rows 1 to 3, if the left pair is of the other kind.
    pub left_above: Option<[(usize, usize); 3]>,
}

impl Stored<'_> {
    /// Returns the reference index and vector of a 4x4 block of `mb`, in units of a field or frame
    /// macroblock.
    #[inline]
    fn block(&self, list: usize, mb: usize, x: usize, y: usize, is_field: bool) -> (i8, Mv) {
        let motion = &self.motion[mb];
        let reference = motion.refs[list][(y / 2) * 2 + x / 2];
        if reference < 0 {
            return (UNUSED, Mv::ZERO);
        }
        let mv = motion.mvs[list][4 * y + x];
        if self.is_mbaff && self.infos[mb].is_field != is_field {
            return if is_field {
                (reference * 2, Mv { x: mv.x, y: mv.y / 2 })
            } else {
                (reference >> 1, Mv { x: mv.x, y: mv.y.wrapping_mul(2) })
            };
        }
        (reference, mv)
    }

    #[inline]
    fn mvd(&self, list: usize, mb: usize, x: usize, y: usize, is_field: bool) -> Mvd {
        let [across, down] = self.mvds[list][mb][4 * y + x];
        if self.is_mbaff && self.infos[mb].is_field != is_field {
            return [across, if is_field { down / 2 } else { down.saturating_mul(2) }];
        }
        [across, down]
    }
}

impl ListCache {
    pub(crate) const EMPTY: Self = Self {
        refs: [UNAVAILABLE; SIZE],
        mvs: [Mv::ZERO; SIZE],
        mvds: [[0; 2]; SIZE],
        left_above: None,
    };

    /// Loads the blocks around a macroblock, which is a field macroblock if `is_field`.
    pub(crate) fn load(
        &mut self,
        list: usize,
        stored: &Stored<'_>,
        near: &Neighbours,
        is_field: bool,
    ) {
        if stored.is_mbaff {
            self.load_mixed(list, stored, near, is_field);
        } else {
            self.load_plain(list, stored, near);
        }
        let unavailable = (UNAVAILABLE, Mv::ZERO);
        let corner =
            near.top_right.map_or(unavailable, |mb| stored.block(list, mb, 0, 3, is_field));
        (self.refs[TOP_RIGHT], self.mvs[TOP_RIGHT]) = corner;
        let corner =
            near.top_left.map_or(unavailable, |(mb, y)| stored.block(list, mb, 3, y, is_field));
        (self.refs[0], self.mvs[0]) = corner;
    }

    /// Loads the blocks above and left if all macroblocks are of the same kind.
    #[inline]
    fn load_plain(&mut self, list: usize, stored: &Stored<'_>, near: &Neighbours) {
        let (motion, mvds) = (stored.motion, &stored.mvds[list]);
        let (mut refs, mut mvs, mut differences) = ([UNAVAILABLE; 4], [Mv::ZERO; 4], [[0; 2]; 4]);
        if let Some(top) = near.top {
            let above = &motion[top];
            let [_, _, c, d] = above.refs[list];
            let [.., m0, m1, m2, m3] = above.mvs[list];
            refs = [c, c, d, d];
            mvs = used([m0, m1, m2, m3], (c, d));
            if stored.is_cabac {
                let [.., d0, d1, d2, d3] = mvds[top];
                differences = [d0, d1, d2, d3];
            }
        }
        set_above(&mut self.refs, refs);
        set_above(&mut self.mvs, mvs);
        set_above(&mut self.mvds, differences);
        let (mut refs, mut mvs, mut differences) = ([UNAVAILABLE; 4], [Mv::ZERO; 4], [[0; 2]; 4]);
        if let Some(left) = near.left {
            let left = left.mbs[0];
            let beside = &motion[left];
            let [_, b, _, d] = beside.refs[list];
            let all = &beside.mvs[list];
            refs = [b, b, d, d];
            mvs = used([all[3], all[7], all[11], all[15]], (b, d));
            if stored.is_cabac {
                let all = &mvds[left];
                differences = [all[3], all[7], all[11], all[15]];
            }
        }
        set_left(&mut self.refs, refs);
        set_left(&mut self.mvs, mvs);
        set_left(&mut self.mvds, differences);
    }

    /// Sets the blocks around a frame macroblock: left and above with references by 4x4 block, above
    /// left and above right. Differences of vectors are not used.
    pub(crate) fn set_neighbours(
        &mut self,
        left: ([i8; 4], [Mv; 4]),
        above: ([i8; 4], [Mv; 4]),
        above_left: (i8, Mv),
        above_right: (i8, Mv),
    ) {
        self.refs[1..5].copy_from_slice(&above.0);
        self.mvs[1..5].copy_from_slice(&above.1);
        for y in 0..4 {
            let entry = at(0, y) - 1;
            (self.refs[entry], self.mvs[entry]) = (left.0[y], left.1[y]);
        }
        (self.refs[0], self.mvs[0]) = above_left;
        (self.refs[TOP_RIGHT], self.mvs[TOP_RIGHT]) = above_right;
    }

    /// Predicts the vector of a partition at `block` of width `w` in a macroblock of `shape`.
    pub(crate) fn predict_part(
        &self,
        shape: Shape,
        block: (usize, usize),
        w: usize,
        reference: i8,
    ) -> Mv {
        match shape {
            Shape::Rows => self.predict_16x8(block.1, reference),
            Shape::Columns => self.predict_8x16(block.0, reference),
            _ => self.predict(block, w, reference),
        }
    }

    /// Loads the blocks above and left in an MBAFF frame.
    fn load_mixed(&mut self, list: usize, stored: &Stored<'_>, near: &Neighbours, is_field: bool) {
        let unavailable = (UNAVAILABLE, Mv::ZERO);
        for x in 0..4 {
            let block = near.top.map_or(unavailable, |mb| stored.block(list, mb, x, 3, is_field));
            (self.refs[x + 1], self.mvs[x + 1]) = block;
        }
        for y in 0..4 {
            let block = near.left.map_or(unavailable, |left| {
                stored.block(list, left.mbs[y / 2], 3, left.row(y), is_field)
            });
            (self.refs[at(0, y) - 1], self.mvs[at(0, y) - 1]) = block;
        }
        self.left_above = stored
            .left_above
            .map(|blocks| blocks.map(|(mb, y)| stored.block(list, mb, 3, y, is_field)));
        if stored.is_cabac {
            for x in 0..4 {
                self.mvds[x + 1] =
                    near.top.map_or([0; 2], |mb| stored.mvd(list, mb, x, 3, is_field));
            }
            for y in 0..4 {
                self.mvds[at(0, y) - 1] = near.left.map_or([0; 2], |left| {
                    stored.mvd(list, left.mbs[y / 2], 3, left.row(y), is_field)
                });
            }
        }
    }

    /// Sets the reference index of `w` x `h` blocks.
    #[inline]
    pub(crate) fn fill_refs(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), to: i8) {
        fill(&mut self.refs, at(x, y), w, h, to);
    }

    /// Sets the vector of `w` x `h` blocks.
    #[inline]
    pub(crate) fn fill_mvs(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), to: Mv) {
        fill(&mut self.mvs, at(x, y), w, h, to);
    }

    /// Sets the difference of vectors of `w` x `h` blocks.
    #[inline]
    pub(crate) fn fill_mvds(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), to: Mvd) {
        fill(&mut self.mvds, at(x, y), w, h, to);
    }

    /// Returns the block C above right of a partition of width `w`, or D above left if C is not
    /// available.
    #[inline]
    fn diagonal(&self, (x, y): (usize, usize), w: usize) -> (i8, Mv) {
        let right = x + w;
        let is_available = match (right, y) {
            (_, 0) => true,
            (4.., _) => false,
            _ => ORDER[4 * (y - 1) + right] < ORDER[4 * y + x],
        };
        let above_right = at(right, y) - STRIDE;
        if is_available && self.refs[above_right] != UNAVAILABLE {
            return (self.refs[above_right], self.mvs[above_right]);
        }
        if let (0, 1.., Some(blocks)) = (x, y, &self.left_above) {
            return blocks[y - 1];
        }
        let above_left = at(x, y) - STRIDE - 1;
        (self.refs[above_left], self.mvs[above_left])
    }

    /// Predicts the vector of a partition of width `w` with the reference `reference`: the median.
    #[inline]
    pub(crate) fn predict(&self, block: (usize, usize), w: usize, reference: i8) -> Mv {
        let here = at(block.0, block.1);
        let (left, top) = (here - 1, here - STRIDE);
        let (a, b) = ((self.refs[left], self.mvs[left]), (self.refs[top], self.mvs[top]));
        median_of([a, b, self.diagonal(block, w)], reference)
    }

    /// Predicts the vector of a 16x8 partition: the upper one from above, the lower from the left.
    pub(crate) fn predict_16x8(&self, y: usize, reference: i8) -> Mv {
        let neighbour = if y == 0 { at(0, 0) - STRIDE } else { at(0, 2) - 1 };
        if self.refs[neighbour] == reference {
            return self.mvs[neighbour];
        }
        self.predict((0, y), 4, reference)
    }

    /// Predicts the vector of an 8x16 partition: the left one from the left, the right from above
    /// right.
    pub(crate) fn predict_8x16(&self, x: usize, reference: i8) -> Mv {
        let (found, mv) = if x == 0 {
            (self.refs[at(0, 0) - 1], self.mvs[at(0, 0) - 1])
        } else {
            self.diagonal((2, 0), 2)
        };
        if found == reference {
            return mv;
        }
        self.predict((x, 0), 2, reference)
    }

    /// Predicts the vector of a `P_Skip` macroblock.
    pub(crate) fn predict_skip(&self) -> Mv {
        skip_mv(self.beside_whole())
    }

    /// Returns the motion of A, B and C (or D) of the whole macroblock.
    fn beside_whole(&self) -> [(i8, Mv); 3] {
        let (left, top) = (at(0, 0) - 1, at(0, 0) - STRIDE);
        let [a, b] = [left, top].map(|entry| (self.refs[entry], self.mvs[entry]));
        [a, b, self.diagonal((0, 0), 4)]
    }

    /// Returns the reference indices of the macroblocks A, B and C (or D).
    pub(crate) fn neighbour_refs(&self) -> [i8; 3] {
        let (left, top) = (at(0, 0) - 1, at(0, 0) - STRIDE);
        [self.refs[left], self.refs[top], self.diagonal((0, 0), 4).0]
    }

    /// Returns the reference indices of the four 8x8 blocks.
    pub(crate) fn mb_refs(&self) -> [i8; 4] {
        [at(0, 0), at(2, 0), at(0, 2), at(2, 2)].map(|entry| self.refs[entry])
    }

    /// Returns whether the first 4x4 blocks of the four 8x8 blocks have the same motion.
    pub(crate) fn is_uniform(&self) -> bool {
        let first = at(0, 0);
        [at(2, 0), at(0, 2), at(2, 2)]
            .into_iter()
            .all(|entry| self.refs[entry] == self.refs[first] && self.mvs[entry] == self.mvs[first])
    }

    /// Returns the vectors of the sixteen blocks.
    #[inline]
    pub(crate) fn mb_mvs(&self) -> [Mv; 16] {
        rows_of(&self.mvs)
    }

    /// Returns the differences of the vectors of the sixteen blocks.
    #[inline]
    pub(crate) fn mb_mvds(&self) -> [Mvd; 16] {
        rows_of(&self.mvds)
    }
}

/// Sets `w` x `h` entries from `first` on. Sizes are constants in the loops, which are short.
#[inline]
fn fill<T: Copy>(entries: &mut [T; SIZE], first: usize, w: usize, h: usize, to: T) {
    match (w, h) {
        (4, 4) => fill_block::<T, 4, 4>(entries, first, to),
        (4, _) => fill_block::<T, 4, 2>(entries, first, to),
        (2, 4) => fill_block::<T, 2, 4>(entries, first, to),
        (2, 2) => fill_block::<T, 2, 2>(entries, first, to),
        (2, _) => fill_block::<T, 2, 1>(entries, first, to),
        (_, 2) => fill_block::<T, 1, 2>(entries, first, to),
        _ => entries[first] = to,
    }
}

#[inline]
fn fill_block<T: Copy, const W: usize, const H: usize>(
    entries: &mut [T; SIZE],
    first: usize,
    to: T,
) {
    let rows = &mut entries[first..][..(H - 1) * STRIDE + W];
    for y in 0..H {
        if let Some(row) = rows[y * STRIDE..].first_chunk_mut::<W>() {
            *row = [to; W];
        }
    }
}

/// Returns the entries of the macroblock's blocks.
#[inline]
fn rows_of<T: Copy + Default>(entries: &[T; SIZE]) -> [T; 16] {
    let mut blocks = [T::default(); 16];
    for (y, row) in blocks.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        row.copy_from_slice(&entries[at(0, y)..at(4, y)]);
    }
    blocks
}

/// Sets the entries above the macroblock.
#[inline]
fn set_above<T: Copy>(entries: &mut [T; SIZE], to: [T; 4]) {
    entries[1..5].copy_from_slice(&to);
}

/// Sets the entries left of the macroblock.
#[inline]
fn set_left<T: Copy>(entries: &mut [T; SIZE], [a, b, c, d]: [T; 4]) {
    entries[const { at(0, 0) - 1 }] = a;
    entries[const { at(0, 1) - 1 }] = b;
    entries[const { at(0, 2) - 1 }] = c;
    entries[const { at(0, 3) - 1 }] = d;
}

/// Returns the vectors, zero where the list is not used: `refs` are the references of both halves.
#[inline]
fn used([a, b, c, d]: [Mv; 4], refs: (i8, i8)) -> [Mv; 4] {
    let (a, b) = if refs.0 < 0 { (Mv::ZERO, Mv::ZERO) } else { (a, b) };
    let (c, d) = if refs.1 < 0 { (Mv::ZERO, Mv::ZERO) } else { (c, d) };
    [a, b, c, d]
}

fn median(a: i16, b: i16, c: i16) -> i16 {
    a.max(b).min(a.min(b).max(c))
}

/// Predicts the vector of a `P_Skip` macroblock from the motion of A, B and C.
#[inline]
pub(crate) fn skip_mv(beside: [(i8, Mv); 3]) -> Mv {
    let [a, b, _] = beside;
    let is_static = |block: (i8, Mv)| block.0 == UNAVAILABLE || block == (0, Mv::ZERO);
    if is_static(a) || is_static(b) { Mv::ZERO } else { median_of(beside, 0) }
}

/// Returns the vector of the only neighbour with the reference `reference`, or the median.
#[inline]
pub(crate) fn median_of([a, b, c]: [(i8, Mv); 3], reference: i8) -> Mv {
    let matches = [a, b, c].map(|(found, _)| found == reference);
    match matches {
        [true, false, false] => a.1,
        [false, true, false] => b.1,
        [false, false, true] => c.1,
        _ if b.0 == UNAVAILABLE && c.0 == UNAVAILABLE && a.0 != UNAVAILABLE => a.1,
        _ => Mv { x: median(a.1.x, b.1.x, c.1.x), y: median(a.1.y, b.1.y, c.1.y) },
    }
}
