//! Detects BD-rates that are unreliable because the curves overlap too little or have too few
//! points.

use crate::results::{ClipComparison, Results};

/// If curves share less of their quality range than this, the comparison covers few of their
/// points.
const MIN_OVERLAP: f64 = 0.5;
/// With fewer points the shape of a curve is uncertain.
const MIN_POINTS: usize = 4;

/// Footnote of tables that contain [`MARK`].
pub(crate) const LEGEND: &str =
    "† based on curves that overlap by less than 50 % or have fewer than four points";
pub(crate) const MARK: &str = "†";

/// Returns why an arm's BD-rate on a clip is unreliable: `overlap 31 %, 3 points`. `None` if it is
/// reliable, or missing.
pub(crate) fn unreliable_reason(
    results: &Results,
    arm: &str,
    clip: &ClipComparison,
) -> Option<String> {
    let rate = clip.bd_rate?;
    // With several sizes, each metric has its own curve: the shortest one counts.
    let count = |arm: &str| {
        let on_curve = |metric: &str| {
            results.points_of(arm, &clip.clip).filter(|point| point.is_on_curve(metric)).count()
        };
        let counts = results.metrics.iter().map(|metric| on_curve(&metric.id));
        counts.min().unwrap_or(0)
    };
    let points = count(arm).min(count(&results.anchor));
    let mut reasons = Vec::new();
    if rate.overlap < MIN_OVERLAP {
        reasons.push(format!("overlap {:.0} %", 100.0 * rate.overlap));
    }
    if points < MIN_POINTS {
        let plural = if points == 1 { "" } else { "s" };
        reasons.push(format!("{points} point{plural}"));
    }
    (!reasons.is_empty()).then(|| reasons.join(", "))
}

/// The clips that weaken an arm's mean by the metric of this id, each with the reason.
pub(crate) fn unreliable_clips(
    results: &Results,
    arm: &str,
    metric: &str,
) -> Vec<(String, String)> {
    let found = results.comparisons.iter().find(|one| one.arm == arm && one.metric == metric);
    let clips = found.map_or(&[][..], |one| &one.clips);
    let weak =
        |clip: &ClipComparison| Some((clip.clip.clone(), unreliable_reason(results, arm, clip)?));
    clips.iter().filter_map(weak).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bd::Difference;

    #[test]
    fn a_narrow_overlap_is_weak_and_a_rejected_comparison_is_not() {
        let results = Results::default();
        let difference = |overlap| Difference { value: 1.0, from: 30.0, to: 40.0, overlap };
        let mut clip = ClipComparison {
            clip: "x".into(),
            bd_rate: Some(difference(0.31)),
            bd_metric: None,
            refused: None,
        };
        assert_eq!(
            unreliable_reason(&results, "a", &clip).as_deref(),
            Some("overlap 31 %, 0 points")
        );
        clip.bd_rate = Some(difference(0.5));
        assert_eq!(unreliable_reason(&results, "a", &clip).as_deref(), Some("0 points"));
        clip.bd_rate = None;
        assert_eq!(unreliable_reason(&results, "a", &clip), None);
    }
}
