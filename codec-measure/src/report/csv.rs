//! All rate-distortion points of a study as comma-separated values, RFC 4180.

use crate::results::{Point, Pooled, Quantiles, Results};

/// One line for each point; the header names the units. The columns of the metrics come last, in
/// the study's order; a field that was not measured, or that a busy machine disturbed, is empty.
/// Fields with commas, quotation marks or line breaks are quoted.
#[must_use]
pub fn csv(results: &Results) -> String {
    let mut out = String::new();
    let mut header: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    for metric in &results.metrics {
        let unit = match metric.unit.as_str() {
            "" => String::new(),
            unit => format!("_{unit}"),
        };
        header.extend(POOLS.iter().map(|(pool, _)| format!("{}_{pool}{unit}", metric.id)));
    }
    csv_line(&mut out, &header);
    for point in &results.points {
        let mut fields = fields_of(results, point);
        for metric in &results.metrics {
            let pooled = point.quality.get(&metric.id).filter(|_| point.failure.is_none());
            let value = |pick: &Pick| pooled.and_then(pick).map_or_else(String::new, text);
            fields.extend(POOLS.iter().map(|(_, pick)| value(pick)));
        }
        csv_line(&mut out, &fields);
    }
    out
}

const COLUMNS: [&str; 51] = [
    "arm",
    "clip",
    "width_px",
    "height_px",
    "fps",
    "target_kind",
    "target_value",
    "failure",
    "bytes",
    "kbps",
    "frames",
    "shown_frames",
    "frozen_frames",
    "freezes",
    "longest_freeze_ms",
    "unmatched_frames",
    "cpu_ms_per_frame",
    "wall_ms_per_frame",
    "decode_ms_per_frame",
    "repeats",
    "machine_busy",
    "wall_over_cpu",
    "cpu_spread_percent",
    "calibration_percent",
    "peak_rss_bytes",
    "allocations_per_frame",
    "encode_p50_ms",
    "encode_p95_ms",
    "encode_p99_ms",
    "encode_max_ms",
    "deadline_ms",
    "deadline_misses",
    "glass_p50_ms",
    "glass_p95_ms",
    "glass_p99_ms",
    "glass_max_ms",
    "target_kbps",
    "rate_error_percent",
    "worst_window_percent",
    "largest_frame_bytes",
    "key_frames",
    "key_frame_share",
    "buffer_violations",
    "steps",
    "worst_step_reaction_ms",
    "encoded_width_px",
    "encoded_height_px",
    "hull_metrics",
    "cpu_ms_per_s",
    "sample_rate_hz",
    "channels",
];

type Pick = fn(&Pooled) -> Option<f64>;

const POOLS: [(&str, Pick); 7] = [
    ("mean", |pooled| Some(pooled.mean)),
    ("harmonic", |pooled| pooled.harmonic),
    ("worst", |pooled| Some(pooled.worst)),
    ("p1", |pooled| Some(pooled.p1)),
    ("p5", |pooled| Some(pooled.p5)),
    ("p50", |pooled| Some(pooled.p50)),
    ("worst_second", |pooled| Some(pooled.worst_second)),
];

fn fields_of(results: &Results, point: &Point) -> Vec<String> {
    let clip = results.clips.iter().find(|clip| clip.name == point.clip);
    let pictures = clip.filter(|clip| clip.audio.is_none());
    let mut fields = vec![
        point.arm.clone(),
        point.clip.clone(),
        pictures.map_or_else(String::new, |clip| clip.width.to_string()),
        pictures.map_or_else(String::new, |clip| clip.height.to_string()),
        clip.map_or_else(String::new, |clip| text(clip.fps)),
        point.target.kind().to_owned(),
        text(point.target.value()),
        point.failure.clone().unwrap_or_default(),
    ];
    if point.failure.is_some() {
        fields.resize(COLUMNS.len(), String::new());
        return fields;
    }
    let timed = |ms: f64| if ms > 0.0 { text(ms) } else { String::new() };
    let (delivery, speed, rate) = (&point.delivery, &point.speed, &point.rate);
    fields.extend([
        point.bytes.to_string(),
        text(point.kbps),
        delivery.frames.to_string(),
        delivery.shown.to_string(),
        delivery.frozen.to_string(),
        delivery.freezes.to_string(),
        text(delivery.longest_freeze_ms),
        delivery.unmatched.to_string(),
        timed(speed.cpu_ms_per_frame),
        timed(speed.wall_ms_per_frame),
        maybe(speed.decode_ms_per_frame),
        speed.cpu_s.len().max(speed.wall_s.len()).to_string(),
        if speed.cpu_s.is_empty() { String::new() } else { speed.load.busy.to_string() },
        maybe(speed.load.wall_over_cpu),
        maybe(speed.load.cpu_spread_percent),
        maybe(speed.load.calibration_percent),
        point.memory.peak_rss.map_or_else(String::new, |bytes| bytes.to_string()),
        maybe(point.memory.allocations_per_frame),
    ]);
    let latency = point.latency.as_ref();
    let is_quiet = !latency.is_some_and(|latency| latency.disturbed);
    fields.extend(quantiles(latency.map(|latency| latency.encode), is_quiet));
    fields.push(maybe(latency.map(|latency| latency.deadline_ms)));
    let misses = latency.filter(|_| is_quiet).map(|latency| latency.deadline_misses.to_string());
    fields.push(misses.unwrap_or_default());
    let glass = latency.and_then(|latency| latency.glass_to_glass);
    fields.extend(quantiles(glass.map(|glass| glass.total), is_quiet));
    let worst_step =
        rate.step_reactions_ms.iter().copied().reduce(|worst, next| Some(worst?.max(next?)));
    fields.extend([
        maybe(rate.target_kbps),
        maybe(rate.error_percent),
        maybe(rate.worst_window_percent),
        rate.largest_frame.to_string(),
        rate.key_frames.to_string(),
        text(rate.key_frame_share),
        rate.buffer_violations.to_string(),
        rate.step_reactions_ms.len().to_string(),
        maybe(worst_step.flatten()),
        point.size.map_or_else(String::new, |size| size.width.to_string()),
        point.size.map_or_else(String::new, |size| size.height.to_string()),
        point.hull.join(" "),
        timed(speed.cpu_ms_per_second),
    ]);
    let audio = clip.and_then(|clip| clip.audio);
    fields.push(audio.map_or_else(String::new, |audio| audio.sample_rate.to_string()));
    fields.push(audio.map_or_else(String::new, |audio| audio.channels.to_string()));
    fields
}

/// Returns p50, p95, p99 and the maximum; the last two are empty if the machine was busy.
fn quantiles(known: Option<Quantiles>, is_quiet: bool) -> [String; 4] {
    let pick = |value: fn(&Quantiles) -> f64| maybe(known.as_ref().map(value));
    let tail = |value| if is_quiet { pick(value) } else { String::new() };
    [pick(|q| q.p50), pick(|q| q.p95), tail(|q| q.p99), tail(|q| q.max)]
}

fn maybe(value: Option<f64>) -> String {
    value.map_or_else(String::new, text)
}

/// Formats a value with at most six decimals; empty if it is not a number.
fn text(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Appends a line of a CSV file; fields with separators or quotes are quoted (RFC 4180).
pub fn csv_line(out: &mut String, fields: &[String]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push_str("\r\n");
}
