//! Plots as SVG. The output is deterministic: the same data gives the same bytes.

mod axis;
mod chart;
mod frontier;
mod latency;
#[cfg(feature = "png")]
pub mod png;
mod rate;
mod rd;
mod style;
mod svg;
mod table;

pub use axis::Scale;
pub use frontier::frontier;
pub use latency::latency;
pub use rate::{key_frames, rate_trace};
pub use rd::{rd, rd_overview};
pub use style::Theme;
pub use svg::escape;
pub use table::bd_table;

pub(crate) use axis::{Axis, count, number, short, signed};
pub(crate) use chart::{Chart, Shape};
pub(crate) use frontier::frontier_chart;
pub(crate) use latency::latency_chart;
pub(crate) use rate::rate_charts;
pub(crate) use rd::{label_of, measured, panel as rd_panel, point_text, target_text, target_value};
pub(crate) use style::{DASHES, MARKERS, Style};

use crate::results::{Results, Target};

/// A plot as a standalone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// File name without extension: lower-case letters, digits and `-`, unique within a study.
    pub name: String,
    /// The plot as SVG, on white.
    pub svg: String,
}

/// All plots of a study, in reading order.
///
/// ```
/// use codec_measure::plot;
/// use codec_measure::results::Results;
///
/// for plot in plot::all(&Results::default()) {
///     assert!(plot.svg.contains("<svg"), "{}", plot.name);
/// }
/// ```
#[must_use]
pub fn all(results: &Results) -> Vec<Plot> {
    let mut plots = Plots::default();
    for metric in &results.metrics {
        plots.add(&["rd", &metric.id], rd_overview(results, &metric.id, Scale::Log, Theme::Light));
    }
    plots.add(&["bd-table"], Some(bd_table(results, Theme::Light)));
    plots.add(&["frontier"], Some(frontier(results, Theme::Light)));
    plots.add(&["latency"], latency(results, None, Theme::Light));
    plots.add(&["key-frames"], key_frames(results, Theme::Light));
    for clip in &results.clips {
        if let Some(metric) = results.metrics.first() {
            let plot = rd(results, &clip.name, &metric.id, Scale::Log, Theme::Light);
            plots.add(&["rd", &metric.id, &clip.name], plot);
        }
        for target in targets_of(results, &clip.name) {
            let name = target_text(target);
            let plot = rate_trace(results, &clip.name, target, Theme::Light);
            plots.add(&["rate", &clip.name, &name], plot);
        }
    }
    plots.0
}

/// The distinct targets of a clip's points, in order.
pub(crate) fn targets_of(results: &Results, clip: &str) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for point in results.points.iter().filter(|point| point.clip == clip) {
        if !targets.contains(&point.target) {
            targets.push(point.target);
        }
    }
    targets
}

#[derive(Default)]
struct Plots(Vec<Plot>);

impl Plots {
    fn add(&mut self, parts: &[&str], svg: Option<String>) {
        let Some(svg) = svg else { return };
        let stem = parts.iter().map(|part| file_part(part)).collect::<Vec<_>>().join("-");
        let mut name = stem.clone();
        let mut again = 2;
        while self.0.iter().any(|plot| plot.name == name) {
            name = format!("{stem}-{again}");
            again += 1;
        }
        self.0.push(Plot { name, svg });
    }
}

/// Returns `text` as part of a file name.
fn file_part(text: &str) -> String {
    let mut part = String::new();
    for c in text.chars().take(60) {
        if c.is_ascii_alphanumeric() {
            part.push(c.to_ascii_lowercase());
        } else if !part.is_empty() && !part.ends_with('-') {
            part.push('-');
        }
    }
    let part = part.trim_end_matches('-');
    if part.is_empty() { "x".into() } else { part.into() }
}
