//! Distribution of encoding times.

use super::axis::{Axis, Scale, count, short};
use super::chart::{Area, Chart, Mark, Rule, Series, Shape, legend};
use super::rd::{entries_of, measured};
use super::style::{Style, Theme};
use super::svg::Svg;
use crate::results::{Point, Results};

/// Draws, for each arm, the share of frames that take longer than a given time, on logarithmic
/// scales, so that the slowest frames are visible; the deadline is the duration of a frame. The
/// plot is for one clip or all, 640 by 420 pixels. `None` if no encoder reported frame times.
#[must_use]
pub fn latency(results: &Results, clip: Option<&str>, theme: Theme) -> Option<String> {
    let chart = latency_chart(results, clip)?;
    let mut svg = Svg::new(theme);
    let (width, height) = (640.0, 420.0);
    let used = legend(&mut svg, &entries_of(&chart), 16.0, 12.0, width - 32.0);
    let area = Area { x: 16.0, y: 16.0 + used, width: width - 32.0, height: height - used - 24.0 };
    chart.draw(&mut svg, area);
    Some(svg.document("Encode time per frame", width, height))
}

/// The chart of [`latency`].
pub(crate) fn latency_chart(results: &Results, clip: Option<&str>) -> Option<Chart> {
    let wanted = |point: &&Point| clip.is_none_or(|clip| point.clip == clip);
    let mut series = Vec::new();
    for arm in &results.arms {
        let mut times: Vec<f64> = measured(results)
            .filter(wanted)
            .filter(|point| point.arm == arm.name)
            .filter_map(|point| point.latency.as_ref())
            .flat_map(|latency| latency.encode_ms.iter().copied())
            .filter(|time| time.is_finite() && *time > 0.0)
            .collect();
        times.sort_by(f64::total_cmp);
        let style = Style::of_arm(results, &arm.name);
        series.push(Series {
            name: arm.name.clone(),
            style,
            shape: Shape::Line,
            marks: exceedance(&times),
        });
    }
    if series.iter().all(|series| series.marks.is_empty()) {
        return None;
    }
    let mut deadlines: Vec<f64> = measured(results)
        .filter(wanted)
        .filter_map(|point| point.latency.as_ref())
        .map(|latency| latency.deadline_ms)
        .filter(|deadline| *deadline > 0.0)
        .collect();
    deadlines.sort_by(f64::total_cmp);
    deadlines.dedup_by(|a, b| (*a / *b - 1.0).abs() < 0.01);
    let rules = deadlines.iter().map(|at| Rule {
        upright: true,
        at: *at,
        label: format!("deadline {} ms", short(*at)),
    });
    let all = || series.iter().flat_map(|series| &series.marks);
    let lowest = all().map(|mark| mark.y).fold(10.0, f64::min);
    Some(Chart {
        title: clip.unwrap_or("All clips").into(),
        x: Axis::over(
            "Encode time per frame (ms, log scale)",
            Scale::Log,
            all().map(|mark| mark.x).chain(deadlines.iter().copied()),
        ),
        y: Axis {
            label: "Frames that take longer (%, log scale)".into(),
            scale: Scale::Log,
            low: lowest,
            high: 100.0,
        },
        rules: rules.collect(),
        series,
        empty: String::new(),
    })
}

/// Percentage of values above each of them, thinned to about 200 marks; `sorted` ascends. The
/// largest value has the share of one frame.
fn exceedance(sorted: &[f64]) -> Vec<Mark> {
    let total = count(sorted.len());
    let mut marks: Vec<Mark> = Vec::new();
    let mut last = f64::INFINITY;
    for (index, time) in sorted.iter().enumerate() {
        let above = 100.0 * (total - count(index)) / total;
        let is_last = index + 1 == sorted.len();
        if above < last * 0.965 || index == 0 || is_last || sorted.len() < 200 {
            marks.push(Mark { x: *time, y: above, ..Mark::default() });
            last = above;
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_frame_has_the_share_of_one_frame() {
        let marks = exceedance(&[1.0, 2.0, 3.0, 40.0]);
        let places: Vec<_> = marks.iter().map(|mark| format!("{} {}", mark.x, mark.y)).collect();
        assert_eq!(places, ["1 100", "2 75", "3 50", "40 25"]);
        let many: Vec<f64> = (1..=10_000).map(f64::from).collect();
        let marks = exceedance(&many);
        assert!(marks.len() < 300, "{}", marks.len());
        assert!((marks.last().unwrap().y - 0.01).abs() < 1e-9);
    }
}
