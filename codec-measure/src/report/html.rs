//! The page: order, sections and contents of its tables.

use super::data::data;
use super::summary::{Summary, fewer_clips, summaries};
use super::tables::{Cell, Head, Row, Table, head, long, text_head, with_interval};
use super::terminal::megabytes;
use crate::plot::{
    self, DASHES, Style, Theme, escape, measured, number, short, signed, target_text, targets_of,
};
use crate::results::{Figure, GlassToGlass, Metric, Point, Results};
use crate::stats;
use crate::trust;

/// Renders the study as one self-contained page without network access or further files. Without
/// its script the plots are static.
#[must_use]
pub fn html(results: &Results) -> String {
    let rows = summaries(results);
    let title = if results.title.is_empty() { "Comparison" } else { &results.title };
    let title = escape(title);
    let sections = [
        ("notes", "Notes", notes(results)),
        ("summary", "Summary", summary(results, &rows)),
        ("curves", "Rate and quality", curves(results)),
        ("bd-rate", "BD-rate", bd_rate(results)),
        ("speed", "Speed", speed(results)),
        ("latency", "Latency", latency(results, &rows)),
        ("rate", "Rate control", rate(results)),
        ("memory", "Memory", memory(results)),
        ("points", "All points", points(results)),
        ("environment", "Environment", environment(results)),
        ("repeat", "How to repeat", repeat(results)),
    ];
    let sections: Vec<_> = sections.into_iter().filter(|(.., body)| !body.is_empty()).collect();
    let links: String =
        sections.iter().map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>\n")).collect();
    let bodies: String = sections
        .iter()
        .map(|(id, name, body)| {
            format!("<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{name}</h2>\n{body}</section>\n")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{css}</style>\n\
         </head>\n<body>\n<header><div><h1>{title}</h1>\n<p>{subtitle}</p></div>\
         <button id=\"theme\" type=\"button\" hidden>Theme: system</button></header>\n\
         <nav aria-label=\"Sections\">{links}</nav>\n{controls}<main>\n{bodies}</main>\n\
         <div id=\"tip\" role=\"status\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>\n{script}</script>\n</body>\n</html>\n",
        css = include_str!("page.css"),
        script = include_str!("page.js"),
        subtitle = subtitle(results),
        controls = controls(results),
        data = data(results),
    )
}

fn subtitle(results: &Results) -> String {
    let failed = results.points.iter().filter(|point| point.failure.is_some()).count();
    let failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![
        plural(results.arms.len(), "arm"),
        plural(results.clips.len(), "clip"),
        plural(results.points.len(), "point") + &failed,
    ];
    if !results.anchor.is_empty() {
        parts.push(format!("compared with <b>{}</b>", escape(&results.anchor)));
    }
    if !results.environment.date.is_empty() {
        parts.push(escape(&results.environment.date));
    }
    parts.join(" · ")
}

/// The arms, which also serve as the legend, and the choice of what is drawn.
fn controls(results: &Results) -> String {
    let mut out = String::from(
        "<form id=\"controls\" autocomplete=\"off\">\n<fieldset class=\"arms\"><legend>Arms</legend>\n",
    );
    for (index, arm) in results.arms.iter().enumerate() {
        let anchor = if arm.name == results.anchor { " <small>anchor</small>" } else { "" };
        out.push_str(&format!(
            "<label><input type=\"checkbox\" name=\"arm\" value=\"{index}\" checked>{} {}{anchor}</label>\n",
            sample(results, &arm.name, true),
            escape(&arm.name)
        ));
    }
    out.push_str("</fieldset>\n<div class=\"choices\">\n<label>Metric <select name=\"metric\">");
    for (index, metric) in results.metrics.iter().enumerate() {
        out.push_str(&format!("<option value=\"{index}\">{}</option>", escape(&metric.name)));
    }
    out.push_str("</select></label>\n<label>Over frames <select name=\"pool\">");
    let pools = [
        "mean",
        "harmonic mean",
        "median",
        "5th percentile",
        "1st percentile",
        "worst second",
        "worst frame",
    ];
    for (index, pool) in pools.iter().enumerate() {
        out.push_str(&format!("<option value=\"{index}\">{pool}</option>"));
    }
    out.push_str(
        "</select></label>\n<label>Bitrate <select name=\"scale\"><option value=\"log\">logarithmic\
         </option><option value=\"linear\">linear</option></select></label>\n\
         <details class=\"clips\"><summary>Clips</summary><div>\n\
         <p><button type=\"button\" data-all=\"1\">all</button> \
         <button type=\"button\" data-all=\"\">none</button></p>\n",
    );
    for (index, clip) in results.clips.iter().enumerate() {
        out.push_str(&format!(
            "<label><input type=\"checkbox\" name=\"clip\" value=\"{index}\" checked> {}</label>\n",
            escape(&clip.name)
        ));
    }
    out.push_str("</div></details>\n</div>\n</form>\n");
    out
}

/// A piece of the arm's line with its marker, or only the marker.
fn sample(results: &Results, arm: &str, line: bool) -> String {
    let style = Style::of_arm(results, arm);
    let (wide, middle) = if line { (26, 13) } else { (12, 6) };
    let dashes = DASHES[style.round % DASHES.len()];
    let line = if line {
        format!(
            "<path d=\"M1 7H25\" stroke=\"var(--s{0})\" stroke-width=\"1.75\" stroke-dasharray=\"{dashes}\"/>",
            style.index
        )
    } else {
        String::new()
    };
    format!(
        "<svg class=\"sample\" viewBox=\"0 0 {wide} 14\" width=\"{wide}\" height=\"14\" aria-hidden=\"true\">{line}\
         <path d=\"{}\" transform=\"translate({middle} 7)\" fill=\"var(--s{})\" stroke=\"var(--paper)\"/></svg>",
        style.marker(),
        style.index
    )
}

fn arm_cell(results: &Results, arm: &str) -> Cell {
    Cell {
        html: format!("{}{}", sample(results, arm, false), escape(arm)),
        sort: None,
        class: if long(arm).is_empty() { "arm" } else { "arm long" },
    }
}

fn arm_index(results: &Results, name: &str) -> Option<usize> {
    results.arms.iter().position(|arm| arm.name == name)
}

fn clip_index(results: &Results, name: &str) -> Option<usize> {
    results.clips.iter().position(|clip| clip.name == name)
}

fn notes(results: &Results) -> String {
    let mut items: Vec<String> = results.notes.iter().map(|note| escape(note)).collect();
    for point in &results.points {
        if let Some(failure) = &point.failure {
            items.push(format!(
                "<b>Failed:</b> {}, {} at {}: <code>{}</code>",
                escape(&point.arm),
                escape(&point.clip),
                escape(&target_text(point.target)),
                escape(failure)
            ));
        }
    }
    if !results.environment.timing {
        items.push("Points ran in parallel: times, CPU time and latency are unreliable.".into());
    }
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("<li>{item}</li>\n")).collect();
    format!("<ul>\n{items}</ul>\n")
}

