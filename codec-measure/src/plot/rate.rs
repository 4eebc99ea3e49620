//! Rate plots: bitrate in each second, queueing delay on a link, and the size of key frames.

use super::axis::{Axis, Scale, count, number};
use super::chart::{Area, Chart, Mark, Rule, Series, Shape, legend};
use super::rd::{entries, entries_of, measured, target_text};
use super::style::{Ink, Style, Theme};
use super::svg::{Anchor, Font, Svg, escape, fitted, px, width};
use crate::results::{Point, Results, Target};

/// Two charts for one clip at one target, 640 by 520 pixels: the bitrate of each second with the target
/// (top), and the delay of a link at the target rate (bottom). `None` if no arm has such a trace.
#[must_use]
pub fn rate_trace(results: &Results, clip: &str, target: Target, theme: Theme) -> Option<String> {
    let [rates, delays] = rate_charts(results, clip, target)?;
    let mut svg = Svg::new(theme);
    let (width, height) = (640.0, 540.0);
    let used = legend(&mut svg, &entries_of(&rates), 16.0, 12.0, width - 32.0);
    let half = (height - used - 24.0) / 2.0;
    let area = Area { x: 16.0, y: 16.0 + used, width: width - 32.0, height: half };
    rates.draw(&mut svg, area);
    delays.draw(&mut svg, Area { y: area.bottom() + 4.0, height: half - 8.0, ..area });
    Some(svg.document(&format!("Rate of {clip}"), width, height))
}

/// The charts of [`rate_trace`]: the rates, and the delays.
pub(crate) fn rate_charts(results: &Results, clip: &str, target: Target) -> Option<[Chart; 2]> {
    let at_target =
        || measured(results).filter(|point| point.clip == clip && point.target == target);
    // Of several sizes, the largest is shown.
    let pixels = |point: &&Point| {
        point.size.map_or(0, |size| u64::from(size.width) * u64::from(size.height))
    };
    let largest = at_target().map(|point| pixels(&point)).max().unwrap_or(0);
    let points: Vec<&Point> = at_target()
        .filter(|point| pixels(point) == largest)
        .filter(|point| !point.rate.seconds_kbit.is_empty())
        .collect();
    let known = results.clips.iter().find(|known| known.name == clip)?;
    let (fps, duration) = (known.fps, known.seconds);
    if points.is_empty() || fps.is_nan() || fps <= 0.0 {
        return None;
    }
    let rates = chart(
        format!("{clip} at {}", target_text(target)),
        "kb/s in each second",
        lines(results, &points, Shape::Steps, |point| {
            per_second(&point.rate.seconds_kbit, duration)
        }),
        wanted(&points),
    );
    let delays = chart(
        String::new(),
        "delay of a link at the target rate (ms)",
        lines(results, &points, Shape::Line, |point| thinned(&point.rate.buffer_ms, fps)),
        Vec::new(),
    );
    Some([rates, delays])
}

/// The target: a rule if it is constant, steps if it changes.
fn wanted(points: &[&Point]) -> Vec<Wanted> {
    let Some(targets) =
        points.iter().map(|point| &point.rate.seconds_target).max_by_key(|t| t.len())
    else {
        return Vec::new();
    };
    match targets.first() {
        Some(first) if targets.iter().all(|target| (target - first).abs() < 1e-6) => {
            vec![Wanted::Level(*first)]
        }
        Some(_) => vec![Wanted::Steps(targets.clone())],
        None => Vec::new(),
    }
}

enum Wanted {
    Level(f64),
    Steps(Vec<f64>),
}

fn chart(title: String, label: &str, mut series: Vec<Series>, wanted: Vec<Wanted>) -> Chart {
    let mut rules = Vec::new();
    for target in wanted {
        match target {
            Wanted::Level(at) => rules.push(Rule { upright: false, at, label: "target".into() }),
            Wanted::Steps(levels) => {
                let last = levels.last().copied();
                let marks = levels.iter().copied().chain(last).enumerate();
                series.insert(
                    0,
                    Series {
                        name: "target".into(),
                        style: Style::ASIDE,
                        shape: Shape::Steps,
                        marks: marks
                            .map(|(s, y)| Mark { x: count(s), y, ..Mark::default() })
                            .collect(),
                    },
                );
            }
        }
    }
    let all = || series.iter().flat_map(|series| &series.marks);
    let levels = rules.iter().map(|rule| rule.at);
    let mut x = Axis::over("seconds", Scale::Linear, all().map(|mark| mark.x));
    (x.low, x.high) = (0.0, all().map(|mark| mark.x).fold(0.1, f64::max));
    let y = Axis::over(label, Scale::Linear, all().map(|mark| mark.y).chain(levels).chain([0.0]));
    Chart { title, x, y: y.with_zero(), series, rules, empty: String::new() }
}

fn lines(
    results: &Results,
    points: &[&Point],
    shape: Shape,
    values: impl Fn(&Point) -> Vec<(f64, f64)>,
) -> Vec<Series> {
    let series = |point: &&Point| Series {
        name: point.arm.clone(),
        style: Style::of_arm(results, &point.arm),
        shape,
        marks: values(point).into_iter().map(|(x, y)| Mark { x, y, ..Mark::default() }).collect(),
    };
    points.iter().map(series).collect()
}

