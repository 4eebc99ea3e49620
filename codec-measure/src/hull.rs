//! The convex hull of the rate-distortion points of several frame sizes: the best quality that an encoder reaches if the
//! frame size is chosen for each bitrate.

use crate::bd::RatePoint;

/// Returns which of `points` are on the upper convex hull in the plane of bitrate and quality, from the lowest bitrate
/// to the best quality. Points on the line between two others are on the hull; of equal points, the first is.
///
/// ```
/// use codec_measure::bd::RatePoint;
/// use codec_measure::hull::upper_hull;
///
/// let points = [(100.0, 30.0), (200.0, 31.0), (400.0, 40.0), (800.0, 39.0)];
/// let points = points.map(|(kbps, quality)| RatePoint { kbps, quality });
/// assert_eq!(upper_hull(&points), [true, false, true, false]);
/// ```
#[must_use]
pub fn upper_hull(points: &[RatePoint]) -> Vec<bool> {
    let is_valid = |point: &RatePoint| point.kbps.is_finite() && point.quality.is_finite();
    let mut order: Vec<usize> = (0..points.len()).filter(|&at| is_valid(&points[at])).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (points[a], points[b]);
        a.kbps.total_cmp(&b.kbps).then(b.quality.total_cmp(&a.quality))
    });
    // A point that costs more bits must be better.
    let mut best = f64::NEG_INFINITY;
    order.retain(|&at| {
        let is_better = points[at].quality > best;
        best = best.max(points[at].quality);
        is_better
    });
    let is_below = |from: usize, at: usize, to: usize| {
        let (from, at, to) = (points[from], points[at], points[to]);
        (at.quality - from.quality) * (to.kbps - from.kbps)
            < (to.quality - from.quality) * (at.kbps - from.kbps)
    };
    let mut hull: Vec<usize> = Vec::new();
    for at in order {
        while let [.., before, last] = hull[..]
            && is_below(before, last, at)
        {
            hull.pop();
        }
        hull.push(at);
    }
    let mut found = vec![false; points.len()];
    hull.into_iter().for_each(|at| found[at] = true);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hull(points: &[(f64, f64)]) -> Vec<bool> {
        let points = points.iter().map(|&(kbps, quality)| RatePoint { kbps, quality });
        upper_hull(&points.collect::<Vec<_>>())
    }

    /// Small frames are better at low bitrates, large ones at high bitrates.
    #[test]
    fn each_size_has_its_range_of_bitrates() {
        let small = [(100.0, 34.0), (200.0, 36.0), (400.0, 36.5), (800.0, 36.6)];
        let large = [(110.0, 30.0), (210.0, 34.5), (410.0, 39.0), (810.0, 42.0)];
        let found = hull(&[small, large].concat());
        assert_eq!(found, [true, true, false, false, false, false, true, true]);
    }

    #[test]
    fn unusual_points_are_handled() {
        assert!(hull(&[]).is_empty());
        assert_eq!(hull(&[(100.0, 30.0)]), [true]);
        assert_eq!(hull(&[(100.0, 30.0), (100.0, 31.0), (100.0, 31.0)]), [false, true, false]);
        assert_eq!(hull(&[(100.0, 30.0), (200.0, 31.0), (300.0, 32.0)]), [true, true, true]);
        assert_eq!(hull(&[(100.0, f64::NAN), (200.0, 31.0)]), [false, true]);
        assert_eq!(hull(&[(300.0, 30.0), (100.0, 31.0)]), [false, true]);
    }
}
