//! BD-rates as a table in SVG.

use super::axis::{count, number, signed};
use super::style::{Ink, Style, Theme};
use super::svg::{Anchor, Font, Svg, fitted, px, width, wrapped};
use crate::refused::no_rate;
use crate::reliability;
use crate::results::{Arm, Metric, Results};

const NAME_WIDTH: f64 = 180.0;
const CELL: f64 = 112.0;
const MARGIN: f64 = 16.0;
/// Metrics in one row; further ones follow below.
const COLUMNS: usize = 5;
const SMALL: Font = Font { size: 9.5, ..Font::LABEL };

/// Draws the BD-rate of each arm by each metric with its interval, and by the first metric for each clip.
#[must_use]
pub fn bd_table(results: &Results, theme: Theme) -> String {
    let arms: Vec<_> = results.arms.iter().filter(|arm| arm.name != results.anchor).collect();
    let columns = results.metrics.len().clamp(3, COLUMNS);
    let total = 2.0 * MARGIN + NAME_WIDTH + count(columns) * CELL;
    let mut svg = Svg::new(theme);
    let mut y = 26.0;
    let title = format!("BD-rate against {} (%, below 0: fewer bits)", results.anchor);
    svg.label(MARGIN, y, &fitted(&title, 13.0, total - 2.0 * MARGIN), Font::TITLE);
    y += 12.0;
    for metrics in results.metrics.chunks(COLUMNS) {
        y = block(&mut svg, results, &arms, metrics, (y, total));
    }
    let is_weak = |metric: &Metric| {
        arms.iter()
            .any(|arm| !reliability::unreliable_clips(results, &arm.name, &metric.id).is_empty())
    };
    if results.metrics.iter().any(is_weak) {
        svg.label(MARGIN, y, reliability::LEGEND, SMALL);
        y += 16.0;
    }
    let first = results.metrics.first();
    if let Some(metric) = first.filter(|_| !results.clips.is_empty() && !arms.is_empty()) {
        y = clips_table(&mut svg, results, metric, (y, total));
    }
    svg.document(&title, total, y)
}

/// A row of headings, and a row for each arm below it.
fn block(
    svg: &mut Svg,
    results: &Results,
    arms: &[&Arm],
    metrics: &[Metric],
    (mut y, total): (f64, f64),
) -> f64 {
    let right = |column: usize| MARGIN + NAME_WIDTH + count(column + 1) * CELL;
    let rule = |svg: &mut Svg, y: f64, ink| svg.line((MARGIN, y), (total - MARGIN, y), ink, 1.0);
    let heads: Vec<_> =
        metrics.iter().map(|metric| wrapped(&metric.name, 11.0, CELL - 12.0, 3)).collect();
    let lines = heads.iter().map(Vec::len).max().unwrap_or(1);
    for (column, head) in heads.iter().enumerate() {
        // The last lines share a row.
        for (line, text) in head.iter().enumerate() {
            let at = y + 14.0 * count(line + 1 + lines - head.len());
            svg.label(right(column), at, text, Font::LABEL.at(Anchor::End));
        }
    }
    y += 14.0 * count(lines) + 8.0;
    rule(svg, y, Ink::Text);
    y += 19.0;
    for arm in arms {
        arm_name(svg, results, &arm.name, y, NAME_WIDTH);
        for (column, metric) in metrics.iter().enumerate() {
            let found = results
                .comparisons
                .iter()
                .find(|one| one.arm == arm.name && one.metric == metric.id)
                .and_then(|one| one.bd_rate);
            let Some(estimate) = found else {
                svg.label(right(column), y, "none", Font::LABEL.at(Anchor::End));
                let (short, _) = no_rate(results, &arm.name, &metric.id);
                svg.label(right(column), y + 12.0, &short, SMALL.at(Anchor::End));
                continue;
            };
            let is_weak = !reliability::unreliable_clips(results, &arm.name, &metric.id).is_empty();
            let mark = if is_weak { reliability::MARK } else { "" };
            let value = signed(estimate.value, 1) + mark;
            svg.label(right(column), y, &value, Font::NAME.at(Anchor::End));
            let Some(ends) = estimate.interval else { continue };
            let interval = format!("{} to {}", signed(ends.low, 1), signed(ends.high, 1));
            svg.label(right(column), y + 12.0, &interval, SMALL.at(Anchor::End));
        }
        rule(svg, y + 20.0, Ink::Grid);
        y += 38.0;
    }
    y + 2.0
}

fn arm_name(svg: &mut Svg, results: &Results, name: &str, y: f64, room: f64) {
    let style = Style::of_arm(results, name);
    let colour = svg.colour(Ink::Series(style.index));
    svg.write(format_args!(
        "<path d=\"{}\" transform=\"translate(21 {})\" fill=\"{colour}\"/>",
        style.marker(),
        px(y - 4.0)
    ));
    svg.label(32.0, y, &fitted(name, 11.0, room - 20.0), Font::NAME);
}

