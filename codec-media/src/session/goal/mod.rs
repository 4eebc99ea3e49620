//! Encodes to a target quality or to a target file size.
//!
//! For a target quality, the quality setting of the encoder is searched on sampled parts of the input (`samples`,
//! `search`). Fast encodes of the parts and of the whole input measure how their qualities differ, and the search
//! corrects for the difference (`relation`). Then the whole input is encoded and measured. A target size is met by
//! two-pass encodes with corrected bitrates (`size`). For both goals, the encode is repeated if its result is outside
//! the tolerance, and the best result is kept.

mod frames;
mod measured_encode;
pub(super) mod quality;
mod relation;
mod samples;
mod search;
mod size;

use crate::Env;
use crate::failure::{Failure, Result};
use crate::io::media::Media;
use crate::io::names::is_pipe;
use crate::settings::encoding::Encoding;
use crate::settings::goal::Goal;

use super::open_input;
pub(super) use samples::mean;
pub(super) use search::BEST_Q8;

/// Encodes `media`, the opened input of `settings`, to its goal.
///
/// # Errors
/// Returns the errors of [`crate::session::transcode`]; [`Kind::Check`](crate::failure::Kind::Check) if the goal cannot
/// be reached: the nearest result is kept.
pub fn encode(settings: &Encoding, media: Media, env: &Env) -> Result<()> {
    match settings.goal {
        Some(Goal::Quality(target)) => quality::encode(settings, target, media, env),
        Some(Goal::Size(bytes)) => size::encode(settings, bytes, media, env),
        None => Err(Failure::internal("an encode without a goal")),
    }
}

/// Rejects inputs and outputs that cannot be read or written several times.
fn check_files(settings: &Encoding, flag: &str) -> Result<()> {
    let is_file = |path: &std::path::Path| {
        !is_pipe(path) && std::fs::metadata(path).is_ok_and(|found| found.is_file())
    };
    if !settings.input.is_file() {
        let message = format!("{flag} requires a file as input: it is read several times");
        return Err(Failure::usage(message));
    }
    let mut audio = settings.audio_from.iter().chain(&settings.add_audio);
    if let Some(audio) = audio.find(|audio| !audio.is_file()) {
        let message = format!("{flag} requires files with audio, not {}", audio.name());
        return Err(Failure::usage(message));
    }
    if is_pipe(&settings.output) || settings.output.exists() && !is_file(&settings.output) {
        let message = format!("{flag} requires a file as output: it may be encoded again");
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// The media of the next attempt: those that are open, or else opened again without messages.
fn media_of(opened: &mut Option<Media>, settings: &Encoding, env: &Env) -> Result<Media> {
    match opened.take() {
        Some(media) => Ok(media),
        None => open_input(settings, &env.quiet()),
    }
}
