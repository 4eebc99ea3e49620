//! Sub-pel motion search: half pixels around the best integer vector, then quarter pixels around
//! the best half, by the squared error of bilinear interpolation.
//!
//! The decoder's longer filters predict better than bilinear interpolation, but using them in the
//! search does not improve the choice of vectors.

use super::block::HALF_RING;
use super::estimate::estimate;
use super::{Block, FullPel, PixelPos, Quadrant, QuarterPel, SubpelMatch, Target};

/// Precision of the sub-pel search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubpelSearch {
    /// No refinement: computes the squared error of the full-pixel vector.
    None,
    /// The eight half-pixel neighbours, then the quarter-pixel vector at the minimum of parabolas through their errors.
    Estimated,
    /// Half pixels, then the four direct quarter-pixel neighbours and the diagonal between the best
    /// two.
    #[default]
    Quarter,
    /// Half pixels, then quarter pixels while they improve, at most four times.
    Iterative,
}

/// Refines `start`, a vector inside the search range, for the macroblock of `target`.
#[must_use]
pub fn search_subpel(target: &Target<'_>, start: FullPel, search: SubpelSearch) -> SubpelMatch {
    refine(target, target.cur, target.at, start, search)
}

/// Refines like [`search_subpel`], for one quadrant of the macroblock.
#[must_use]
pub fn search_subpel_8x8(
    target: &Target<'_>,
    quadrant: Quadrant,
    start: FullPel,
    search: SubpelSearch,
) -> SubpelMatch {
    let (x, y) = quadrant.origin();
    let cur = target.cur.sub::<8, 8>(x, y);
    refine(target, &cur, target.quadrant_at(quadrant), start, search)
}

fn refine<B: Block>(
    target: &Target<'_>,
    cur: &B,
    at: PixelPos,
    start: FullPel,
    search: SubpelSearch,
) -> SubpelMatch {
    if search == SubpelSearch::Estimated {
        return estimate(target, cur, at, start);
    }
    Refinement::new(target, cur, at, start).search(search)
}

/// Maximum number of steps of the iterative search.
const MAX_STEPS: u8 = 4;

/// State of a refinement.
struct Refinement<'a, B> {
    target: &'a Target<'a>,
    cur: &'a B,
    at: PixelPos,
    start: FullPel,
    /// The vector of the first entry of [`Self::known`]: eight quarters before the start.
    origin: QuarterPel,
    best: SubpelMatch,
    /// Known costs by offset from the start in quarter pixels (-8..8); 0 if unknown.
    known: [[u32; 16]; 16],
}

impl<'a, B: Block> Refinement<'a, B> {
    fn new(target: &'a Target<'a>, cur: &'a B, at: PixelPos, start: FullPel) -> Self {
        let start = target.range.clamp(start);
        let vector = start.to_quarter();
        let sse = cur.sse(target.kernels, target.refp, at, vector);
        let cost = sse.saturating_add(target.price.in_sse(vector));
        let mut known = [[0; 16]; 16];
        known[8][8] = cost;
        let origin = QuarterPel::new(vector.x.wrapping_sub(8), vector.y.wrapping_sub(8));
        Self { target, cur, at, start, origin, best: SubpelMatch { vector, sse, cost }, known }
    }

    fn search(&mut self, search: SubpelSearch) -> SubpelMatch {
        if search == SubpelSearch::None {
            return self.best;
        }
        self.halves();
        self.quarters(true);
        if search == SubpelSearch::Iterative {
            for _ in 1..MAX_STEPS {
                let centre = self.best.vector;
                self.quarters(false);
                if self.best.vector == centre {
                    break;
                }
            }
        }
        self.best
    }

    fn halves(&mut self) {
        let Target { kernels, refp, .. } = *self.target;
        let sses = self.cur.sse_half_ring(kernels, refp, self.at, self.start);
        let centre = self.start.to_quarter();
        for ((dx, dy), sse) in HALF_RING.into_iter().zip(sses) {
            self.offer(centre.offset(2 * dx, 2 * dy), sse);
        }
    }

    /// Tries the better quarter-pixel neighbour on each axis and the diagonal between them. With
    /// `guess`, the better neighbour is inferred from the half-pixel neighbours if both are known.
    fn quarters(&mut self, guess: bool) {
        let centre = self.best.vector;
        let dx = self.better_side(centre, (1, 0), guess);
        let dy = self.better_side(centre, (0, 1), guess);
        self.try_at(centre.offset(dx, dy));
    }