/// One row for each arm and clip, because clip names are longer than the columns.
fn clips_table(
    svg: &mut Svg,
    results: &Results,
    metric: &Metric,
    (mut y, total): (f64, f64),
) -> f64 {
    y += 8.0;
    let (rates, overlaps) = (total - 156.0, total - MARGIN);
    let title = format!("Each clip, by {}", metric.name);
    let room = rates - width("BD-rate", 11.0) - MARGIN - 10.0;
    svg.label(MARGIN, y, &fitted(&title, 13.0, room), Font::TITLE);
    svg.label(rates, y, "BD-rate", Font::LABEL.at(Anchor::End));
    svg.label(overlaps, y, "overlap", Font::LABEL.at(Anchor::End));
    y += 24.0;
    for comparison in results.comparisons.iter().filter(|one| one.metric == metric.id) {
        arm_name(svg, results, &comparison.arm, y, NAME_WIDTH);
        for clip in &comparison.clips {
            let room = rates - 60.0 - 200.0;
            svg.label(200.0, y, &fitted(&clip.clip, 11.0, room), Font::LABEL);
            let unreliable_reason = reliability::unreliable_reason(results, &comparison.arm, clip);
            let (value, share) = match (&clip.bd_rate, &clip.refused) {
                (Some(rate), _) => {
                    let mark = if unreliable_reason.is_some() { reliability::MARK } else { "" };
                    let share = format!("{} %", number(rate.overlap * 100.0, 0));
                    let few = unreliable_reason.as_deref().and_then(|why| why.rsplit(", ").next());
                    let few = few.filter(|why| why.ends_with("points"));
                    let share = few.map_or(share.clone(), |few| format!("{share}, {few}"));
                    (signed(rate.value, 1) + mark, share)
                }
                (None, Some(_)) => ("none".into(), failed(results, &comparison.arm, &clip.clip)),
                (None, None) => ("–".into(), String::new()),
            };
            svg.label(rates, y, &value, Font::NAME.at(Anchor::End));
            svg.label(overlaps, y, &share, Font::LABEL.at(Anchor::End));
            y += 17.0;
        }
        y += 6.0;
    }
    y + 4.0
}

/// The number of failed points of an arm on a clip, if there are any.
fn failed(results: &Results, arm: &str, clip: &str) -> String {
    let points = results.points.iter().filter(|point| point.arm == arm && point.clip == clip);
    match points.filter(|point| point.failure.is_some()).count() {
        0 => String::new(),
        count => format!("{count} failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricId;
    use crate::results::{Comparison, Figure, Interval, Sample};

    /// Value of an attribute of a text element.
    fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
        let (_, rest) = element.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0)
    }

    /// Left, right and baseline of each text, with its size and the text itself.
    fn texts(svg: &str) -> Vec<(f64, f64, f64, f64, String)> {
        let parse = |part: &str| {
            let element = format!(" {}", part.split_once("</text>")?.0);
            let text = element.rsplit('>').next()?.to_owned();
            let number = |name| attribute(&element, name)?.parse::<f64>().ok();
            let (x, y, size) = (number("x")?, number("y")?, number("font-size")?);
            let wide = width(&text, size);
            let left = if attribute(&element, "text-anchor").is_some() { x - wide } else { x };
            Some((left, left + wide, y, size, text))
        };
        svg.split("<text ").skip(1).filter_map(parse).collect()
    }

    #[test]
    fn every_metric_has_a_column_and_no_two_texts_overlap() {
        let names = ["anchor", "a rather long name of an arm with settings"];
        let arm = |name: &str| Arm { name: name.into(), ..Arm::default() };
        let metrics: Vec<Metric> =
            MetricId::ALL.into_iter().take(12).map(MetricId::describe).collect();
        let interval = Some(Interval { low: -123.4, high: -99.9, over: Sample::Clips, count: 4 });
        let rate = Some(Figure { value: -100.4, interval, differs: None });
        let comparison = |metric: &Metric| Comparison {
            arm: names[1].into(),
            metric: metric.id.clone(),
            bd_rate: rate,
            ..Comparison::default()
        };
        let results = Results {
            anchor: names[0].into(),
            arms: names.map(arm).to_vec(),
            comparisons: metrics.iter().map(comparison).collect(),
            metrics,
            ..Results::default()
        };
        let svg = bd_table(&results, Theme::Light);
        let texts = texts(&svg);
        let values = texts.iter().filter(|(.., text)| text.ends_with("100.4")).count();
        assert_eq!(values, 12, "{svg}");
        for (index, one) in texts.iter().enumerate() {
            for other in &texts[..index] {
                let beside = one.1 <= other.0 || other.1 <= one.0;
                let above = (one.2 - other.2).abs() >= one.3.min(other.3);
                assert!(beside || above, "{one:?} overlaps {other:?}");
            }
        }
    }
}
