//! Plot of BD-rate over CPU time, with the Pareto frontier.

use super::axis::{Axis, Scale, short, signed};
use super::chart::{Area, Chart, Mark, Rule, Series, Shape};
use super::style::{Style, Theme};
use super::svg::Svg;
use crate::results::{Figure, Results};
use crate::words::Words;

/// BD-rate over CPU time relative to the anchor, with intervals and the Pareto frontier; 640 by 420
/// pixels. The lower left is best.
#[must_use]
pub fn frontier(results: &Results, theme: Theme) -> String {
    let mut svg = Svg::new(theme);
    let (width, height) = (640.0, 420.0);
    let area = Area { x: 16.0, y: 14.0, width: width - 32.0, height: height - 22.0 };
    frontier_chart(results).draw(&mut svg, area);
    svg.document("Speed against quality", width, height)
}

/// The chart of [`frontier`].
pub(crate) fn frontier_chart(results: &Results) -> Chart {
    let metric = results.metrics.first().map_or("", |metric| metric.name.as_str());
    let mut best: Vec<_> = results.frontier.iter().filter(|point| point.on_frontier).collect();
    best.sort_by(|a, b| a.cpu_ratio.value.total_cmp(&b.cpu_ratio.value));
    let line = best.iter().map(|point| Mark {
        x: point.cpu_ratio.value,
        y: point.bd_rate.value,
        ..Mark::default()
    });
    let line = Series {
        name: "frontier".into(),
        style: Style::ASIDE,
        shape: Shape::Line,
        marks: line.collect(),
    };
    let mut series = vec![line];
    for point in &results.frontier {
        let (cpu, rate) = (point.cpu_ratio, point.bd_rate);
        let ends = |figure: Figure, text: &dyn Fn(f64) -> String| {
            let ends = figure.interval.map(|ends| (text(ends.low), text(ends.high)));
            ends.map_or_else(String::new, |(low, high)| format!(" ({low} to {high})"))
        };
        let tip = format!(
            "{}\nCPU time × {}{}\nBD-rate {} %{}",
            point.arm,
            short(cpu.value),
            ends(cpu, &short),
            signed(rate.value, 1),
            ends(rate, &|value| signed(value, 1))
        );
        let spans = Some([cpu.ends(), rate.ends()]);
        series.push(Series {
            name: point.arm.clone(),
            style: Style::of_arm(results, &point.arm),
            shape: Shape::Named,
            marks: vec![Mark { x: cpu.value, y: rate.value, spans, tip }],
        });
    }
    let ends = |pick: fn(&crate::results::FrontierPoint) -> Figure| {
        let ends = |point| <[f64; 2]>::from(pick(point).ends());
        results.frontier.iter().flat_map(ends).collect::<Vec<_>>()
    };
    let x = ends(|point| point.cpu_ratio);
    let y = ends(|point| point.bd_rate);
    let per = Words::of(results).per;
    Chart {
        title: "Speed against quality".into(),
        x: Axis::over(format!("CPU time per {per}, × anchor (log scale)"), Scale::Log, x),
        y: Axis::over(
            format!("BD-rate by {metric} (%; less is better)"),
            Scale::Linear,
            y.into_iter().chain([0.0]),
        ),
        series,
        rules: vec![Rule { upright: false, at: 0.0, label: String::new() }],
        empty: "no arm can be compared with the anchor".into(),
    }
}
