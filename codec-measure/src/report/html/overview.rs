//! The summary and the notes of the report page.

use super::cells::{arm_cell, arm_index};
use super::{bd_cell, weak_legend};
use crate::plot::{self, escape, point_text, short};
use crate::report::summary::Summary;
use crate::report::tables::{Cell, Head, Row, Table, text_head, with_interval};
use crate::report::terminal::megabytes;
use crate::results::Results;
use crate::words::Words;

pub(super) fn notes(results: &Results) -> String {
    let mut items: Vec<String> = results.notes.iter().map(|note| escape(note)).collect();
    for point in &results.points {
        if let Some(failure) = &point.failure {
            items.push(format!(
                "<b>Failed:</b> {}, {} at {}: <code>{}</code>",
                escape(&point.arm),
                escape(&point.clip),
                escape(&point_text(point)),
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

pub(super) fn summary(results: &Results, rows: &[Summary<'_>]) -> String {
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
    let words = Words::of(results);
    heads.extend([
        with_unit("CPU", "× anchor"),
        with_unit("CPU", &format!("ms per {}", words.per)),
        with_unit("Speed", words.speed),
        with_unit("p50", "ms"),
        with_unit("p95", "ms"),
        with_unit("p99", "ms"),
        with_unit("Late", words.frames),
        with_unit("Rate error", "%"),
        with_unit(&Words::head(words.frozen), &format!("{} (runs)", words.frames)),
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
        + "<p class=\"about\">BD-rate: difference in bitrate from the anchor at equal quality, in percent; \
           mean over clips with its 95&nbsp;% interval (Student's t; no interval for one clip); below 0 is better. \
           Coloured: the difference is significant. If only some clips are selected, all values here \
           are of those clips, without intervals. CPU: \
           user plus system time. Late: frames that took longer to encode than their duration. Rate \
           error: mean absolute deviation of the points' bitrates from their targets.</p>\n"
}
