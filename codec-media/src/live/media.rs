//! An opened input: decoded video, an audio track, and if it is live, its clock and its losses.

use std::sync::Arc;

use super::losses::Losses;
use crate::io::audio_input::AudioInput;
use crate::io::source::FrameSource;

/// The media of an input.
pub struct LiveMedia {
    /// Decoded video.
    pub video: Option<Box<dyn FrameSource>>,
    /// The audio track.
    pub audio: Option<AudioInput>,
    /// Set if the input is live.
    pub live: Option<Arc<dyn Live>>,
}

/// A live input, which delivers media in real time and drops media that are not read in time.
pub trait Live: Send + Sync {
    /// The current time on the clock of its video and audio, in seconds.
    fn now_s(&self) -> f64;

    /// Audio blocks that begin before this time can be read without waiting.
    fn available_until_s(&self) -> f64;

    /// Called when audio is not read any more.
    fn close_audio(&self);

    /// Losses before the encoder.
    fn losses(&self) -> Losses;
}
