//! Writes the results of a benchmark as text.

use codec_measure::stats::Estimate;
use codec_media::count::counted;

use super::run::{Measured, Plan, Results, StageShares, Work};
use crate::machine::{self, Machine};

/// Aligns text in columns: the first left, the others right.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let widths = rows.iter().fold(Vec::new(), |mut widths: Vec<usize>, row| {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
        widths
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (n, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if n == 0 {
                line.push_str(&format!("{cell:<width$}"));
            } else {
                line.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `AMD EPYC 9B45, 2 cores, linux x86_64; codec 0.1.0, release build`.
pub(super) fn machine_line() -> String {
    let Machine { cpu, cores, system, .. } = Machine::this();
    format!(
        "{cpu}, {}, {system}; codec {}, {} build\n",
        counted(cores as u64, "core"),
        env!("CARGO_PKG_VERSION"),
        machine::build()
    )
}

/// The whole report.
pub(super) fn text(plan: &Plan, results: &Results) -> String {
    let mut text = machine_line();
    for work in &plan.works {
        text.push_str(&describe(plan, work));
    }
    let Results { repeats, warm_up, .. } = results;
    text.push_str(&format!(
        "{} after {warm_up} warm-up; medians with 95 % confidence intervals{}\n\n",
        counted(*repeats as u64, "pass"),
        if *repeats < 6 { " (full range: fewer than six passes)" } else { "" }
    ));
    text.push_str(&points(plan, results));
    for point in &results.points {
        if let Some(stages) = &point.stages {
            text.push_str(&shares(point, stages));
        }
    }
    for (name, headroom) in &results.headrooms {
        text.push_str(&headroom_lines(plan, name, headroom));
    }
    text
}

fn describe(plan: &Plan, work: &Work) -> String {
    let what = match work {
        Work::Encode { config, .. } => {
            let settings: Vec<_> = plan
                .encoder
                .describe(config)
                .into_iter()
                .filter(|(name, value)| {
                    ["encoder", "rate", "preset", "speed"].contains(name)
                        || !["default", "false", "", "L1T1", "camera"].contains(&value.as_str())
                })
                .map(|(name, value)| match name {
                    "encoder" | "rate" => value,
                    _ => format!("{name} {value}"),
                })
                .collect();
            settings.join(", ")
        }
        Work::Decode { backend, .. } => format!("{}/{}", backend.codec, backend.name),
    };
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let mib = work.bytes() as f64 / f64::from(1 << 20);
    format!(
        "{} {}: {} {}, {:.3} fps, {mib:.1} MiB in memory{}; {what}\n",
        work.verb(),
        work.name(),
        counted(
            work.frames() as u64,
            if matches!(work, Work::Encode { .. }) { "frame" } else { "packet" }
        ),
        work.size(),
        work.frame_rate().as_f64(),
        if work.is_cut() { " (start of the input)" } else { "" },
    )
}

/// Milliseconds with enough digits.
fn ms(ns: f64) -> String {
    format!("{:.3}", ns / 1e6)
}

fn estimate(estimate: &Estimate) -> String {
    format!("{} [{}, {}]", ms(estimate.value), ms(estimate.low), ms(estimate.high))
}

fn points(plan: &Plan, results: &Results) -> String {
    let header = [
        "",
        "CPU ms/frame",
        "wall ms/frame",
        "fps",
        "x real time",
        "p50 ms",
        "p95",
        "p99",
        "max",
        "kb/s",
        "speed-up",
        "CPU change",
        "peak MiB",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for point in &results.points {
        let work = &plan.works[point.work];
        let fps = 1e9 / point.wall.value;
        // Relative to the fewest threads at the same level.
        let is_alike = |other: &&Measured| other.work == point.work && other.level == point.level;
        let first = results.points.iter().find(is_alike).unwrap_or(point);
        let [p50, p95, mut p99, mut max] = point.latency.map(ms);
        if point.is_busy() {
            (p99, max) = (String::new(), String::new());
        }
        let peak = point.peak_memory.map_or_else(String::new, |bytes| (bytes >> 20).to_string());
        rows.push(vec![
            point.series.name.clone(),
            estimate(&point.cpu),
            estimate(&point.wall),
            format!("{fps:.1}"),
            format!("{:.2}", fps / work.frame_rate().as_f64()),
            p50,
            p95,
            p99,
            max,
            format!("{:.0}", point.kbps),
            format!("{:.2}", first.wall.value / point.wall.value),
            format!("{:.2}", point.cpu.value / first.cpu.value),
            peak,
        ]);
    }
    let mut text = columns(&rows);
    for point in results.points.iter().filter(|point| point.is_busy()) {
        let name = &point.series.name;
        text.push_str(&format!("{name}: the machine was busy: p99 and max are omitted\n"));
    }
    for point in results.points.iter().filter(|point| point.dropped > 0) {
        let Measured { dropped, frames, .. } = point;
        text.push_str(&format!("{}: {dropped} of {frames} frames dropped\n", point.series.name));
    }
    text
}

fn shares(point: &Measured, stages: &StageShares) -> String {
    let all: f64 = stages.ns.iter().map(|(_, ns)| ns).sum();
    let rows: Vec<_> = stages
        .ns
        .iter()
        .map(|(name, ns)| {
            vec![
                format!("  {name}"),
                format!("{} ms", ms(*ns)),
                format!("{:.1} %", 100.0 * ns / all),
            ]
        })
        .collect();
    let cost = if stages.cost.is_finite() {
        format!("; with stage timing, a pass takes {:.2} times the CPU time", stages.cost)
    } else {
        String::new()
    };
    let name = &point.series.name;
    format!("\nstages of {name}, per frame on one thread{cost}\n{}", columns(&rows))
}

fn headroom_lines(plan: &Plan, name: &str, headroom: &super::headroom::Headroom) -> String {
    let work = plan.works.iter().find(|work| work.name() == name);
    let what = work.map_or_else(String::new, |work| {
        format!("{} at {:.3} fps", work.size(), work.frame_rate().as_f64())
    });
    let late = |streams: usize| {
        let found = headroom.tried.iter().find(|(tried, _)| *tried == streams);
        found.map(|(_, late)| format!("{:.2} % of frames late", 100.0 * late))
    };
    let mut text = format!(
        "\nreal-time headroom, {what}: {} (measured)",
        counted(headroom.streams as u64, "single-threaded stream")
    );
    if let Some(late) = late(headroom.streams) {
        text.push_str(&format!(" ({late})"));
    }
    let worse = headroom.tried.iter().filter(|(tried, _)| *tried > headroom.streams);
    if let Some((streams, share)) = worse.min_by_key(|(tried, _)| *tried) {
        text.push_str(&format!("; at {streams}: {:.2} % late", 100.0 * share));
    }
    text.push_str(&format!(
        "; estimated {:.1} ({} / CPU time)\n",
        headroom.by_division,
        counted(Machine::this().cores as u64, "core")
    ));
    text
}
