//! BD-rates as a table that is a picture.

use super::axis::{count, number, signed};
use super::style::{Ink, Style, Theme};
use super::svg::{Anchor, Font, Svg, fitted, px};
use crate::results::Results;

/// BD-rate of each arm by each metric with its interval, and each clip's by the first metric.
#[must_use]
pub fn bd_table(results: &Results, theme: Theme) -> String {
    let arms: Vec<_> = results.arms.iter().filter(|arm| arm.name != results.anchor).collect();
    let (name_width, cell) = (180.0, 132.0);
    let first = results.metrics.first();
    let columns = results.metrics.len().clamp(1, 6);
    let total = 32.0 + name_width + count(columns) * cell;
    let mut svg = Svg::new(theme);
    let mut y = 26.0;
    let title = format!("BD-rate against {} (%, below 0: fewer bits)", results.anchor);
    svg.label(16.0, y, &fitted(&title, 13.0, total - 32.0), Font::TITLE);
    y += 26.0;
    let right = |column: usize| 16.0 + name_width + count(column + 1) * cell;
    let rule = |svg: &mut Svg, y: f64, ink| svg.line((16.0, y), (total - 16.0, y), ink, 1.0);
    for (column, metric) in results.metrics.iter().take(columns).enumerate() {
        svg.label(right(column), y, &metric.name, Font::LABEL.at(Anchor::End));
    }
    rule(&mut svg, y + 8.0, Ink::Text);
    y += 27.0;
    for arm in &arms {
        arm_name(&mut svg, results, &arm.name, y, name_width);
        for (column, metric) in results.metrics.iter().take(columns).enumerate() {
            let found = results
                .comparisons
                .iter()
                .find(|one| one.arm == arm.name && one.metric == metric.id)
                .and_then(|one| one.bd_rate);
            let Some(estimate) = found else {
                svg.label(right(column), y, "refused", Font::LABEL.at(Anchor::End));
                continue;
            };
            svg.label(right(column), y, &signed(estimate.value, 1), Font::NAME.at(Anchor::End));
            let Some(ends) = estimate.interval else { continue };
            let interval = format!("{} to {}", signed(ends.low, 1), signed(ends.high, 1));
            let font = Font { size: 9.5, ..Font::LABEL };
            svg.label(right(column), y + 12.0, &interval, font.at(Anchor::End));
        }
        rule(&mut svg, y + 20.0, Ink::Grid);
        y += 38.0;
    }
    if let Some(metric) = first.filter(|_| !results.clips.is_empty() && !arms.is_empty()) {
        y = clips_table(&mut svg, results, &metric.id, &metric.name, (y, total));
    }
    svg.document(&title, total, y)
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

/// One row for each arm and clip, because clips have longer names than columns have room.
fn clips_table(
    svg: &mut Svg,
    results: &Results,
    metric: &str,
    name: &str,
    (mut y, total): (f64, f64),
) -> f64 {
    y += 8.0;
    svg.label(16.0, y, &format!("Each clip, by {name}"), Font::TITLE);
    svg.label(total - 76.0, y, "BD-rate", Font::LABEL.at(Anchor::End));
    svg.label(total - 16.0, y, "overlap", Font::LABEL.at(Anchor::End));
    y += 24.0;
    for comparison in results.comparisons.iter().filter(|one| one.metric == metric) {
        arm_name(svg, results, &comparison.arm, y, 180.0);
        for clip in &comparison.clips {
            svg.label(200.0, y, &fitted(&clip.clip, 11.0, total - 330.0), Font::LABEL);
            let (value, share) = match (&clip.bd_rate, &clip.refused) {
                (Some(rate), _) => {
                    (signed(rate.value, 1), format!("{} %", number(rate.overlap * 100.0, 0)))
                }
                (None, Some(_)) => ("refused".into(), String::new()),
                (None, None) => ("–".into(), String::new()),
            };
            svg.label(total - 76.0, y, &value, Font::NAME.at(Anchor::End));
            svg.label(total - 16.0, y, &share, Font::LABEL.at(Anchor::End));
            y += 17.0;
        }
        y += 6.0;
    }
    y + 4.0
}
