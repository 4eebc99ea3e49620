//! A summary row for each arm (encoder with its settings): shared by the report page and the
//! terminal table.

use crate::plot::{count, measured};
use crate::results::{Arm, Figure, Point, Quantiles, Results};
use crate::stats;

/// An arm over all of its points.
#[derive(Clone, Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) is_anchor: bool,
    /// BD-rate by each metric, in the study's order.
    pub(crate) bd_rates: Vec<Option<Figure>>,
    pub(crate) cpu_ratio: Option<Figure>,
    pub(crate) on_frontier: bool,
    /// Frames per second of elapsed time; of audio, seconds of audio per second.
    pub(crate) fps: Option<f64>,
    /// CPU time per frame; of audio, per second of audio.
    pub(crate) cpu_ms: Option<f64>,
    /// Encoding times over all frames of all points, in milliseconds.
    pub(crate) latency: Option<Quantiles>,
    /// The p99; `None` if the machine was busy during one of the points.
    pub(crate) p99: Option<f64>,
    /// Frames that missed the deadline; `None` if the machine was busy during one of the points.
    pub(crate) deadline_misses: Option<u64>,
    /// Deviation from the target in percent: the mean of the absolute deviations of the points.
    pub(crate) rate_error: Option<f64>,
    pub(crate) frozen: u64,
    pub(crate) freezes: u64,
    pub(crate) peak_rss: Option<u64>,
    pub(crate) points: usize,
    pub(crate) failed: usize,
}

/// Returns one row for each arm, in the study's order.
pub(crate) fn summaries(results: &Results) -> Vec<Summary<'_>> {
    results.arms.iter().map(|arm| of_arm(results, arm)).collect()
}

fn of_arm<'a>(results: &'a Results, arm: &'a Arm) -> Summary<'a> {
    let points: Vec<&Point> = measured(results).filter(|point| point.arm == arm.name).collect();
    let all = results.points.iter().filter(|point| point.arm == arm.name).count();
    let bd_rates = results.metrics.iter().map(|metric| {
        let comparisons = results.comparisons.iter();
        comparisons
            .filter(|one| one.arm == arm.name && one.metric == metric.id)
            .find_map(|one| one.bd_rate)
    });
    let place = results.frontier.iter().find(|point| point.arm == arm.name);
    let is_audio = results.is_audio();
    // Times of audio are per second instead of per frame.
    let frames_of = |point: &Point| {
        let clip = results.clips.iter().find(|clip| clip.name == point.clip);
        clip.map_or(1.0, |clip| clip.fps).max(f64::MIN_POSITIVE)
    };
    let weighted = |pick: fn(&Point) -> f64| {
        let timed = points.iter().filter(|point| pick(point) > 0.0);
        let (time, frames) = timed.fold((0.0, 0.0), |(time, frames), point| {
            let shown = count(usize::try_from(point.delivery.frames).unwrap_or(0));
            let each = if is_audio { pick(point) * frames_of(point) } else { pick(point) };
            (time + each * shown, frames + shown)
        });
        (frames > 0.0).then(|| time / frames)
    };
    let errors: Vec<f64> =
        points.iter().filter_map(|point| point.rate.error_percent).map(f64::abs).collect();
    let latencies = || points.iter().filter_map(|point| point.latency.as_ref());
    let is_disturbed = latencies().any(|latency| latency.disturbed);
    let latency = pooled_latency(&points);
    Summary {
        arm,
        is_anchor: arm.name == results.anchor,
        bd_rates: bd_rates.collect(),
        cpu_ratio: place.map(|place| place.cpu_ratio),
        on_frontier: place.is_some_and(|place| place.on_frontier),
        fps: weighted(|point| point.speed.wall_ms_per_frame).map(|ms| 1000.0 / ms),
        cpu_ms: weighted(|point| point.speed.cpu_ms_per_frame),
        latency,
        p99: latency.map(|latency| latency.p99).filter(|_| !is_disturbed),
        deadline_misses: latencies()
            .map(|latency| latency.deadline_misses)
            .reduce(u64::saturating_add)
            .filter(|_| !is_disturbed),
        rate_error: stats::mean(&errors),
        frozen: points.iter().map(|point| point.delivery.frozen).sum(),
        freezes: points.iter().map(|point| point.delivery.freezes).sum(),
        peak_rss: points.iter().filter_map(|point| point.memory.peak_rss).max(),
        points: all,
        failed: all - points.len(),
    }
}

fn pooled_latency(points: &[&Point]) -> Option<Quantiles> {
    let latencies = || points.iter().filter_map(|point| point.latency.as_ref());
    let mut times: Vec<f64> =
        latencies().flat_map(|latency| latency.encode_ms.iter().copied()).collect();
    times.retain(|time| time.is_finite());
    times.sort_by(f64::total_cmp);
    if times.is_empty() {
        // Without per-frame times, the worst of the points' values counts.
        return latencies().map(|latency| latency.encode).reduce(|a, b| Quantiles {
            p50: a.p50.max(b.p50),
            p95: a.p95.max(b.p95),
            p99: a.p99.max(b.p99),
            max: a.max.max(b.max),
        });
    }
    let at = |share| stats::quantile_of_sorted(&times, share).unwrap_or(f64::NAN);
    Some(Quantiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) })
}
