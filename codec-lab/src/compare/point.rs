//! The results of a point, which is an arm (encoder with its settings) on a clip at a target, from
//! its repeated runs and its score.

use std::collections::BTreeMap;

use codec_measure::latency::{self, TimedFrame};
use codec_measure::rate::{self, CodedFrame};
use codec_measure::results::{Latency, Memory, Point, Speed, Target};
use codec_measure::stats::{mean, median};
use codec_rtc::link::RateTrace;

use super::clips::Clip;
use super::metric::Metric;
use super::points::kbps;
use super::score::Score;
use super::store::Run;
use super::study::label;
use super::task::bpp_to_kbps;

/// Frames after which an encoder is warmed up.
const WARM_FRAMES: usize = 10;

/// A short label of the target and the size of a point.
pub(super) fn name_of(point: &Point) -> String {
    let target = label(point.target);
    point.size.map_or(target.clone(), |size| format!("{target} {size}"))
}

/// A failed point.
pub(super) fn failed(arm: &str, clip: &str, target: Target, why: String) -> Point {
    Point { failure: Some(why), ..empty(arm, clip, target) }
}

fn empty(arm: &str, clip: &str, target: Target) -> Point {
    Point {
        arm: arm.to_owned(),
        clip: clip.to_owned(),
        target,
        size: None,
        hull: Vec::new(),
        failure: None,
        bytes: 0,
        kbps: 0.0,
        quality: BTreeMap::new(),
        delivery: Default::default(),
        speed: Speed::default(),
        memory: Memory::default(),
        latency: None,
        rate: Default::default(),
        missed_target: false,
        streams_differ: false,
        frames_csv: None,
    }
}

/// The targets of a point over time, in kilobits per second.
pub(super) fn targets_of(
    target: Target,
    trace: Option<&RateTrace>,
    clip: &Clip,
) -> Vec<(f64, f64)> {
    if let Some(trace) = trace {
        let steps = trace.steps().iter().map(|&(begins, rate)| (begins.as_secs_f64(), kbps(rate)));
        return steps.filter(|(begins, _)| *begins < clip.seconds()).collect();
    }
    match target {
        Target::Kbps(kbps) => vec![(0.0, kbps)],
        Target::Bpp(bits) => vec![(0.0, bpp_to_kbps(bits, clip.shape))],
        _ => Vec::new(),
    }
}

/// Combines the results of the runs and the score. `timing` states whether times are meaningful. An encoder that
/// searches for a quality has no times and no memory: they would belong to the search and its metric.
#[expect(clippy::cast_precision_loss, reason = "a report")]
pub(super) fn measured(
    place: (&str, &Clip, Target),
    runs: &[Run],
    score: &Score,
    metrics: &[Metric],
    trace: Option<&RateTrace>,
    timing: bool,
) -> Point {
    let (arm, clip, target) = place;
    let searches = target.is_measured_quality();
    let timing = timing && !searches;
    let bytes: u64 = score.packets.iter().map(|packet| packet.bytes).sum();
    let quality =
        metrics.iter().filter_map(|&metric| Some((metric.id().to_owned(), score.pooled(metric)?)));
    let targets = targets_of(target, trace, clip);
    let coded = coded_frames(score, clip);
    let rate = rate::analyse(&coded, &targets, clip.seconds());
    let link_kbps = rate.target_kbps.unwrap_or(bytes as f64 * 8.0 / 1000.0 / clip.seconds());
    Point {
        bytes,
        kbps: bytes as f64 * 8.0 / 1000.0 / clip.seconds(),
        quality: quality.collect(),
        delivery: score.delivery,
        speed: speed(runs, clip, score.decode_ms, timing),
        memory: if searches { Memory::default() } else { memory(runs) },
        latency: latency(runs, clip, link_kbps, score.decode_ms).filter(|_| timing),
        rate,
        ..empty(arm, &clip.name, target)
    }
}