/// The start of each second with its rate, and the end of the last. A partial second at the end of
/// the clip counts by its duration, and is omitted if it is shorter than a quarter.
fn per_second(kbit: &[f64], duration: f64) -> Vec<(f64, f64)> {
    let lasts = |index: usize| (duration - count(index)).min(1.0);
    let seconds = kbit.iter().enumerate().take_while(|(index, _)| lasts(*index) >= 0.25);
    let mut places: Vec<(f64, f64)> =
        seconds.map(|(index, kbit)| (count(index), kbit / lasts(index))).collect();
    if let Some(last) = places.last().copied() {
        places.push((last.0 + lasts(places.len() - 1), last.1));
    }
    places
}

/// One value per frame, reduced to at most 400 points in time, each the maximum of its frames.
fn thinned(values: &[f64], fps: f64) -> Vec<(f64, f64)> {
    let each = values.len().div_ceil(400).max(1);
    let largest = |chunk: &[f64]| chunk.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let place = |(index, chunk): (usize, &[f64])| (count(index * each) / fps, largest(chunk));
    values.chunks(each).enumerate().map(place).collect()
}

/// Bar chart of the share of bytes in key frames by arm, as a mean over the targets of a clip; 640
/// pixels wide. `None` if there are no key frames, as in audio.
#[must_use]
pub fn key_frames(results: &Results, theme: Theme) -> Option<String> {
    if results.is_audio() {
        return None;
    }
    let share = |clip: &str, arm: &str| {
        let shares: Vec<f64> = measured(results)
            .filter(|point| point.clip == clip && point.arm == arm && point.bytes > 0)
            .map(|point| point.rate.key_frame_share * 100.0)
            .collect();
        crate::stats::mean(&shares)
    };
    let mut groups = Vec::new();
    for clip in &results.clips {
        let bars: Vec<(&str, f64)> = results
            .arms
            .iter()
            .filter_map(|arm| Some((arm.name.as_str(), share(&clip.name, &arm.name)?)))
            .collect();
        groups.push((clip.name.as_str(), bars));
    }
    let highest = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.1).fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let mut svg = Svg::new(theme);
    let total = 640.0;
    let names = groups.iter().map(|(name, _)| width(name, 11.0)).fold(40.0, f64::max).min(180.0);
    let left = 16.0 + names + 10.0;
    let x = Axis { label: String::new(), scale: Scale::Linear, low: 0.0, high: highest * 1.12 };
    // Each bar's value and arm are written after it.
    let font = Font { size: 10.0, ..Font::LABEL };
    let named = |arm: &str| fitted(arm, font.size, 150.0);
    let arms = groups.iter().flat_map(|(_, bars)| bars).map(|(arm, _)| named(arm));
    let room = arms.map(|arm| width(&arm, font.size)).fold(0.0, f64::max);
    let right = total - 30.0 - room;
    let mut y = match theme {
        Theme::Light => 12.0 + legend(&mut svg, &entries(results), 16.0, 12.0, total - 32.0),
        // The page's list of arms is its legend.
        Theme::Page => 4.0,
    };
    svg.label(
        16.0,
        y + 10.0,
        "Share of the bytes in key frames (%), mean over targets",
        Font::LABEL,
    );
    y += 24.0;
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let bottom = y + count(rows) * 13.0 + count(groups.len()) * 12.0;
    for (value, text) in x.ticks(6.0) {
        let at = left + x.place(value).unwrap_or(0.0) * (right - left);
        svg.line((at, y), (at, bottom), Ink::Grid, 1.0);
        svg.label(at, bottom + 15.0, &text, Font::LABEL.at(Anchor::Middle));
    }
    for (name, bars) in &groups {
        y += 6.0;
        let middle = y + count(bars.len()) * 6.5 + 3.8;
        svg.label(left - 10.0, middle, &fitted(name, 11.0, 180.0), Font::NAME.at(Anchor::End));
        for (arm, value) in bars {
            let wide = x.place(*value).unwrap_or(0.0) * (right - left);
            let style = Style::of_arm(results, arm);
            let colour = svg.colour(Ink::Series(style.index));
            svg.write(format_args!(
                "<g{5}><rect x=\"{1}\" y=\"{2}\" width=\"{3}\" height=\"10\" \
                 fill=\"{colour}\"><title>{0}: {4} %</title></rect>",
                escape(arm),
                px(left),
                px(y + 1.5),
                px(wide.max(0.5)),
                number(*value, 1),
                style.attribute()
            ));
            let label = format!("{} {}", number(*value, 1), named(arm));
            svg.label(left + wide + 5.0, y + 10.0, &label, font);
            svg.write(format_args!("</g>"));
            y += 13.0;
        }
        y += 6.0;
    }
    svg.line(
        (left, bottom - count(rows) * 13.0 - count(groups.len()) * 12.0),
        (left, bottom),
        Ink::Soft,
        1.0,
    );
    Some(svg.document("Cost of key frames", total, bottom + 28.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_second_counts_by_its_duration() {
        assert_eq!(per_second(&[8.0, 4.0], 1.5), [(0.0, 8.0), (1.0, 8.0), (1.5, 8.0)]);
        assert_eq!(per_second(&[8.0, 0.0], 1.002), [(0.0, 8.0), (1.0, 8.0)]);
        assert!(per_second(&[], 2.0).is_empty());
    }
}
