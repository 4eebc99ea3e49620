//! Sub-pel motion search with one trial of a quarter-pixel vector: at the minimum of parabolas through
//! the errors at half pixels.

use super::block::HALF_RING;
use super::{Block, FullPel, PixelPos, QuarterPel, SubpelMatch, Target};

/// The quarters at most between `start` and the estimated minimum.
const REACH: i64 = 3;

/// Refines `start`, a vector inside the search range, for the block `cur` at `at`.
pub(super) fn estimate<B: Block>(
    target: &Target<'_>,
    cur: &B,
    at: PixelPos,
    start: FullPel,
) -> SubpelMatch {
    let start = target.range.clamp(start);
    let centre = start.to_quarter();
    let matched = |vector: QuarterPel, sse: u32| SubpelMatch {
        vector,
        sse,
        cost: sse.saturating_add(target.price.in_sse(vector)),
    };
    let sse = cur.sse(target.kernels, target.refp, at, centre);
    let ring = cur.sse_half_ring(target.kernels, target.refp, at, start);
    let mut best = matched(centre, sse);
    let mut best_at = (0, 0);
    for ((dx, dy), sse) in HALF_RING.into_iter().zip(ring) {
        let found = matched(centre.offset(2 * dx, 2 * dy), sse);
        if found.cost < best.cost {
            (best, best_at) = (found, (dx, dy));
        }
    }
    // The errors of the row and of the column of the best half pixel.
    let [a, b, c, d, e, f, g, h] = ring;
    let rows = [[a, b, c], [d, sse, e], [f, g, h]];
    let [column, row] = [best_at.0, best_at.1].map(index);
    let minimum = QuarterPel::new(minimum(rows[row]), minimum(rows.map(|row| row[column])));
    let vector = centre.offset(minimum.x, minimum.y);
    let is_known = (minimum.x | minimum.y) & 1 == 0;
    if is_known || !target.range.contains(vector.floor()) {
        return best;
    }
    let found = matched(vector, cur.sse(target.kernels, target.refp, at, vector));
    if found.cost < best.cost { found } else { best }
}

/// The index of an offset of -1, 0 or 1.
fn index(offset: i16) -> usize {
    usize::from((offset + 1).unsigned_abs()).min(2)
}

/// Returns where a parabola through values at -2, 0 and 2 has its minimum, rounded, at most [`REACH`] from 0.
fn minimum([before, at, after]: [u32; 3]) -> i16 {
    let [before, at, after] = [before, at, after].map(i64::from);
    let (slope, curvature) = (before - after, before - 2 * at + after);
    if curvature <= 0 {
        return if before < after { -2 } else { 2 };
    }
    let size = (2 * slope.abs() + curvature) / (2 * curvature);
    let size = i16::try_from(size.min(REACH)).unwrap_or(0);
    if slope < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::super::test_scene::{Scene, free};
    use super::super::{MvCost, Quadrant, SubpelSearch, search_subpel, search_subpel_8x8};
    use super::*;

    #[test]
    fn parabolas_have_their_minimum_between_the_values() {
        let parabola = |at: i64| [-2, 0, 2].map(|x| u32::try_from(50 + (x - at).pow(2)).unwrap());
        for at in -3..=3 {
            assert_eq!(i64::from(minimum(parabola(at))), at);
        }
        assert_eq!(minimum(parabola(9)), 3);
        assert_eq!(minimum([9, 9, 1]), 2);
        assert_eq!(minimum([1, 9, 9]), -2);
        assert_eq!(minimum([u32::MAX, 0, u32::MAX]), 0);
    }

    #[test]
    fn the_estimate_is_at_most_a_quarter_pixel_from_the_vector_of_a_smooth_scene() {
        let table = MvCost::default();
        for (x, y) in [(2, 0), (0, 2), (2, 2), (1, 0), (0, 3), (-1, 1), (3, 3), (-2, -3)] {
            let scene = Scene::shifted(QuarterPel::new(x, y));
            let target = scene.target(free(&table));
            let whole = search_subpel(&target, FullPel::ZERO, SubpelSearch::Estimated);
            let parts = Quadrant::ALL.map(|quadrant| {
                search_subpel_8x8(&target, quadrant, FullPel::ZERO, SubpelSearch::Estimated)
            });
            for found in parts.into_iter().chain([whole]) {
                let vector = found.vector;
                assert!(
                    (vector.x - x).abs() <= 1 && (vector.y - y).abs() <= 1,
                    "{x} {y}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn the_estimate_does_not_leave_the_range() {
        let table = MvCost::default();
        let scene = Scene::shifted(QuarterPel::new(-3, -3));
        let target = scene.target(free(&table));
        let (corner, opposite) = target.range.corners();
        for start in [corner, opposite] {
            let end = search_subpel(&target, start, SubpelSearch::Estimated).vector.floor();
            assert!(end.x >= corner.x - 1 && end.y <= opposite.y, "{end:?}");
        }
    }
}
