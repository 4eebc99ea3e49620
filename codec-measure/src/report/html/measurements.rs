//! Sections of the report page: speed, latency, rate control, memory, and the table of all points.

use super::cells::{arm_cell, arm_index, bytes, digits, names_of, row_of};
use crate::plot::{self, Theme, escape, measured, point_text, short, targets_of};
use crate::report::summary::Summary;
use crate::report::tables::{Cell, Head, Row, Table, head, text_head};
use crate::report::terminal::megabytes;
use crate::results::{GlassToGlass, Point, Results};
use crate::stats;
use crate::words::Words;

pub(super) fn speed(results: &Results) -> String {
    if results.frontier.is_empty() {
        return String::new();
    }
    format!(
        "<figure><div class=\"plot wide\" id=\"frontier\">{}</div>\
         <figcaption>Whiskers: 95&nbsp;% intervals over clips. Dotted: the arms that no other arm beats in \
         both speed and BD-rate. Lower left is better.</figcaption></figure>\n",
        plot::frontier(results, Theme::Page)
    )
}

pub(super) fn latency(results: &Results, rows: &[Summary<'_>]) -> String {
    let Some(picture) = plot::latency(results, None, Theme::Page) else {
        return "<p>No encoder reported frame times.</p>\n".into();
    };
    let mut clips = String::from("<option value=\"0\">all clips</option>");
    for (index, clip) in results.clips.iter().enumerate() {
        clips.push_str(&format!("<option value=\"{}\">{}</option>", index + 1, escape(&clip.name)));
    }
    let mut out = format!(
        "<p class=\"pick\" hidden><label>Clip <select id=\"latency-clip\">{clips}</select></label></p>\n\
         <figure><div class=\"plot wide\" id=\"latency-plot\">{picture}</div>\
         <figcaption>The deadline is the duration of a frame; the height at which a curve crosses it is the \
         share of late frames.</figcaption></figure>\n"
    );
    let silent: Vec<String> = rows
        .iter()
        .filter(|row| row.latency.is_none() && row.failed < row.points)
        .map(|row| escape(&row.arm.name))
        .collect();
    if !silent.is_empty() {
        out.push_str(&format!("<p class=\"about\">Not reported by: {}.</p>\n", silent.join("; ")));
    }
    let disturbed = rows.iter().filter(|row| row.latency.is_some() && row.p99.is_none());
    let disturbed: Vec<String> = disturbed.map(|row| escape(&row.arm.name)).collect();
    if !disturbed.is_empty() {
        out.push_str(&format!(
            "<p class=\"about\">The machine was busy: the longest times of {} may be due to that.</p>\n",
            disturbed.join("; ")
        ));
    }
    let stages = results.arms.iter().filter_map(|arm| {
        let glass: Vec<GlassToGlass> = measured(results)
            .filter(|point| point.arm == arm.name)
            .filter_map(|point| point.latency.as_ref()?.glass_to_glass)
            .collect();
        let mean = |pick: fn(&GlassToGlass) -> f64| {
            Cell::short(stats::mean(&glass.iter().map(pick).collect::<Vec<_>>()))
        };
        let is_quiet = rows.iter().any(|row| row.arm.name == arm.name && row.p99.is_some());
        let tail = |pick| if is_quiet { mean(pick) } else { Cell::none() };
        let cells = vec![
            arm_cell(results, &arm.name),
            mean(|glass| glass.capture),
            mean(|glass| glass.encode),
            mean(|glass| glass.serialise),
            mean(|glass| glass.decode),
            mean(|glass| glass.total.p50),
            mean(|glass| glass.total.p95),
            tail(|glass| glass.total.p99),
            tail(|glass| glass.total.max),
        ];
        let row = Row { arm: arm_index(results, &arm.name), clip: None, cells };
        (!glass.is_empty()).then_some(row)
    });
    let stages: Vec<Row> = stages.collect();
    if !stages.is_empty() {
        let numbers =
            ["Capture", "Encode", "Serialise", "Decode", "Total p50", "p95", "p99", "max"];
        let heads = [text_head("Arm")].into_iter().chain(numbers.into_iter().map(head)).collect();
        let caption = "Modelled glass-to-glass delay, ms, mean over points".into();
        out.push_str(&Table { caption, heads, rows: stages }.html());
    }
    out
}

pub(super) fn rate(results: &Results) -> String {
    let mut out = String::new();
    let first = results.clips.iter().find_map(|clip| {
        let mut targets = targets_of(results, &clip.name).into_iter();
        targets.find_map(|target| plot::rate_trace(results, &clip.name, target, Theme::Page))
    });
    if let Some(picture) = first {
        let clips: String = results
            .clips
            .iter()
            .enumerate()
            .map(|(index, clip)| {
                format!("<option value=\"{index}\">{}</option>", escape(&clip.name))
            })
            .collect();
        out.push_str(&format!(
            "<p class=\"pick\" hidden><label>Clip <select id=\"rate-clip\">{clips}</select></label>\n\
             <label>Target <select id=\"rate-target\"></select></label></p>\n\
             <figure><div class=\"plot wide\" id=\"rate-plot\">{picture}</div></figure>\n"
        ));
    }
    if let Some(bars) = plot::key_frames(results, Theme::Page) {
        out.push_str(&format!(
            "<figure><figcaption>Cost of key frames</figcaption><div class=\"plot wide still\">{bars}</div></figure>\n"
        ));
    }
    let numbers = [
        "Target, kb/s",
        "kb/s",
        "Rate error, %",
        "Worst 1 s, %",
        "Frames with over 1 s of delay",
        "Largest frame, kB",
        "Key frames",
        "Key frames' share of bytes, %",
        "Slowest reaction to a step, ms",
    ];
    let heads = ["Arm", "Clip"].into_iter().map(text_head).chain(numbers.into_iter().map(head));
    let rows = measured(results).map(|point| {
        let rate = &point.rate;
        let mut cells = names_of(results, point);
        let slowest = rate.step_reactions_ms.iter().copied().reduce(|a, b| Some(a?.max(b?)));
        cells.extend([
            Cell::short(rate.target_kbps),
            Cell::short(Some(point.kbps)),
            Cell::signed(rate.error_percent, 1),
            Cell::signed(rate.worst_window_percent, 1),
            Cell::whole(rate.buffer_violations),
            Cell {
                html: short(bytes(rate.largest_frame) / 1000.0),
                ..Cell::whole(rate.largest_frame)
            },
            Cell::whole(rate.key_frames),
            Cell::number(rate.key_frame_share * 100.0, 1),
            match slowest {
                None => Cell::none(),
                Some(None) => Cell { html: "never".into(), sort: None, class: "bad" },
                Some(Some(ms)) => Cell::short(Some(ms)),
            },
        ]);
        row_of(results, point, cells)
    });
    let table = Table {
        caption: "Rate control of each point".into(),
        heads: heads.collect(),
        rows: rows.collect(),
    };
    out.push_str(&format!("<details><summary>Each point</summary>{}</details>\n", table.html()));
    out
}

pub(super) fn memory(results: &Results) -> String {
    let numbers = ["Peak resident set, MB", "Allocations per frame after the first ten"];
    let heads = [text_head("Arm")].into_iter().chain(numbers.into_iter().map(head)).collect();
    let rows = results.arms.iter().map(|arm| {
        let points = || measured(results).filter(|point| point.arm == arm.name);
        let peak = points().filter_map(|point| point.memory.peak_rss).max();
        let allocations = points().filter_map(|point| point.memory.allocations_per_frame);
        let cells = vec![
            arm_cell(results, &arm.name),
            peak.map_or_else(Cell::none, |peak| Cell {
                html: megabytes(peak),
                ..Cell::whole(peak / 1000)
            }),
            Cell::short(allocations.reduce(f64::max)),
        ];
        Row { arm: arm_index(results, &arm.name), clip: None, cells }
    });
    let rows = rows.collect();
    Table { caption: "Maximum over all points".into(), heads, rows }.html()
}

pub(super) fn points(results: &Results) -> String {
    let mut heads: Vec<Head> = ["Arm", "Clip", "Target"].into_iter().map(text_head).collect();
    let has_sizes = results.points.iter().any(|point| point.size.is_some());
    heads.extend(has_sizes.then(|| text_head("On the hull by")));
    heads.push(head("kb/s"));
    for (index, metric) in results.metrics.iter().enumerate() {
        for pool in ["mean", "5th percentile", "worst second"] {
            let html = format!("{}<small>{pool}</small>", escape(&metric.name));
            heads.push(Head { html, metric: Some(index), is_text: false });
        }
    }
    let (words, is_audio) = (Words::of(results), results.is_audio());
    let times = ["CPU", "Wall"].map(|name| head(&format!("{name}, ms per {}", words.per)));
    heads.extend(times);
    let frozen = Words::head(words.frozen);
    heads.extend(["p99, ms", &frozen, "Longest, ms"].into_iter().map(head));
    heads.push(text_head("Reason for failure"));
    let rows = results.points.iter().map(|point| {
        let mut cells = names_of(results, point);
        cells.push(Cell {
            sort: Some(plot::target_value(point.target)),
            ..Cell::text(&point_text(point))
        });
        if has_sizes {
            cells.push(Cell::text(&hull_of(results, point)));
        }
        if let Some(failure) = &point.failure {
            cells.extend((cells.len()..heads.len() - 1).map(|_| Cell::none()));
            cells.push(Cell { class: "bad long", ..Cell::text(failure) });
            return row_of(results, point, cells);
        }
        cells.push(Cell::short(Some(point.kbps)));
        for metric in &results.metrics {
            let pooled = point.quality.get(&metric.id);
            for value in
                [pooled.map(|q| q.mean), pooled.map(|q| q.p5), pooled.map(|q| q.worst_second)]
            {
                cells.push(value.map_or_else(Cell::none, |value| Cell {
                    html: digits(value),
                    sort: Some(value),
                    class: "",
                }));
            }
        }
        let per = if is_audio { fps_of(results, point) } else { 1.0 };
        let time = |ms: f64| Cell::short(Some(per * ms).filter(|ms| *ms > 0.0));
        cells.extend([
            time(point.speed.cpu_ms_per_frame),
            time(point.speed.wall_ms_per_frame),
            Cell::short(
                point.latency.as_ref().filter(|one| !one.disturbed).map(|one| one.encode.p99),
            ),
            Cell::whole(point.delivery.frozen),
            Cell::number(point.delivery.longest_freeze_ms, 0),
            Cell::text(""),
        ]);
        row_of(results, point, cells)
    });
    let rows: Vec<Row> = rows.collect();
    let count = rows.len();
    let plural = if count == 1 { "" } else { "s" };
    let table = Table { caption: "All points".into(), heads, rows };
    format!("<details><summary>{count} point{plural}</summary>{}</details>\n", table.html())
}

/// Frames per second of the clip of a point.
fn fps_of(results: &Results, point: &Point) -> f64 {
    let clip = results.clips.iter().find(|clip| clip.name == point.clip);
    clip.map_or(0.0, |clip| clip.fps)
}

/// The names of the metrics by which a point is on the hull of the sizes.
fn hull_of(results: &Results, point: &Point) -> String {
    let metrics = results.metrics.iter().filter(|metric| point.hull.contains(&metric.id));
    metrics.map(|metric| metric.name.as_str()).collect::<Vec<_>>().join(", ")
}
