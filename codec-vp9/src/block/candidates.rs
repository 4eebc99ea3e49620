//! Candidates for a block's motion vectors: the vectors of its neighbours and of the previous frame.

use std::ops::Range;

use super::mode_map::{BlockInfo, ModeMap};
use crate::tables::candidates::CANDIDATES;
use crate::types::{BlockSize, InterMode, MotionVector, Reference, References};

/// How far a candidate may point outside of the frame, in eighths of a pixel.
const MARGIN: i32 = 128;
/// Components below this have a precision of an eighth of a pixel.
const HIGH_PRECISION_BELOW: u16 = 64;

/// A block whose neighbours are searched. Positions are in units of 8 pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) size: BlockSize,
    /// Number of rows and columns of the frame.
    pub(crate) frame: (usize, usize),
    /// Columns of the tile.
    pub(crate) tile: &'a Range<usize>,
    pub(crate) modes: &'a ModeMap,
    /// The modes of the last frame, if its vectors are usable.
    pub(crate) before: Option<&'a ModeMap>,
    pub(crate) sign_bias: [bool; 3],
}

/// Up to two different vectors.
struct List {
    vectors: [MotionVector; 2],
    len: usize,
    /// Number of vectors that are needed.
    wanted: usize,
    /// Number of vectors that do not depend on the last frame.
    own: usize,
}

impl List {
    /// Adds a vector unless it is the first one; returns whether the list is full.
    fn add(&mut self, vector: MotionVector) -> bool {
        if self.len == 1 && vector == self.vectors[0] {
            return false;
        }
        self.vectors[self.len] = vector;
        self.len += 1;
        self.len == self.wanted
    }
}

impl<'a> Site<'a> {
    /// The neighbour at a relative position, if it is inside the tile and the frame.
    #[inline]
    fn neighbour(&self, (col, row): (i8, i8)) -> Option<&'a BlockInfo> {
        let col = self.col.wrapping_add_signed(isize::from(col));
        let row = self.row.wrapping_add_signed(isize::from(row));
        let is_inside = self.tile.contains(&col) && row < self.frame.0;
        is_inside.then(|| self.modes.get(row, col))
    }

    /// Context of the inter mode: by the modes of the first two neighbours.
    pub(crate) fn mode_context(&self) -> usize {
        let weight = |at| match self.neighbour(at) {
            None => 0,
            Some(block) if !block.is_inter() => 9,
            Some(block) => match block.inter_mode {
                InterMode::Nearest | InterMode::Near => 0,
                InterMode::New => 1,
                InterMode::Zero => 3,
            },
        };
        let [first, second, ..] = CANDIDATES[self.size as usize];
        match weight(first) + weight(second) {
            0 => 2,
            1 | 4 => 3,
            2 => 4,
            3 => 1,
            6 => 0,
            18 => 6,
            _ => 5,
        }
    }

    /// Returns the first candidate for `reference`, clamped; zero if there is none.
    pub(crate) fn nearest(&self, reference: Reference) -> MotionVector {
        self.find(1, reference, None)[0]
    }

    /// Returns two candidates for `reference`, clamped; missing ones are zero. With a `sub_block`,
    /// the nearest neighbours contribute the vectors of their adjacent sub-blocks.
    pub(crate) fn two(&self, reference: Reference, sub_block: Option<usize>) -> [MotionVector; 2] {
        self.find(2, reference, sub_block)
    }

    /// Returns two candidates for `reference` as [`Self::two`], and how many of them, from the first one on,
    /// do not depend on the last frame.
    pub(crate) fn two_and_own(&self, reference: Reference) -> ([MotionVector; 2], usize) {
        let list = self.list(2, reference, None);
        (list.vectors.map(|vector| self.clamped(vector)), list.own)
    }

    fn find(
        &self,
        wanted: usize,
        reference: Reference,
        sub_block: Option<usize>,
    ) -> [MotionVector; 2] {
        let list = self.list(wanted, reference, sub_block);
        list.vectors.map(|vector| self.clamped(vector))
    }

    fn list(&self, wanted: usize, reference: Reference, sub_block: Option<usize>) -> List {
        let mut list = List { vectors: [MotionVector::default(); 2], len: 0, wanted, own: 0 };
        self.search(&mut list, reference, sub_block);
        list
    }

    fn search(&self, list: &mut List, reference: Reference, sub_block: Option<usize>) {
        let positions = &CANDIDATES[self.size as usize];
        for (order, &at) in positions.iter().enumerate() {
            let Some(block) = self.neighbour(at) else { continue };
            if !block.references.contains(reference) {
                continue;
            }
            let source = match sub_block {
                Some(index) if order < 2 => adjacent_sub_block(index, at.0 != 0),
                _ => 3,
            };
            let is_full = list.add(block.vector(source, reference));
            list.own = list.len;
            if is_full {
                return;
            }
        }
        let before = self.before.map(|before| before.get(self.row, self.col));
        if let Some(block) = before.filter(|block| block.references.contains(reference))
            && list.add(block.vector(3, reference))
        {
            return;
        }
        for block in positions.iter().filter_map(|&at| self.neighbour(at)).chain(before) {
            if self.add_others(list, block, reference) {
                return;
            }
        }
    }

    /// Adds the vectors of a block for other references; returns whether the list is full.
    fn add_others(&self, list: &mut List, block: &BlockInfo, reference: Reference) -> bool {
        let scaled = |vector: MotionVector, from: Reference| {
            let is_opposite = self.sign_bias[from as usize] != self.sign_bias[reference as usize];
            if is_opposite { vector.negated() } else { vector }
        };
        let [first_vector, second_vector] = block.vectors[3];
        let (first, second) = match block.references {
            References::Intra => return false,
            References::Single(first) => (first, None),
            References::Compound([first, second]) => (first, Some(second)),
        };
        if first != reference && list.add(scaled(first_vector, first)) {
            return true;
        }
        match second {
            Some(second) if second != reference && second_vector != first_vector => {
                list.add(scaled(second_vector, second))
            }
            _ => false,
        }
    }

    /// Limits a vector so that the block stays near the frame.
    fn clamped(&self, vector: MotionVector) -> MotionVector {
        let (width, height) = self.size.mi();
        let clamp = |value: i16, at: usize, length: usize, frame: usize| {
            let unit = |units: usize| i32::try_from(64 * units).unwrap_or(i32::MAX);
            let min = -unit(at) - MARGIN;
            let max = unit(frame) - unit(length) - unit(at) + MARGIN;
            let value = i32::from(value).clamp(min, max.max(min));
            i16::try_from(value).unwrap_or(0)
        };
        MotionVector {
            row: clamp(vector.row, self.row, height, self.frame.0),
            col: clamp(vector.col, self.col, width, self.frame.1),
        }
    }
}

