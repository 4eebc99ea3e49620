//! Data for the script of the report page: the charts, and the points of the curves.

use serde_json::{Value, json};

use super::clip_summaries::clip_summaries;
use super::extras::{ReportExtras, href};
use super::frame_data::FrameData;
use super::json::{in_script, plain, round};
use super::picture_data::picture_data;
use crate::plot::{
    Chart, DASHES, MARKERS, Shape, Style, frontier_chart, label_of, latency_chart, point_text,
    rate_charts, target_text, targets_of,
};
use crate::results::{Point, Pooled, Results};
use crate::words::Words;

/// JSON that is safe inside a `script` element: nothing in it ends the element or, for old parsers,
/// a line.
pub(crate) fn data(results: &Results, extras: &ReportExtras) -> String {
    let frames = FrameData::new(results, extras);
    let arm = |name: &str| results.arms.iter().position(|known| known.name == name);
    let clip = |name: &str| results.clips.iter().position(|known| known.name == name);
    let arms = results.arms.iter().map(|arm| {
        let style = Style::of_arm(results, &arm.name);
        json!({ "name": plain(&arm.name), "style": style.index, "dash": style.round })
    });
    let metrics = results.metrics.iter().map(
        |metric| json!({ "id": plain(&metric.id), "name": plain(&metric.name), "unit": metric.unit, "label": label_of(metric), "up": metric.higher_is_better }),
    );
    let points = results.points.iter().enumerate();
    let points = points.filter(|(_, point)| point.failure.is_none()).map(|(index, point)| {
        json!({
            "arm": arm(&point.arm),
            "clip": clip(&point.clip),
            "kbps": round(point.kbps),
            "target": point_text(point),
            // The curves of several sizes are their hulls.
            "quality": results.metrics.iter().map(|metric| {
                point.quality.get(&metric.id).filter(|_| point.is_on_curve(&metric.id)).map(pooled)
            }).collect::<Vec<_>>(),
            "tip": details(results, point),
            "frames": frames.point(index),
            "table": point.frames_csv.as_deref().filter(|_| !extras.files.is_empty()).map(href),
        })
    });
    let latency = std::iter::once(None)
        .chain(results.clips.iter().map(|clip| Some(clip.name.as_str())))
        .map(|clip| latency_chart(results, clip).map(|chart| chart_json(&chart)));
    let rates = results.clips.iter().map(|clip| {
        let targets = targets_of(results, &clip.name).into_iter();
        let charts = targets.filter_map(|target| {
            let charts = rate_charts(results, &clip.name, target)?;
            Some(json!({ "target": target_text(target), "charts": charts.map(|one| chart_json(&one)) }))
        });
        charts.collect::<Vec<_>>()
    });
    let data = json!({
        "arms": arms.collect::<Vec<_>>(),
        "clips": results.clips.iter().map(|clip| plain(&clip.name)).collect::<Vec<_>>(),
        "fps": results.clips.iter().map(|clip| round(clip.fps)).collect::<Vec<_>>(),
        "frames": frames.common(),
        "audio": results.is_audio(),
        "pictures": picture_data(results, &extras.pictures),
        "metrics": metrics.collect::<Vec<_>>(),
        "points": points.collect::<Vec<_>>(),
        "summary": clip_summaries(results),
        "frontier": chart_json(&frontier_chart(results)),
        "latency": latency.collect::<Vec<_>>(),
        "rates": rates.collect::<Vec<_>>(),
        "markers": MARKERS,
        "dashes": DASHES,
    });
    in_script(&data.to_string())
}

/// Mean, harmonic mean, median, and so on: in the order of the page's list.
fn pooled(pooled: &Pooled) -> [Option<f64>; 7] {
    let [mean, p50, p5, p1, worst, second] =
        [pooled.mean, pooled.p50, pooled.p5, pooled.p1, pooled.worst, pooled.worst_second]
            .map(round);
    [mean, pooled.harmonic.and_then(round), p50, p5, p1, second, worst]
}

fn details(results: &Results, point: &Point) -> String {
    use crate::plot::{short, signed};
    let words = Words::of(results);
    let mut lines = Vec::new();
    if let Some(error) = point.rate.error_percent {
        lines.push(format!("{} % of the target", signed(error, 1)));
    }
    let speed = &point.speed;
    let cpu_ms = if results.is_audio() { speed.cpu_ms_per_second } else { speed.cpu_ms_per_frame };
    if cpu_ms > 0.0 {
        lines.push(format!("CPU {} ms per {}", short(cpu_ms), words.per));
    }
    let delivery = &point.delivery;
    if delivery.frozen > 0 {
        let (frames, frozen) = (words.frames, words.frozen);
        lines.push(format!("{} of {} {frames} {frozen}", delivery.frozen, delivery.frames));
    }
    lines.join("\n")
}

fn chart_json(chart: &Chart) -> Value {
    let series = chart.series.iter().map(|series| {
        let marks = series.marks.iter().map(|mark| {
            let mut place = vec![json!(round(mark.x)), json!(round(mark.y))];
            if mark.spans.is_some() || !mark.tip.is_empty() {
                let spans =
                    mark.spans.map(|spans| spans.map(|(low, high)| [round(low), round(high)]));
                place.extend([json!(spans), json!(plain(&mark.tip))]);
            }
            Value::Array(place)
        });
        json!({
            "arm": series.style.arm,
            "style": series.style.index,
            "dash": series.style.round,
            "shape": match series.shape {
                Shape::Marked => "marked",
                Shape::Line => "line",
                Shape::Steps => "steps",
                Shape::Named => "named",
            },
            "marks": marks.collect::<Vec<_>>(),
        })
    });
    let axis = |axis: &crate::plot::Axis| {
        json!({
            "label": plain(&axis.label),
            "log": axis.scale == crate::plot::Scale::Log,
            "low": axis.low,
            "high": axis.high,
        })
    };
    json!({
        "title": plain(&chart.title),
        "x": axis(&chart.x),
        "y": axis(&chart.y),
        "series": series.collect::<Vec<_>>(),
        "rules": chart.rules.iter().map(|rule| {
            json!({ "upright": rule.upright, "at": rule.at, "label": plain(&rule.label) })
        }).collect::<Vec<_>>(),
    })
}
