//! Tables of the report page: sortable, and readable without the script.

use crate::plot::{escape, number, short, signed};
use crate::results::Figure;

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Row>,
}

/// The header of a column.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) html: String,
    /// Index of the metric that the column belongs to; the column is shown with that metric.
    pub(crate) metric: Option<usize>,
    /// Text is left-aligned, numbers right-aligned.
    pub(crate) is_text: bool,
}

/// A table row, shown with its arm and clip.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) arm: Option<usize>,
    pub(crate) clip: Option<usize>,
    pub(crate) cells: Vec<Cell>,
}

/// Content of a cell.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) html: String,
    /// Sort key, if it is not the text.
    pub(crate) sort: Option<f64>,
    pub(crate) class: &'static str,
}

pub(crate) fn text_head(text: &str) -> Head {
    Head { html: escape(text), metric: None, is_text: true }
}

pub(crate) fn head(text: &str) -> Head {
    Head { html: escape(text), metric: None, is_text: false }
}

impl Cell {
    pub(crate) fn text(text: &str) -> Self {
        Self { html: escape(text), class: long(text), ..Self::default() }
    }

    pub(crate) fn number(value: f64, decimals: usize) -> Self {
        Self { html: number(value, decimals), sort: Some(value), class: "" }
    }

    pub(crate) fn short(value: Option<f64>) -> Self {
        value.map_or_else(Self::none, |value| Self {
            html: short(value),
            sort: Some(value),
            class: "",
        })
    }

    pub(crate) fn signed(value: Option<f64>, decimals: usize) -> Self {
        value.map_or_else(Self::none, |value| Self {
            html: signed(value, decimals),
            sort: Some(value),
            class: "",
        })
    }

    pub(crate) fn whole(value: u64) -> Self {
        let sort = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        Self { html: value.to_string(), sort: Some(sort), class: "" }
    }

    /// Returns a cell for a value that was not measured.
    pub(crate) fn none() -> Self {
        Self { html: "–".into(), sort: None, class: "none" }
    }

    /// A difference of bitrates with its interval; marked if the study shows it to be significant.
    pub(crate) fn bd_rate(rate: Figure) -> Self {
        let html = with_interval(rate, |value| signed(value, 1));
        let class = match rate.differs {
            Some(true) if rate.value < 0.0 => "good",
            Some(true) => "bad",
            _ => "",
        };
        Self { html, sort: Some(rate.value), class }
    }
}

impl Table {
    /// Renders the table, in a scrollable box.
    pub(crate) fn html(&self) -> String {
        let caption = escape(&self.caption);
        let mut out = format!(
            "<h3>{caption}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
             aria-label=\"{caption}\"><table><thead><tr>"
        );
        for head in &self.heads {
            let metric = metric_attribute(head.metric);
            let class = if head.is_text { " class=\"text\"" } else { "" };
            out.push_str(&format!("<th scope=\"col\"{class}{metric}>{}</th>", head.html));
        }
        out.push_str("</tr></thead><tbody>\n");
        for row in &self.rows {
            out.push_str("<tr");
            if let Some(arm) = row.arm {
                out.push_str(&format!(" data-arm=\"{arm}\""));
            }
            if let Some(clip) = row.clip {
                out.push_str(&format!(" data-clip=\"{clip}\""));
            }
            out.push('>');
            for (cell, head) in row.cells.iter().zip(&self.heads) {
                let metric = metric_attribute(head.metric);
                let sort = cell
                    .sort
                    .map_or_else(String::new, |value| format!(" data-sort=\"{}\"", exact(value)));
                let class = [if head.is_text { "text" } else { "" }, cell.class].join(" ");
                let class = match class.trim() {
                    "" => String::new(),
                    class => format!(" class=\"{class}\""),
                };
                out.push_str(&format!("<td{class}{metric}{sort}>{}</td>", cell.html));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        out
    }
}

fn metric_attribute(metric: Option<usize>) -> String {
    metric.map_or_else(String::new, |index| format!(" data-metric=\"{index}\""))
}

/// Seven significant digits.
fn exact(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

/// The figure above its interval; without an interval only the figure.
pub(crate) fn with_interval(figure: Figure, text: impl Fn(f64) -> String) -> String {
    let Some(interval) = figure.interval else { return text(figure.value) };
    format!(
        "{}<small>{} to {}</small>",
        text(figure.value),
        text(interval.low),
        text(interval.high)
    )
}

/// The class of cells whose text may wrap.
pub(crate) fn long(text: &str) -> &'static str {
    if text.chars().count() > 32 { "long" } else { "" }
}
