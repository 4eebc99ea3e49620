//! Motion of list 1 in B slices: that of the neighbours, and the differences to it.

use super::row::{Choice, MbCoder};
use super::row_context::SecondSide;
use super::second_motion::SecondMotion;
use crate::decoder::motion_cache::{ListCache, UNAVAILABLE, UNUSED};
use crate::macroblock::Shape;
use crate::picture::Mv;

impl MbCoder<'_> {
    /// Loads the motion of the neighbours; that of the macroblock becomes unused.
    pub(super) fn load_second_neighbours(&mut self) {
        let (context, row, col) = (self.job.row_context, self.row, self.col);
        let side = |col: usize| context.second_side(row - 1, col);
        let cols = self.job.cols;
        let above = self.has(cols).then(|| side(col));
        let blocks = |side: Option<SecondSide>| match side {
            Some(SecondSide { refs: [a, b], mvs }) => ([a, a, b, b], mvs),
            None => ([UNAVAILABLE; 4], [Mv::ZERO; 4]),
        };
        let none = (UNAVAILABLE, Mv::ZERO);
        let has_right = col + 1 < cols && self.has(cols - 1);
        let right = if has_right { side(col + 1) } else { SecondSide::default() };
        let right = if has_right { (right.refs[0], right.mvs[0]) } else { none };
        let corner = if col > 0 && self.has(cols + 1) {
            let SecondSide { refs, mvs } = side(col - 1);
            (refs[1], mvs[3])
        } else {
            none
        };
        let second = &mut self.second;
        second.left = second.left.filter(|_| self.left.is_some());
        second.cache.set_neighbours(blocks(second.left), blocks(above), corner, right);
        (second.refs, second.mvs, second.direct) = ([UNUSED; 4], [Mv::ZERO; 16], 0);
    }

    /// Passes the motion of the macroblock on to its neighbours.
    pub(super) fn pass_on_second(&mut self) {
        let SecondMotion { refs: [_, b, c, d], mvs, .. } = self.second;
        let bottom = SecondSide { refs: [c, d], mvs: [mvs[12], mvs[13], mvs[14], mvs[15]] };
        self.job.row_context.put_second(self.row, self.col, &bottom);
        let right = SecondSide { refs: [b, d], mvs: [mvs[3], mvs[7], mvs[11], mvs[15]] };
        self.second.left = Some(right);
    }

    /// Returns the differences of the vectors of both lists to the predicted ones.
    pub(super) fn vector_differences_b(&mut self, shape: Shape, choice: &Choice) -> [[Mv; 16]; 2] {
        let second = &mut self.second;
        [
            differences(&mut self.cache, shape, &choice.refs, &choice.mvs, second.direct),
            differences(&mut second.cache, shape, &second.refs, &second.mvs, second.direct),
        ]
    }
}

/// Column and row, or width and height, in 4x4 blocks.
type Place = (usize, usize);

/// Returns the partitions of a macroblock, of at least 8x8 samples: first 4x4 block and size.
fn parts_of(shape: Shape) -> &'static [(Place, Place)] {
    match shape {
        Shape::Whole => &[((0, 0), (4, 4))],
        Shape::Rows => &[((0, 0), (4, 2)), ((0, 2), (4, 2))],
        Shape::Columns => &[((0, 0), (2, 4)), ((2, 0), (2, 4))],
        Shape::Quarters(_) => {
            &[((0, 0), (2, 2)), ((2, 0), (2, 2)), ((0, 2), (2, 2)), ((2, 2), (2, 2))]
        }
    }
}

/// Returns the differences of the vectors of a list, and adds them to `cache`.
fn differences(
    cache: &mut ListCache,
    shape: Shape,
    refs: &[i8; 4],
    mvs: &[Mv; 16],
    direct: u8,
) -> [Mv; 16] {
    let mut mvds = [Mv::ZERO; 16];
    for &(at, size) in parts_of(shape) {
        let quarter = at.1 / 2 * 2 + at.0 / 2;
        let reference = refs[quarter];
        let mv = mvs[4 * at.1 + at.0];
        let predicted = match reference {
            _ if direct >> quarter & 1 == 1 => mv,
            ..0 => Mv::ZERO,
            _ => cache.predict_part(shape, at, size.0, reference),
        };
        cache.fill_refs(at, size, reference);
        cache.fill_mvs(at, size, mv);
        let mvd = Mv { x: mv.x.wrapping_sub(predicted.x), y: mv.y.wrapping_sub(predicted.y) };
        for y in at.1..at.1 + size.1 {
            mvds[4 * y + at.0..4 * y + at.0 + size.0].fill(mvd);
        }
    }
    mvds
}
