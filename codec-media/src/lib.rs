//! The engine of the `codec` command as a library: inputs and outputs, capture, live streams,
//! recording, and transcoding of video and audio.
//!
//! Nothing here parses arguments or writes to the terminal. A run takes typed options, reports
//! [events](events::Listener), ends early when it is [asked to](stop::Stop), and returns a
//! [`failure::Failure`] with a kind.
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | files, pipes, temporary names; decoded input; demultiplexing of pipes | `io/` |
//! | one run of an encoder | `session/` |
//! | audio of a run: decode, resample, effects, encode, or copy | `audio/` |
//! | conversion by colour description; scaling | `picture/`, `scaling.rs` |
//! | PNG, JPEG and WebP; a lossy WebP is one VP8 key frame | `stills/` |
//! | `send` and `recv`: paced inputs, network outputs and inputs, recordings | `live/` |
//! | cameras and microphones (feature `capture`, ADR 0024) | `live/capture/` |
//! | generated clips | `generate/` |
//! | progress, events, reports | `progress.rs`, `events.rs`, `report.rs` |
//!
//! Audio of a run is an `audio::lane`, which advances with the video or, without video, alone:
//!
//! ```text
//! packets ─► source ─► timeline (their clock, the new format) ─► effects ─► sink ─► packets
//! ```

#![forbid(unsafe_code)]

pub mod audio;
mod clock;
pub mod events;
pub mod failure;
pub mod generate;
pub mod io;
pub mod json;
#[cfg(feature = "net")]
pub mod live;
pub mod picture;
pub mod progress;
pub mod rate_trace;
pub mod report;
pub mod scaling;
pub mod session;
pub mod settings;
pub mod stills;
pub mod stop;
pub mod values;

use codec_simd::Level;

use events::Events;
use stop::Stop;

/// What every run is given.
#[derive(Clone, Debug)]
pub struct Env {
    /// Receives what the run reports.
    pub console: Events,
    /// Ends the run early.
    pub stop: Stop,
    /// The instruction set of the kernels.
    pub level: Level,
}

impl Env {
    /// Reports to `console` and uses the best instruction set of this CPU.
    pub fn new(console: Events) -> Self {
        let level = Level::choose(None).unwrap_or(Level::Scalar);
        Self { console, stop: Stop::default(), level }
    }

    /// The same without messages and progress.
    pub fn quiet(&self) -> Self {
        Self { console: Events::none(), ..self.clone() }
    }
}

/// Debug output without fields, for types that hold readers, writers and coders.
macro_rules! opaque_debug {
    ($($type:ty),+ $(,)?) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )+};
}

opaque_debug!(
    audio::lane::AudioLane,
    audio::sink::AudioSink,
    audio::source::AudioSource,
    audio::timeline::Timeline,
    generate::sources::GeneratedFrames,
    generate::sources::GeneratedAudio,
    io::input::Opened,
    io::media::Media,
    io::media::AudioInput,
    io::packed::PackedReader,
    io::sink::FrameSink,
    session::Session,
    session::audio::Opened,
    stills::read::StillSource,
);
#[cfg(feature = "net")]
opaque_debug!(live::source::LiveMedia);
