//! Rate-distortion curves.

use super::axis::{Axis, Scale, count, short};
use super::chart::{Area, Chart, Mark, Series, Shape, legend};
use super::style::{Style, Theme};
use super::svg::{Font, Svg};
use crate::results::{Metric, Point, Results, Target};

/// One clip's curves by the metric `metric` (an id), 640 by 420 pixels; `None` if the study has no
/// such metric or clip.
#[must_use]
pub fn rd(
    results: &Results,
    clip: &str,
    metric: &str,
    bitrate: Scale,
    theme: Theme,
) -> Option<String> {
    let metric = results.metrics.iter().find(|known| known.id == metric)?;
    results.clips.iter().find(|known| known.name == clip)?;
    let mut svg = Svg::new(theme);
    let (width, height) = (640.0, 420.0);
    let title = format!("{clip}: {} over bitrate", metric.name);
    let used = legend(&mut svg, &entries(results), 16.0, 12.0, width - 32.0);
    let area = Area { x: 16.0, y: 16.0 + used, width: width - 32.0, height: height - used - 24.0 };
    chart(results, clip, metric, bitrate).draw(&mut svg, area);
    Some(svg.document(&title, width, height))
}

/// The curves of all clips in a grid, each with its own axes; `None` if the study has no such
/// metric.
#[must_use]
pub fn rd_overview(
    results: &Results,
    metric: &str,
    bitrate: Scale,
    theme: Theme,
) -> Option<String> {
    let metric = results.metrics.iter().find(|known| known.id == metric)?;
    let clips = &results.clips;
    let columns = match clips.len() {
        0 | 1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let size = if columns == 1 { (640.0, 380.0) } else { (340.0, 270.0) };
    let width = 16.0 + count(columns) * (size.0 + 16.0);
    let mut svg = Svg::new(theme);
    let title = format!("{} over bitrate", metric.name);
    let mut top = 14.0;
    if theme == Theme::Light && !results.title.is_empty() {
        svg.label(16.0, top + 10.0, &results.title, Font { size: 14.0, ..Font::TITLE });
        top += 24.0;
    }
    top += legend(&mut svg, &entries(results), 16.0, top, width - 32.0) + 6.0;
    for (index, clip) in clips.iter().enumerate() {
        let area = Area {
            x: 16.0 + count(index % columns) * (size.0 + 16.0),
            y: top + count(index / columns) * (size.1 + 14.0),
            width: size.0,
            height: size.1,
        };
        chart(results, &clip.name, metric, bitrate).draw(&mut svg, area);
    }
    let rows = count(clips.len().div_ceil(columns).max(1));
    Some(svg.document(&title, width, top + rows * (size.1 + 14.0)))
}

/// Names and styles of all arms.
pub(crate) fn entries(results: &Results) -> Vec<(String, Style)> {
    let style = |name: &String| (name.clone(), Style::of_arm(results, name));
    results.arms.iter().map(|arm| style(&arm.name)).collect()
}

/// Names and styles of the arms that `chart` shows.
pub(crate) fn entries_of(chart: &Chart) -> Vec<(String, Style)> {
    let shown = |series: &&Series| series.style.arm.is_some() && !series.marks.is_empty();
    chart.series.iter().filter(shown).map(|series| (series.name.clone(), series.style)).collect()
}

/// One clip's curves without a legend, 360 by 280 pixels: for a page with a common legend.
pub(crate) fn panel(results: &Results, clip: &str, metric: &Metric, theme: Theme) -> String {
    let mut svg = Svg::new(theme);
    let area = Area { x: 4.0, y: 8.0, width: 352.0, height: 272.0 };
    Chart { title: String::new(), ..chart(results, clip, metric, Scale::Log) }.draw(&mut svg, area);
    svg.document(&format!("{clip}: {} over bitrate", metric.name), 360.0, 280.0)
}

fn chart(results: &Results, clip: &str, metric: &Metric, bitrate: Scale) -> Chart {
    let mut series = Vec::new();
    for arm in &results.arms {
        let mut marks: Vec<Mark> = measured(results)
            .filter(|point| point.clip == clip && point.arm == arm.name)
            .filter(|point| point.is_on_curve(&metric.id))
            .filter_map(|point| mark(point, metric))
            .collect();
        marks.sort_by(|a, b| a.x.total_cmp(&b.x));
        let style = Style::of_arm(results, &arm.name);
        series.push(Series { name: arm.name.clone(), style, shape: Shape::Marked, marks });
    }
    let all = || series.iter().flat_map(|series| &series.marks);
    Chart {
        title: clip.to_owned(),
        x: Axis::over("Bitrate (kb/s)", bitrate, all().map(|mark| mark.x)),
        y: Axis::over(label_of(metric), Scale::Linear, all().map(|mark| mark.y)),
        series,
        rules: Vec::new(),
        empty: "no point was measured".into(),
    }
}

/// Label of the axis of `metric`.
pub(crate) fn label_of(metric: &Metric) -> String {
    let direction = if metric.higher_is_better { "" } else { ", lower is better" };
    let unit = if metric.unit.is_empty() { "" } else { metric.unit.as_str() };
    match (unit, direction) {
        ("", "") => metric.name.clone(),
        ("", _) => format!("{} (lower is better)", metric.name),
        (unit, direction) => format!("{} ({unit}{direction})", metric.name),
    }
}

fn mark(point: &Point, metric: &Metric) -> Option<Mark> {
    let quality = point.quality.get(&metric.id)?;
    let tip = format!(
        "{}, {}\n{}: {} kb/s\n{} {} {}",
        point.arm,
        point.clip,
        point_text(point),
        short(point.kbps),
        metric.name,
        short(quality.mean),
        metric.unit
    );
    Some(Mark { x: point.kbps, y: quality.mean, spans: None, tip })
}

/// Points that have figures.
pub(crate) fn measured(results: &Results) -> impl Iterator<Item = &Point> {
    results.points.iter().filter(|point| point.failure.is_none())
}

/// A target as text: `400 kb/s`, `qp 30`.
pub(crate) fn target_text(target: Target) -> String {
    match target {
        Target::Kbps(value) => format!("{value} kb/s"),
        Target::Bpp(value) => format!("{value} bits per pixel"),
        Target::Quality(value) => format!("quality {value}"),
        other => format!("{} {}", other.kind(), other.value()),
    }
}

/// The target of a point, with the size of its frames if the study has several.
pub(crate) fn point_text(point: &Point) -> String {
    let target = target_text(point.target);
    point.size.map_or(target.clone(), |size| format!("{target} at {size}"))
}

/// The number in a target.
pub(crate) fn target_value(target: Target) -> f64 {
    target.value()
}
