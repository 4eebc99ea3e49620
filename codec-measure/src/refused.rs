//! Clips on which encoders could not be compared, and the reasons.

use crate::results::Results;

/// `3 of 4 clips`, if an arm could not be compared on all of them by the metric of this id.
pub(crate) fn fewer_clips(results: &Results, arm: &str, metric: &str) -> Option<String> {
    let comparison =
        results.comparisons.iter().find(|one| one.arm == arm && one.metric == metric)?;
    let all = comparison.clips.len();
    let compared = comparison.clips.iter().filter(|clip| clip.bd_rate.is_some()).count();
    (compared > 0 && compared < all).then(|| format!("{compared} of {all} clips"))
}

/// Why an arm has no BD-rate by the metric of this id: in a few words for a table, and in full.
pub(crate) fn no_rate(results: &Results, arm: &str, metric: &str) -> (String, String) {
    let clips = refused_clips(results, arm, metric);
    let reasons: Vec<String> = clips.iter().map(|(clip, why)| format!("{clip}: {why}")).collect();
    let all = || results.points.iter().filter(|point| point.arm == arm);
    let short = match all().filter(|point| point.failure.is_some()).count() {
        0 => "curves not comparable".to_owned(),
        failed => format!("{failed} of {} points failed", all().count()),
    };
    (short, reasons.join("; "))
}

/// The clips on which an arm could not be compared by the metric of this id, each with the reason.
pub(crate) fn refused_clips<'a>(
    results: &'a Results,
    arm: &str,
    metric: &str,
) -> Vec<(&'a str, &'a str)> {
    let found = results.comparisons.iter().find(|one| one.arm == arm && one.metric == metric);
    let clips = found.into_iter().flat_map(|one| &one.clips);
    clips
        .filter(|clip| clip.bd_rate.is_none())
        .map(|clip| (clip.clip.as_str(), clip.refused.as_deref().unwrap_or("no points to compare")))
        .collect()
}