fn summary(results: &Results, rows: &[Summary<'_>]) -> String {
    let mut heads = vec![text_head("Arm")];
    for (index, metric) in results.metrics.iter().enumerate() {
        let html = format!("BD-rate<small>{}, %</small>", escape(&metric.name));
        heads.push(Head { html, metric: Some(index), is_text: false });
    }
    let with_unit = |name: &str, unit: &str| Head {
        html: format!("{name}<small>{unit}</small>"),
        metric: None,
        is_text: false,
    };
    heads.extend([
        with_unit("CPU", "× anchor"),
        with_unit("CPU", "ms per frame"),
        with_unit("Speed", "frames per s"),
        with_unit("p50", "ms"),
        with_unit("p95", "ms"),
        with_unit("p99", "ms"),
        with_unit("Late", "frames"),
        with_unit("Rate off", "%"),
        with_unit("Frozen", "frames (runs)"),
        with_unit("Memory", "MB, peak"),
        with_unit("Failed", "of points"),
    ]);
    let line = |row: &Summary<'_>| {
        let mut cells = vec![arm_cell(results, &row.arm.name)];
        if row.on_frontier {
            cells[0].html.push_str(" <abbr class=\"frontier\" title=\"no other arm is at least as good in both speed and BD-rate\">frontier</abbr>");
        }
        let rates = results.metrics.iter().zip(&row.bd_rates);
        cells.extend(rates.map(|(metric, rate)| match rate {
            _ if row.is_anchor => Cell { html: "anchor".into(), sort: Some(0.0), class: "none" },
            rate => bd_cell(results, &row.arm.name, metric, *rate),
        }));
        let quantile = |pick: fn(&crate::results::Quantiles) -> f64| {
            Cell::short(row.latency.as_ref().map(pick))
        };
        cells.extend([
            row.cpu_ratio.map_or_else(Cell::none, |ratio| Cell {
                html: with_interval(ratio, short),
                sort: Some(ratio.value),
                class: "",
            }),
            Cell::short(row.cpu_ms),
            Cell::short(row.fps),
            quantile(|latency| latency.p50),
            quantile(|latency| latency.p95),
            Cell::short(row.p99),
            row.deadline_misses.map_or_else(Cell::none, Cell::whole),
            Cell::short(row.rate_error),
            Cell { html: format!("{} ({})", row.frozen, row.freezes), ..Cell::whole(row.frozen) },
            row.peak_rss.map_or_else(Cell::none, |bytes| Cell {
                html: megabytes(bytes),
                ..Cell::whole(bytes / 1000)
            }),
            Cell {
                html: format!("{} / {}", row.failed, row.points),
                sort: Some(plot::count(row.failed)),
                class: if row.failed > 0 { "bad" } else { "" },
            },
        ]);
        Row { arm: arm_index(results, &row.arm.name), clip: None, cells }
    };
    let table = Table {
        caption: "Each arm over all of its points".into(),
        heads,
        rows: rows.iter().map(line).collect(),
    };
    table.html()
        + &weak_legend(results)
        + "<p class=\"about\">BD-rate: percent of bitrate more than the anchor for the same quality, \
           mean over clips with its 95&nbsp;% interval (Student's t; none from one clip); below 0 is better. \
           Coloured: the study shows a difference. With some of the clips chosen, everything here is of \
           those clips, without intervals. CPU: \
           user plus system time. Late: frames that took longer to encode than a frame lasts. Rate \
           off: how far the points are from their targets, either way, on average.</p>\n"
}

