//! Sub-pel motion search with one trial of a quarter-pixel vector: at the minimum of parabolas through
//! the errors at half pixels.

use super::{Block, FullPel, PixelPos, QuarterPel, SubpelMatch, Target};

/// Half pixels around a vector, in quarter pixels.
const HALVES: [i16; 3] = [-2, 0, 2];
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
    let [a, b, c, d, e, f, g, h] = cur.sse_half_ring(target.kernels, target.refp, at, start);
    let rows = [[a, b, c], [d, sse, e], [f, g, h]];
    let mut best = matched(centre, sse);
    let (mut best_row, mut best_column) = (1, 1);
    for (row, line) in rows.into_iter().enumerate() {
        for (column, sse) in line.into_iter().enumerate() {
            let found = matched(centre.offset(HALVES[column], HALVES[row]), sse);
            if found.cost < best.cost {
                (best, best_row, best_column) = (found, row, column);
            }
        }
    }
    let x = minimum(rows[best_row]);
    let y = minimum(rows.map(|line| line[best_column]));
    let vector = centre.offset(x, y);
    let is_known = (x | y) & 1 == 0;
    if is_known || !target.range.contains(vector.floor()) {
        return best;
    }
    let found = matched(vector, cur.sse(target.kernels, target.refp, at, vector));
    if found.cost < best.cost { found } else { best }
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
}
