//! Summaries of each arm (encoder with its settings), over all clips and on each single clip. When
//! a reader selects clips, the script of the report page combines their summaries.

use serde_json::{Value, json};

use super::json::round;
use super::summary::{Summary, summaries};
use crate::bd::Interpolation;
use crate::plot::measured;
use crate::reliability;
use crate::results::{Figure, Point, Results};
use crate::stats;

/// Resolution of the distribution of encoding times: quantiles at multiples of 1/200, which include
/// those in the summary.
const STEPS: u32 = 200;

/// Returns two lists as JSON: `all` has each arm over all clips; `clips` has, for each clip, each
/// arm.
pub(super) fn clip_summaries(results: &Results) -> Value {
    let rows = |results: &Results| -> Vec<Value> {
        summaries(results).iter().map(|row| summary_row(results, row)).collect()
    };
    let interpolation =
        results.comparisons.first().map_or(Interpolation::default(), |one| one.interpolation);
    let mut frame = results.clone();
    frame.points.clear();
    let on_clip = |clip: &crate::results::Clip| {
        let points = results.points.iter().filter(|point| point.clip == clip.name);
        let mut one = Results {
            points: points.cloned().collect(),
            clips: vec![clip.clone()],
            ..frame.clone()
        };
        one.compare(interpolation);
        rows(&one)
    };
    let clips: Vec<_> = results.clips.iter().map(on_clip).collect();
    json!({ "all": rows(results), "clips": clips })
}

fn summary_row(results: &Results, row: &Summary<'_>) -> Value {
    let points: Vec<&Point> = measured(results).filter(|point| point.arm == row.arm.name).collect();
    let frames: u64 = points.iter().map(|point| point.delivery.frames).sum();
    let off = points.iter().filter(|point| point.rate.error_percent.is_some()).count();
    // The value, and the ends of its interval if it has one.
    let estimate = |found: Figure| -> Vec<_> {
        let ends = found.interval.map(|ends| [ends.low, ends.high]);
        [found.value].into_iter().chain(ends.into_iter().flatten()).map(round).collect()
    };
    let weak: Vec<usize> = results
        .metrics
        .iter()
        .map(|metric| reliability::unreliable_clips(results, &row.arm.name, &metric.id).len())
        .collect();
    let cpu = || results.cpu_ratio(&row.arm.name).map(|cpu| cpu.ratio.figure);
    let ratio = if row.is_anchor { Some(Figure::exact(1.0)) } else { cpu() };
    let ratio = ratio.filter(|_| results.environment.timing);
    json!({
        "anchor": row.is_anchor,
        "bd": row.bd_rates.iter().map(|rate| rate.map(estimate)).collect::<Vec<_>>(),
        "weak": weak,
        "ratio": ratio.map(estimate),
        "cpu": row.cpu_ms.and_then(round),
        "fps": row.fps.and_then(round),
        "frames": frames,
        "times": times(&points),
        // The longest times of a busy machine are not a property of the encoder.
        "hasLongest": row.p99.is_some(),
        "count": points.iter().filter_map(|point| point.latency.as_ref())
            .map(|latency| latency.encode_ms.len()).sum::<usize>(),
        "late": row.deadline_misses,
        "off": row.rate_error.and_then(round),
        "offPoints": off,
        "frozen": row.frozen,
        "freezes": row.freezes,
        "memory": row.peak_rss,
        "failed": row.failed,
        "points": row.points,
    })
}

/// Quantiles of the encode times of all frames.
fn times(points: &[&Point]) -> Option<Vec<Option<f64>>> {
    let latencies = points.iter().filter_map(|point| point.latency.as_ref());
    let mut times: Vec<f64> =
        latencies.flat_map(|latency| latency.encode_ms.iter().copied()).collect();
    times.retain(|time| time.is_finite());
    times.sort_by(f64::total_cmp);
    let at = |step: u32| {
        let share = f64::from(step) / f64::from(STEPS);
        stats::quantile_of_sorted(&times, share).and_then(round)
    };
    (!times.is_empty()).then(|| (0..=STEPS).map(at).collect())
}
