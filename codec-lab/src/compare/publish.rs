//! Writes the report: HTML page, plots and tables.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use codec_measure::report::{ClipPictures, FrameValues, ReportExtras};
use codec_measure::results::Results;
use codec_measure::{plot, report};
use codec_media::failure::{Failure, Result};

use super::metric::Metric;
use super::score::Score;
use super::store::write_whole;

/// Scale of PNG plots, for print and high-resolution screens.
#[cfg(feature = "png")]
const PNG_SCALE: f32 = 2.0;

/// Writes all files of the report; the files of `pictures` are already written.
pub(super) fn publish(folder: &Path, results: &Results, pictures: Vec<ClipPictures>) -> Result<()> {
    let json = serde_json::to_vec_pretty(results).map_err(Failure::internal)?;
    write_whole(&folder.join("results.json"), &json)?;
    write_whole(&folder.join("results.csv"), report::csv(results).as_bytes())?;
    let plots = folder.join("plots");
    fs::create_dir_all(&plots)
        .map_err(|error| Failure::output(&plots.display().to_string(), error))?;
    #[cfg(feature = "png")]
    let renderer = plot::png::Renderer::new().map_err(Failure::internal)?;
    let mut files: Vec<String> =
        ["results.csv", "results.json", "study.toml"].map(str::to_owned).into();
    for plot in plot::all(results) {
        write_whole(&plots.join(format!("{}.svg", plot.name)), plot.svg.as_bytes())?;
        files.push(format!("plots/{}.svg", plot.name));
        #[cfg(feature = "png")]
        {
            let picture = renderer.png(&plot.svg, PNG_SCALE).map_err(Failure::internal)?;
            write_whole(&plots.join(format!("{}.png", plot.name)), &picture)?;
            files.push(format!("plots/{}.png", plot.name));
        }
    }
    let extras = ReportExtras { files, frames: frames_of(folder, results), pictures };
    // Last, so that the page exists only if everything else does.
    write_whole(&folder.join("index.html"), report::html(results, &extras).as_bytes())
}

/// Values of the frames of each point, from its table in the folder.
fn frames_of(folder: &Path, results: &Results) -> Vec<Option<FrameValues>> {
    let of = |path: &String| {
        let text = fs::read_to_string(folder.join(path)).ok()?;
        FrameValues::from_csv(&text, results.metrics.len())
    };
    results.points.iter().map(|point| point.frames_csv.as_ref().and_then(of)).collect()
}

/// Returns a row per frame of the clip, as the viewer sees it, or per segment of audio.
pub(super) fn frames_csv(score: &Score, metrics: &[Metric]) -> String {
    let mut text = "frame,time_s,view".to_owned();
    for metric in metrics {
        let unit = match metric.describe().unit.as_str() {
            "" => String::new(),
            unit => format!("_{}", unit.to_ascii_lowercase()),
        };
        let _ = write!(text, ",{}{unit}", metric.id());
    }
    text.push_str("\r\n");
    let columns: Vec<usize> = metrics.iter().filter_map(|&metric| score.column(metric)).collect();
    for (number, frame) in score.frames.iter().enumerate() {
        let view = if frame.frozen { "frozen" } else { "new" };
        let _ = write!(text, "{number},{:.6},{view}", frame.time_s);
        for &column in &columns {
            text.push(',');
            if let Some(value) = frame.values[column] {
                let _ = write!(text, "{value:.6}");
            }
        }
        text.push_str("\r\n");
    }
    text
}

/// Turns any text into a file name of letters, digits and dashes.
pub(super) fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = text.chars().map(plain).take(80).collect();
    let mut short = String::new();
    for c in name.chars() {
        if c != '-' || !short.ends_with('-') {
            short.push(c);
        }
    }
    short.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        assert_eq!(file_name("vp8 --speed 8/../x\"y"), "vp8-speed-8-..-x-y");
        assert_eq!(file_name("../.."), "");
    }
}