/// Candidates of a sub-block: the candidates of the block, after the vectors of earlier sub-blocks.
pub(crate) fn sub_block_candidates(
    index: usize,
    list: [MotionVector; 2],
    before: [MotionVector; 4],
) -> [MotionVector; 2] {
    let first_other = |nearest: MotionVector, rest: &[MotionVector]| {
        let near = rest.iter().find(|&&vector| vector != nearest);
        [nearest, near.copied().unwrap_or_default()]
    };
    match index {
        0 => list,
        1 | 2 => first_other(before[0], &list),
        _ => first_other(before[2], &[before[1], before[0], list[0], list[1]]),
    }
}

/// The sub-block of a neighbour that is adjacent to sub-block `index`.
fn adjacent_sub_block(index: usize, is_left: bool) -> usize {
    const LEFT: [usize; 4] = [1, 1, 3, 3];
    const ABOVE: [usize; 4] = [2, 3, 2, 3];
    if is_left { LEFT[index] } else { ABOVE[index] }
}

/// Whether differences to `vector` have a precision of an eighth of a pixel.
#[inline]
pub(crate) fn has_high_precision(vector: MotionVector, allowed: bool) -> bool {
    allowed
        && vector.row.unsigned_abs() < HIGH_PRECISION_BELOW
        && vector.col.unsigned_abs() < HIGH_PRECISION_BELOW
}

/// Moves odd components a step towards zero unless the vector has the precision of an eighth.
#[inline]
pub(crate) fn lower_precision(vector: MotionVector, allowed: bool) -> MotionVector {
    if has_high_precision(vector, allowed) {
        return vector;
    }
    let even = |value: i16| value - value % 2;
    MotionVector { row: even(vector.row), col: even(vector.col) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_vectors_have_quarter_precision() {
        let vector = MotionVector::new(-5, 63);
        assert_eq!(lower_precision(vector, true), vector);
        assert_eq!(lower_precision(vector, false), MotionVector::new(-4, 62));
        assert_eq!(lower_precision(MotionVector::new(3, 64), true), MotionVector::new(2, 64));
    }
}
