//! The placeholders in the commands of external encoders (`{in}`, `{kbps}`), and their values.

use std::path::Path;

use codec_measure::results::Target;

use super::shape::{Media, Shape};
use super::task::Task;
use super::template::Template;

/// Placeholders in commands.
pub(super) const PLACES: &[&str] = &[
    "in",
    "out",
    "kbps",
    "bps",
    "q",
    "qp",
    "quality",
    "crf",
    "rate_trace",
    "speed",
    "threads",
    "fps",
    "fps_num",
    "fps_den",
    "width",
    "height",
    "frames",
    "sample_rate",
    "channels",
];
/// Placeholders that only commands for video have.
const VIDEO_PLACES: &[&str] =
    &["rate_trace", "fps", "fps_num", "fps_den", "width", "height", "frames"];
/// Placeholders that only commands for audio have.
const AUDIO_PLACES: &[&str] = &["sample_rate", "channels"];
pub(super) const DECODE_PLACES: &[&str] = &["in", "out"];

/// A placeholder of the command that has no value in a study of `media`.
pub(super) fn foreign_place(template: &Template, media: Media) -> Option<&'static str> {
    let places = match media {
        Media::Video => AUDIO_PLACES,
        Media::Audio => VIDEO_PLACES,
    };
    places.iter().copied().find(|place| template.has(place))
}

/// The value of a placeholder that describes the clip.
pub(super) fn value_of(place: &str, shape: Shape) -> String {
    match (shape, place) {
        (Shape::Video { frame_rate, .. }, "fps") => frame_rate.as_f64().to_string(),
        (Shape::Video { frame_rate, .. }, "fps_num") => frame_rate.num.to_string(),
        (Shape::Video { frame_rate, .. }, "fps_den") => frame_rate.den.to_string(),
        (Shape::Video { size, .. }, "width") => size.width.to_string(),
        (Shape::Video { size, .. }, "height") => size.height.to_string(),
        (Shape::Video { frames, .. }, "frames") => frames.to_string(),
        (Shape::Audio { format, .. }, "sample_rate") => format.rate.to_string(),
        (Shape::Audio { format, .. }, "channels") => format.channels().to_string(),
        _ => String::new(),
    }
}

/// Checks that a command has a place for the target.
pub(super) fn check_places(template: &Template, task: &Task<'_>) -> Result<(), String> {
    let places: &[&str] = match task.target {
        _ if task.rate_trace.is_some() => &["rate_trace"],
        Target::Kbps(_) | Target::Bpp(_) => &["kbps", "bps"],
        Target::Quality(_) => &["quality", "q"],
        Target::Qp(_) => &["qp", "q"],
        Target::Crf(_) => &["crf", "q"],
        other => {
            let kind = other.kind();
            return Err(format!("only encoders of this program can aim for {kind}"));
        }
    };
    if places.iter().any(|place| template.has(place)) {
        return Ok(());
    }
    Err(format!("the command must contain {{{}}} for these targets", places[0]))
}

/// Returns the file extension of the output: the one in the template, or the one that its program
/// implies.
pub(super) fn extension_of(template: &Template) -> String {
    if let Some(extension) = &template.extension {
        return extension.clone();
    }
    let program = template.program();
    let name = Path::new(&program).file_stem().map(|name| name.to_string_lossy().into_owned());
    let extension = match name.as_deref() {
        Some("vpxenc" | "aomenc" | "SvtAv1EncApp" | "rav1e") => "ivf",
        Some("opusenc") => "opus",
        Some("oggenc" | "speexenc") => "ogg",
        Some("lame") => "mp3",
        _ => "mkv",
    };
    extension.to_owned()
}
