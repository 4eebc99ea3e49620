//! Passes the list 1 motion of B macroblocks to their neighbours, and computes the motion vector
//! differences (MVD) of both lists.

use super::row::{Choice, MbCoder};
use super::row_context::SecondSide;
use super::second_motion::SecondMotion;
use crate::decoder::motion_cache::{ListCache, UNAVAILABLE, UNUSED};
use crate::macroblock::Shape;
use crate::picture::Mv;

impl MbCoder<'_> {
    /// Loads the motion of the neighbours; the macroblock's own motion becomes unused.
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

    /// Appends the differences of the vectors of both lists to the predicted ones to `mvds`.
    pub(super) fn put_differences_b(&mut self, shape: Shape, choice: &Choice, mvds: &mut Vec<Mv>) {
        let second = &mut self.second;
        let first = (&choice.refs, &choice.mvs);
        put_differences(&mut self.cache, shape, first, second.direct, mvds);
        let other = (&second.refs, &second.mvs);
        put_differences(&mut second.cache, shape, other, second.direct, mvds);
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

/// Appends the differences of the vectors of a list to `mvds`, and adds the vectors to `cache`.
fn put_differences(
    cache: &mut ListCache,
    shape: Shape,
    (refs, mvs): (&[i8; 4], &[Mv; 16]),
    direct: u8,
    mvds: &mut Vec<Mv>,
) {
    for &(at, size) in parts_of(shape) {
        let quarter = at.1 / 2 * 2 + at.0 / 2;
        let reference = refs[quarter];
        let mv = mvs[4 * at.1 + at.0];
        if reference >= 0 && direct >> quarter & 1 == 0 {
            let predicted = cache.predict_part(shape, at, size.0, reference);
            mvds.push(Mv { x: mv.x.wrapping_sub(predicted.x), y: mv.y.wrapping_sub(predicted.y) });
        }
        cache.fill_refs(at, size, reference);
        cache.fill_mvs(at, size, mv);
    }
}