/// Returns the packets at the times at which an encoder without delay produces them: hidden frames
/// together with the next shown frame, and frames in decoding order.
#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn coded_frames(score: &Score, clip: &Clip) -> Vec<CodedFrame> {
    let frame_s = 1.0 / clip.shape.frame_rate().as_f64();
    let mut shown = 0_u64;
    let first = score.packets.iter().filter_map(|packet| packet.time_s).fold(f64::MAX, f64::min);
    let mut latest = 0.0_f64;
    let mut rows = Vec::with_capacity(score.packets.len());
    for packet in &score.packets {
        let time_s = packet.time_s.map_or(shown as f64 * frame_s, |time_s| time_s - first);
        // With B frames, presentation times go back, and packets leave in decoding order.
        latest = latest.max(time_s);
        shown += u64::from(packet.shown);
        rows.push(CodedFrame { time_s: latest, bytes: packet.bytes, key: packet.key });
    }
    rows
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn speed(runs: &[Run], clip: &Clip, decode_ms: Option<f64>, timing: bool) -> Speed {
    if !timing {
        return Speed::default();
    }
    let cpu_s: Vec<f64> = runs.iter().map(|run| run.usage.cpu_s).collect();
    let wall_s: Vec<f64> = runs.iter().map(|run| run.usage.wall_s).collect();
    let median_ms = |seconds: &[f64]| 1000.0 * median(seconds).unwrap_or(0.0);
    let per_frame = |seconds: &[f64]| median_ms(seconds) / clip.shape.frames().max(1) as f64;
    Speed {
        cpu_ms_per_frame: per_frame(&cpu_s),
        wall_ms_per_frame: per_frame(&wall_s),
        cpu_ms_per_second: median_ms(&cpu_s) / clip.seconds(),
        cpu_s,
        wall_s,
        decode_ms_per_frame: decode_ms,
        sessions: runs.iter().map(|run| run.session).collect(),
        // Calibration times are stored only if all runs have one, so that they match the times.
        calibration_ns: runs
            .iter()
            .map(|run| run.calibration_ns)
            .collect::<Option<_>>()
            .unwrap_or_default(),
        load: Default::default(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of allocations")]
fn memory(runs: &[Run]) -> Memory {
    let allocations = runs.first().and_then(|run| run.frames.as_ref()).and_then(|log| {
        let warm = log.allocations.get(WARM_FRAMES..)?;
        mean(&warm.iter().map(|&count| count as f64).collect::<Vec<_>>())
    });
    Memory {
        peak_rss: runs.iter().filter_map(|run| run.usage.peak_rss).max(),
        allocations_per_frame: allocations,
    }
}

/// Frame times: the median of the runs for each frame, which is robust against a disturbance of one
/// run.
#[expect(clippy::cast_precision_loss, reason = "microseconds")]
fn latency(runs: &[Run], clip: &Clip, link_kbps: f64, decode_ms: Option<f64>) -> Option<Latency> {
    let logs: Vec<_> = runs.iter().filter_map(|run| run.frames.as_ref()).collect();
    let first = *logs.first()?;
    let frame_s = 1.0 / clip.shape.frame_rate().as_f64();
    let (mut hidden_bytes, mut hidden_ms) = (0, 0.0);
    let mut frames = Vec::new();
    for (index, &frame) in first.frame.iter().enumerate() {
        let times = logs.iter().filter_map(|log| log.encode_us.get(index));
        let times: Vec<f64> = times.map(|&us| us as f64 / 1000.0).collect();
        let encode_ms = median(&times).unwrap_or(0.0);
        let bytes = first.bytes.get(index).copied().unwrap_or(0);
        if !first.shown.get(index).copied().unwrap_or(true) {
            hidden_bytes += bytes;
            // Both packets come from one call.
            hidden_ms = encode_ms;
            continue;
        }
        let encode_ms = encode_ms.max(std::mem::take(&mut hidden_ms));
        frames.push(TimedFrame {
            time_s: frame as f64 * frame_s,
            bytes: bytes + std::mem::take(&mut hidden_bytes),
            encode_ms,
            held: first.held.get(index).copied().unwrap_or(0),
        });
    }
    let decode_ms = decode_ms.unwrap_or(0.0);
    Some(latency::analyse(&frames, 1000.0 * frame_s, Some(link_kbps), decode_ms))
}