    /// Tries one or both neighbours of `centre` along an axis. Returns 1 if the positive direction
    /// is better, otherwise -1.
    fn better_side(&mut self, centre: QuarterPel, (x, y): (i16, i16), guess: bool) -> i16 {
        let halves = [-2, 2].map(|n| self.cost_at(centre.offset(n * x, n * y)));
        if let ([Some(before), Some(after)], true) = (halves, guess) {
            let side = if before < after { -1 } else { 1 };
            self.try_at(centre.offset(side * x, side * y));
            return side;
        }
        let before = self.try_at(centre.offset(-x, -y));
        let after = self.try_at(centre.offset(x, y));
        if before < after { -1 } else { 1 }
    }

    /// Computes the cost at `vector` and takes the vector if it is the best.
    #[inline]
    fn try_at(&mut self, vector: QuarterPel) -> u32 {
        if let Some(cost) = self.cost_at(vector) {
            return cost;
        }
        if !self.target.range.contains(vector.floor()) {
            return u32::MAX;
        }
        let sse = self.cur.sse(self.target.kernels, self.target.refp, self.at, vector);
        self.offer(vector, sse)
    }

    #[inline]
    fn offer(&mut self, vector: QuarterPel, sse: u32) -> u32 {
        let cost = sse.saturating_add(self.target.price.in_sse(vector));
        *self.memory_of(vector) = cost;
        if cost < self.best.cost {
            self.best = SubpelMatch { vector, sse, cost };
        }
        cost
    }

    #[inline]
    fn cost_at(&mut self, vector: QuarterPel) -> Option<u32> {
        Some(*self.memory_of(vector)).filter(|&cost| cost != 0)
    }

    /// Returns the cache entry of `vector`, which is less than eight quarters from the start.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "masked to four bits")]
    fn memory_of(&mut self, vector: QuarterPel) -> &mut u32 {
        let index = |to: i16, from: i16| (to.wrapping_sub(from) & 15) as usize;
        &mut self.known[index(vector.y, self.origin.y)][index(vector.x, self.origin.x)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_scene::{Scene, free};
    use super::super::{Lambda, MvCost, VectorPrice};
    use super::*;

    #[test]
    fn quarters_are_found_where_the_block_was_interpolated() {
        for (x, y) in [(2, 0), (0, 2), (2, 2), (1, 0), (0, 3), (-1, 1), (3, 3), (-2, -3)] {
            let vector = QuarterPel::new(x, y);
            let table = MvCost::default();
            let scene = Scene::shifted(vector);
            for search in [SubpelSearch::Quarter, SubpelSearch::Iterative] {
                let found = search_subpel(&scene.target(free(&table)), FullPel::ZERO, search);
                assert_eq!((found.vector, found.sse), (vector, 0), "{search:?}");
            }
        }
    }

    #[test]
    fn each_quadrant_is_refined_on_its_own_pixels() {
        let vector = QuarterPel::new(-2, 1);
        let table = MvCost::default();
        let scene = Scene::shifted(vector);
        for quadrant in Quadrant::ALL {
            let target = scene.target(free(&table));
            let found = search_subpel_8x8(&target, quadrant, FullPel::ZERO, SubpelSearch::Quarter);
            assert_eq!((found.vector, found.sse), (vector, 0), "{quadrant:?}");
        }
    }

    #[test]
    fn an_expensive_vector_loses_against_the_predicted_one() {
        let mut table = MvCost::default();
        table.fill(|d| (if d == 0 { 0 } else { 60_000 }, if d == 0 { 0 } else { 60_000 }));
        let price = VectorPrice { lambda_sse: Lambda(1 << 16), ..free(&table) };
        let scene = Scene::shifted(QuarterPel::new(1, 1));
        let found = search_subpel(&scene.target(price), FullPel::ZERO, SubpelSearch::Iterative);
        assert_eq!(found.vector, QuarterPel::ZERO);
    }

    #[test]
    fn no_refinement_leaves_the_range() {
        let table = MvCost::default();
        let scene = Scene::shifted(QuarterPel::new(-3, -3));
        let target = scene.target(free(&table));
        let (corner, opposite) = target.range.corners();
        for search in [SubpelSearch::Estimated, SubpelSearch::Iterative] {
            for start in [corner, opposite] {
                let found = search_subpel(&target, start, search);
                let end = found.vector.floor();
                assert!(end.x >= corner.x - 1 && end.y <= opposite.y, "{search:?}: {found:?}");
            }
        }
    }
}