fn curves(results: &Results) -> String {
    let Some(metric) = results.metrics.first() else { return String::new() };
    let two = if matches!(results.clips.len(), 2 | 4) { " two" } else { "" };
    let mut out = format!("<div id=\"rd\" class=\"grid{two}\">\n");
    for (index, clip) in results.clips.iter().enumerate() {
        out.push_str(&format!(
            "<figure data-clip=\"{index}\"><figcaption>{} <small>{} × {}, {} frames at {}</small></figcaption>\
             <div class=\"plot\">{}</div></figure>\n",
            escape(&clip.name),
            clip.width,
            clip.height,
            clip.frames,
            short(clip.fps),
            plot::rd_panel(results, &clip.name, metric, Theme::Page)
        ));
    }
    out.push_str("</div>\n");
    out
}

fn bd_rate(results: &Results) -> String {
    if results.comparisons.is_empty() {
        return String::new();
    }
    let others: Vec<_> = results.arms.iter().filter(|arm| arm.name != results.anchor).collect();
    let comparison = |arm: &str, metric: &Metric| {
        results.comparisons.iter().find(|one| one.arm == arm && one.metric == metric.id)
    };
    let mut heads = vec![text_head("Arm")];
    heads.extend(results.metrics.iter().map(|metric| head(&metric.name)));
    let rows = others.iter().map(|arm| {
        let mut cells = vec![arm_cell(results, &arm.name)];
        cells.extend(results.metrics.iter().map(|metric| {
            let rate = comparison(&arm.name, metric).and_then(|one| one.bd_rate);
            bd_cell(results, &arm.name, metric, rate)
        }));
        Row { arm: arm_index(results, &arm.name), clip: None, cells }
    });
    let by_metric = Table {
        caption: format!("BD-rate against {} by each metric, %", results.anchor),
        heads,
        rows: rows.collect(),
    };
    let mut out = by_metric.html();
    for (index, metric) in results.metrics.iter().enumerate() {
        let unit = if metric.unit.is_empty() { String::new() } else { format!(" {}", metric.unit) };
        let heads = ["Arm", "Clip"].into_iter().map(text_head);
        let numbers = ["BD-rate, %", "Compared over", "Overlap, %", "Difference at equal bitrate"];
        let heads = heads.chain(numbers.into_iter().map(head)).chain([text_head("Reason")]);
        let mut rows = Vec::new();
        for arm in &others {
            let clips = comparison(&arm.name, metric).map_or(&[][..], |one| &one.clips);
            for clip in clips {
                let rate = clip.bd_rate;
                let range = rate.map_or_else(Cell::none, |rate| Cell {
                    html: format!("{} to {}{}", digits(rate.from), digits(rate.to), escape(&unit)),
                    sort: Some(rate.from),
                    class: "",
                });
                let difference = clip.bd_metric.map(|one| one.value);
                rows.push(Row {
                    arm: arm_index(results, &arm.name),
                    clip: clip_index(results, &clip.clip),
                    cells: vec![
                        arm_cell(results, &arm.name),
                        Cell::text(&clip.clip),
                        clip_rate(results, &arm.name, clip),
                        range,
                        rate.map_or_else(Cell::none, |rate| Cell::number(rate.overlap * 100.0, 0)),
                        difference.map_or_else(Cell::none, |value| Cell {
                            html: format!(
                                "{}{}",
                                signed(value, if value.abs() < 0.1 { 4 } else { 2 }),
                                escape(&unit)
                            ),
                            sort: Some(value),
                            class: "",
                        }),
                        Cell {
                            class: "bad long",
                            ..Cell::text(clip.refused.as_deref().unwrap_or(""))
                        },
                    ],
                });
            }
        }
        let caption = format!("Each clip, by {}", metric.name);
        let table = Table { caption, heads: heads.collect(), rows };
        out.push_str(&format!("<div data-metric=\"{index}\">{}</div>\n", table.html()));
    }
    out.push_str(&weak_legend(results));
    let interpolation = results.comparisons.first().map(|one| one.interpolation);
    out.push_str(&format!(
        "<p class=\"about\">Curves between points: {}. Overlap: the share of the range of quality \
         that both curves cover; the difference is taken there only.</p>\n",
        match interpolation {
            Some(crate::bd::Interpolation::Akima) => "Akima",
            _ => "PCHIP",
        }
    ));
    out
}

