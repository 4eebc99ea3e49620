//! The HTML page of a report: its sections, their order, and the contents of its tables.

mod cells;
mod controls;
mod environment;
mod files;
mod frames;
mod measurements;
mod overview;
mod pictures;

use super::data::data;
use super::extras::ReportExtras;
use super::summary::summaries;
use super::tables::{Cell, Row, Table, head, text_head};
use crate::plot::{self, Theme, escape, signed};
use crate::refused::{fewer_clips, no_rate};
use crate::reliability;
use crate::results::{Figure, Metric, Results};
use cells::{arm_cell, arm_index, clip_index, digits, format_of};
use controls::controls;
use environment::{environment, repeat};
use files::files;
use frames::frames;
use measurements::{latency, memory, points, rate, speed};
use overview::{notes, summary};
use pictures::pictures;

/// The script, in parts; each part uses definitions of the parts before it.
const SCRIPT: &str = concat!(
    include_str!("../page.js"),
    include_str!("../frames.js"),
    include_str!("../pictures.js"),
    include_str!("../view.js")
);

/// Renders the study as one self-contained page without network access. Without its script the plots are static.
/// `extras` has the values of each frame, and the files in the page's folder to which the page links.
#[must_use]
pub fn html(results: &Results, extras: &ReportExtras) -> String {
    let rows = summaries(results);
    let title = if results.title.is_empty() { "Comparison" } else { &results.title };
    let title = escape(title);
    let sections = [
        ("notes", "Notes", notes(results)),
        ("summary", "Summary", summary(results, &rows)),
        ("curves", "Rate and quality", curves(results) + &frames::picked_point(results)),
        ("frames", "Quality over time", frames(results, extras)),
        ("pictures", "Pictures", pictures(&extras.pictures)),
        ("bd-rate", "BD-rate", bd_rate(results)),
        ("speed", "Speed", speed(results)),
        ("latency", "Latency", latency(results, &rows)),
        ("rate", "Rate control", rate(results)),
        ("memory", "Memory", memory(results)),
        ("points", "All points", points(results)),
        ("environment", "Environment", environment(results)),
        ("repeat", "How to repeat", repeat(results)),
        ("files", "Files", files(results, extras)),
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
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:{images}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{css}</style>\n\
         </head>\n<body>\n<header><div><h1>{title}</h1>\n<p>{subtitle}</p></div>\
         <button id=\"theme\" type=\"button\" hidden>Theme: system</button></header>\n\
         <nav aria-label=\"Sections\">{links}</nav>\n{controls}<main>\n{bodies}</main>\n\
         <div id=\"tip\" role=\"status\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>\n{script}</script>\n</body>\n</html>\n",
        css = include_str!("../page.css"),
        images = if extras.pictures.is_empty() { "" } else { " 'self'" },
        script = SCRIPT,
        subtitle = subtitle(results),
        controls = controls(results),
        data = data(results, extras),
    )
}

fn subtitle(results: &Results) -> String {
    let failed = results.points.iter().filter(|point| point.failure.is_some()).count();
    let failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let partial =
        results.partial.iter().map(|partial| format!("<strong>Partial: {partial}</strong>"));
    let mut parts: Vec<String> = partial.collect();
    parts.extend([
        plural(results.arms.len(), "arm"),
        plural(results.clips.len(), "clip"),
        plural(results.points.len(), "point") + &failed,
    ]);
    if !results.anchor.is_empty() {
        parts.push(format!("compared with <b>{}</b>", escape(&results.anchor)));
    }
    if !results.environment.date.is_empty() {
        parts.push(escape(&results.environment.date));
    }
    parts.join(" · ")
}

fn curves(results: &Results) -> String {
    let Some(metric) = results.metrics.first() else { return String::new() };
    let two = if matches!(results.clips.len(), 2 | 4) { " two" } else { "" };
    let mut out = format!("<div id=\"rd\" class=\"grid{two}\">\n");
    for (index, clip) in results.clips.iter().enumerate() {
        out.push_str(&format!(
            "<figure data-clip=\"{index}\"><figcaption>{} <small>{}</small></figcaption>\
             <div class=\"plot\">{}</div></figure>\n",
            escape(&clip.name),
            format_of(clip),
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
         that both curves cover; the BD-rate is computed from that part only.</p>\n",
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
    if let Some(why) = reliability::unreliable_reason(results, arm, clip) {
        cell.html.push_str(&format!("{}<small>{why}</small>", reliability::MARK));
    }
    cell
}

/// Explains the mark of weak comparisons, if there are any.
fn weak_legend(results: &Results) -> String {
    let mut comparisons = results.comparisons.iter();
    if comparisons
        .any(|one| !reliability::unreliable_clips(results, &one.arm, &one.metric).is_empty())
    {
        format!("<p class=\"about\">{}.</p>\n", reliability::LEGEND)
    } else {
        String::new()
    }
}

/// A BD-rate, with the number of clips it covers if not all, and how many of them are weak.
fn bd_cell(results: &Results, arm: &str, metric: &Metric, rate: Option<Figure>) -> Cell {
    let Some(rate) = rate else {
        let (short, reason) = no_rate(results, arm, &metric.id);
        let html = format!("none<small title=\"{}\">{short}</small>", escape(&reason));
        return Cell { html, sort: None, class: "none" };
    };
    let mut cell = Cell::bd_rate(rate);
    if let Some(clips) = fewer_clips(results, arm, &metric.id) {
        cell.html.push_str(&format!("<small>{clips}</small>"));
    }
    let weak = reliability::unreliable_clips(results, arm, &metric.id);
    if !weak.is_empty() {
        let clips = if weak.len() == 1 { "clip" } else { "clips" };
        let list: Vec<_> = weak.iter().map(|(clip, why)| format!("{clip}: {why}")).collect();
        cell.html.push_str(&format!(
            "<small class=\"weak\" title=\"{}\">{} {} weak {clips}</small>",
            escape(&list.join("; ")),
            reliability::MARK,
            weak.len()
        ));
    }
    cell
}