/// A clip's BD-rate, and why it is unreliable.
fn clip_rate(results: &Results, arm: &str, clip: &crate::results::ClipComparison) -> Cell {
    let mut cell = Cell::signed(clip.bd_rate.map(|rate| rate.value), 1);
    if let Some(why) = trust::weakness(results, arm, clip) {
        cell.html.push_str(&format!("{}<small>{why}</small>", trust::MARK));
    }
    cell
}

/// Explains the mark of weak comparisons, if there are any.
fn weak_legend(results: &Results) -> String {
    let mut comparisons = results.comparisons.iter();
    if comparisons.any(|one| !trust::weak_clips(results, &one.arm, &one.metric).is_empty()) {
        format!("<p class=\"about\">{}.</p>\n", trust::LEGEND)
    } else {
        String::new()
    }
}

/// A BD-rate, with the number of clips it covers if not all, and how many of them are weak.
fn bd_cell(results: &Results, arm: &str, metric: &Metric, rate: Option<Figure>) -> Cell {
    let Some(rate) = rate else {
        return Cell { html: "refused".into(), sort: None, class: "none" };
    };
    let mut cell = Cell::bd_rate(rate);
    if let Some(clips) = fewer_clips(results, arm, &metric.id) {
        cell.html.push_str(&format!("<small>{clips}</small>"));
    }
    let weak = trust::weak_clips(results, arm, &metric.id);
    if !weak.is_empty() {
        let clips = if weak.len() == 1 { "clip" } else { "clips" };
        let list: Vec<_> = weak.iter().map(|(clip, why)| format!("{clip}: {why}")).collect();
        cell.html.push_str(&format!(
            "<small class=\"weak\" title=\"{}\">{} {} weak {clips}</small>",
            escape(&list.join("; ")),
            trust::MARK,
            weak.len()
        ));
    }
    cell
}

/// A value of a metric, with decimals according to its magnitude.
fn digits(value: f64) -> String {
    number(value, if value.abs() < 2.0 { 4 } else { 2 })
}

fn speed(results: &Results) -> String {
    if results.frontier.is_empty() {
        return String::new();
    }
    format!(
        "<figure><div class=\"plot wide\" id=\"frontier\">{}</div>\
         <figcaption>Whiskers: 95&nbsp;% intervals over clips. Dotted: the arms that no other beats by \
         both. Lower left is better.</figcaption></figure>\n",
        plot::frontier(results, Theme::Page)
    )
}

fn latency(results: &Results, rows: &[Summary<'_>]) -> String {
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
         <figcaption>The deadline is the duration of a frame; where a curve crosses it is the share of \
         late frames.</figcaption></figure>\n"
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
        let caption = "Glass to glass by the model, ms, mean over points".into();
        out.push_str(&Table { caption, heads, rows: stages }.html());
    }
    out
}

fn rate(results: &Results) -> String {
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
        "Off, %",
        "Worst 1 s, %",
        "Delay over 1 s, frames",
        "Largest frame, kB",
        "Key frames",
        "Their share, %",
        "Slowest step, ms",
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

fn bytes(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn names_of(results: &Results, point: &Point) -> Vec<Cell> {
    vec![arm_cell(results, &point.arm), Cell::text(&point.clip)]
}

fn row_of(results: &Results, point: &Point, cells: Vec<Cell>) -> Row {
    Row { arm: arm_index(results, &point.arm), clip: clip_index(results, &point.clip), cells }
}

fn memory(results: &Results) -> String {
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

fn points(results: &Results) -> String {
    let mut heads: Vec<Head> = ["Arm", "Clip", "Target"].into_iter().map(text_head).collect();
    heads.push(head("kb/s"));
    for (index, metric) in results.metrics.iter().enumerate() {
        for pool in ["mean", "5th percentile", "worst second"] {
            let html = format!("{}<small>{pool}</small>", escape(&metric.name));
            heads.push(Head { html, metric: Some(index), is_text: false });
        }
    }
    let numbers = ["CPU, ms per frame", "Wall, ms per frame", "p99, ms", "Frozen", "Longest, ms"];
    heads.extend(numbers.into_iter().map(head));
    heads.push(text_head("Reason for failure"));
    let rows = results.points.iter().map(|point| {
        let mut cells = names_of(results, point);
        cells.push(Cell {
            sort: Some(plot::target_value(point.target)),
            ..Cell::text(&target_text(point.target))
        });
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
        cells.extend([
            Cell::short(Some(point.speed.cpu_ms_per_frame)),
            Cell::short(Some(point.speed.wall_ms_per_frame)),
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
    let table = Table { caption: "All points".into(), heads, rows };
    format!("<details><summary>{count} points</summary>{}</details>\n", table.html())
}

fn environment(results: &Results) -> String {
    let known = &results.environment;
    let cores = known.cores.to_string();
    let timing =
        if known.timing { "one point at a time" } else { "points in parallel: unreliable" };
    let facts = [
        ("Processor", known.cpu.as_str()),
        ("Cores", &cores),
        ("Instruction set", &known.simd),
        ("System", &known.os),
        ("codec", &known.codec),
        ("Begun", &known.date),
        ("Finished", &known.finished),
        ("Times", timing),
        ("Busy", &known.busy.join("; ")),
    ];
    let facts: String = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)))
        .collect();
    let heads = ["Arm", "Version", "Threads", "Given as"].into_iter().map(text_head).collect();
    let rows = results.arms.iter().map(|arm| Row {
        arm: arm_index(results, &arm.name),
        clip: None,
        cells: vec![
            arm_cell(results, &arm.name),
            Cell::text(&arm.version),
            Cell::text(
                &arm.threads.map_or_else(|| "its own choice".into(), |count| count.to_string()),
            ),
            Cell { html: format!("<code>{}</code>", escape(&arm.given)), ..Cell::default() },
        ],
    });
    let arms = Table { caption: "Arms".into(), heads, rows: rows.collect() };
    let heads = [
        text_head("Clip"),
        head("Pixels"),
        head("Frames"),
        head("Frames per s"),
        head("Seconds"),
        text_head("MD5 of the frames"),
    ];
    let rows = results.clips.iter().enumerate().map(|(index, clip)| Row {
        arm: None,
        clip: Some(index),
        cells: vec![
            Cell::text(&clip.name),
            Cell {
                html: format!("{} × {}", clip.width, clip.height),
                sort: Some(f64::from(clip.width) * f64::from(clip.height)),
                class: "",
            },
            Cell::whole(clip.frames),
            Cell::short(Some(clip.fps)),
            Cell::short(Some(clip.seconds)),
            Cell { html: format!("<code>{}</code>", escape(&clip.digest)), ..Cell::default() },
        ],
    });
    let clips = Table { caption: "Clips".into(), heads: heads.into(), rows: rows.collect() };
    format!("<dl>\n{facts}</dl>\n{}{}", arms.html(), clips.html())
}

fn repeat(results: &Results) -> String {
    let mut out = String::new();
    if !results.command.is_empty() {
        out.push_str(&format!("<p>The whole study:</p>\n<pre>{}</pre>\n", pre(&results.command)));
    }
    let commands: Vec<_> = results.arms.iter().filter(|arm| !arm.command.is_empty()).collect();
    if !commands.is_empty() {
        out.push_str("<p>One point of each arm:</p>\n");
    }
    for arm in commands {
        out.push_str(&format!(
            "<p class=\"arm\">{}{}</p>\n<pre>{}</pre>\n",
            sample(results, &arm.name, false),
            escape(&arm.name),
            pre(&arm.command)
        ));
    }
    out
}

/// As [`escape`], but keeps line breaks.
fn pre(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}
