//! The engine of the `codec` command as a library: inputs and outputs, capture, live streams,
//! recording, and transcoding of video and audio.
//!
//! This crate parses no arguments and writes nothing to the terminal. A run takes typed options,
//! reports [events](events::Listener), ends early on [request](stop::Stop), and returns a
//! [`failure::Failure`] on errors, with a [kind](failure::Kind): usage, input, output and so on.
//!
//! # Where to start
//!
//! | task | item |
//! |---|---|
//! | transcode a file, with progress | [`session::transcode`] (example below) |
//! | encode your own frames | [`session::Session`] with an [`io::source::FrameSource`] |
//! | read the frames of any input | [`io::video::open`] |
//! | receive a stream and record it | `live::receive::receive` (feature `net`) |
//! | send a file or a camera | `live::send::send` (feature `net`) |
//! | publish inputs on the server of `codec_net` | `publish::source` (feature `serve`) |
//! | join files one after another | [`concat::run`] |
//! | mix audio files | [`mix::run`] |
//! | detect speech | `vad::detect` (feature `vad`) |
//! | do the same work on several files | [`batch::run`] |
//! | encode a long file in parallel, or on several machines | [`session::chunks`] |
//! | copy packets between containers | `codec_container` |
//!
//! # Example
//!
//! Generate a clip, then transcode it to a smaller one with progress:
//!
//! ```
//! use std::sync::Arc;
//!
//! use codec_container::Format;
//! use codec_core::frame::{PictureInfo, Rational, Size};
//! use codec_media::Env;
//! use codec_media::events::{Events, Listener, Severity};
//! use codec_media::generate::sources::GeneratedFrames;
//! use codec_media::generate::{Generator, Scene};
//! use codec_media::progress::{Meter, Now, Pass};
//! use codec_media::session::{Session, transcode};
//! use codec_media::settings::encoding::Encoding;
//!
//! struct Log;
//!
//! impl Listener for Log {
//!     fn message(&self, severity: Severity, message: &str) {
//!         eprintln!("{severity:?}: {message}");
//!     }
//!
//!     fn meter(&self, total: Option<u64>, _frame_rate: Rational) -> Box<dyn Meter> {
//!         Box::new(Percent(total))
//!     }
//! }
//!
//! struct Percent(Option<u64>);
//!
//! impl Meter for Percent {
//!     fn begin_pass(&mut self, _pass: Option<Pass>) {}
//!
//!     fn update(&mut self, now: &Now) {
//!         if let Some(total) = self.0 {
//!             eprintln!("{} % done, {} bytes", 100 * now.frames / total.max(1), now.bytes);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let (large, small) = (folder.path().join("large.webm"), folder.path().join("small.ivf"));
//! let env = Env::new(Events::new(Arc::new(Log)));
//!
//! let (size, rate) = (Size::new(64, 48), Rational::new(30, 1));
//! let generator = Generator::new(Scene::Clapper, size, rate, 1)?;
//! let mut generated = GeneratedFrames::new(generator, 5, PictureInfo::default());
//! let settings = Encoding::generated(large.clone(), Format::WebM, false, None)?;
//! Session::new(&settings, &generated, None, &env)?.run(&settings, &mut generated)?;
//!
//! let mut settings = Encoding::new(large, small.clone())?;
//! settings.resize = Some(Size::new(32, 24).into());
//! transcode(&settings, &env)?;
//! assert!(std::fs::read(small)?.starts_with(b"DKIF"));
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | files, pipes, temporary files; decoded input; demultiplexing of pipes | `io/` |
//! | mixing; speech detection | `mix.rs`, `vad.rs` |
//! | joining files one after another | `concat/` |
//! | publishing inputs on the server | `publish/` |
//! | one run of an encoder | `session/` |
//! | encoding to a target quality or a target file size | `session/goal/` |
//! | the same work on several files | `batch/` |
//! | chunks of a file, encoded independently | `session/chunks/` |
//! | audio of a run: decode, resample, effects, encode, or copy | `audio/` |
//! | conversion by colour description; scaling | `frame/`, `scaling.rs` |
//! | PNG, JPEG and WebP; a lossy WebP is one VP8 key frame | `io/stills/` |
//! | GIF and animated WebP | `io/animation/` |
//! | `send` and `recv`: paced inputs, network outputs and inputs, recordings | `live/` |
//! | cameras and microphones (feature `capture`, ADR 0024) | `live/capture/` |
//! | inputs by HTTP and HTTPS, and in object stores | `io/remote.rs`, `io/object_store.rs` |
//! | generated clips | `generate/` |
//! | progress, events, reports, counts in messages | `progress.rs`, `events.rs`, `report.rs`, `count.rs` |
//!
//! The audio of a run passes through an `audio::pipeline`, which keeps pace with the video, if any:
//!
//! ```text
//! packets ─► source ─► timeline (input clock, output format) ─► effects ─► sink ─► packets
//! ```

#![forbid(unsafe_code)]

pub mod audio;
pub mod batch;
mod clock;
pub mod concat;
pub mod count;
pub mod cut;
#[cfg(test)]
#[path = "../../tests/src/depth.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod depth;
pub mod events;
pub mod failure;
pub mod frame;
pub mod generate;
pub mod io;
pub mod json;
#[cfg(feature = "net")]
pub mod live;
pub mod mix;
mod network_errors;
pub mod progress;
#[cfg(feature = "serve")]
pub mod publish;
pub mod rate_trace;
pub mod report;
pub mod scaling;
pub mod session;
pub mod settings;
mod stdio;
pub mod stop;
pub mod threads;
#[cfg(feature = "vad")]
pub mod vad;
pub mod values;

use std::sync::Arc;

use codec_simd::Level;

use events::Events;
use io::object_store::ObjectStore;
use stop::Stop;

/// The environment of a run: events, stop requests, instruction set.
#[derive(Clone, Debug)]
pub struct Env {
    /// Receives messages, progress and records.
    pub events: Events,
    /// Ends the run early.
    pub stop: Stop,
    /// The instruction set of the kernels.
    pub level: Level,
    /// Certificates in PEM that are trusted for inputs by HTTPS, instead of the public authorities.
    pub http_ca: Option<Arc<[u8]>>,
    /// The store of inputs such as `s3://BUCKET/KEY`.
    pub object_store: Arc<ObjectStore>,
}

impl Env {
    /// Reports to `events` and uses the best instruction set of this CPU.
    pub fn new(events: Events) -> Self {
        let level = Level::choose(None).unwrap_or(Level::Scalar);
        Self { events, stop: Stop::default(), level, http_ca: None, object_store: Arc::default() }
    }

    /// Returns a copy that reports no messages and no progress.
    pub fn quiet(&self) -> Self {
        Self { events: Events::none(), ..self.clone() }
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
    audio::pipeline::AudioPipeline,
    audio::sink::AudioSink,
    audio::source::AudioSource,
    audio::timeline::Timeline,
    generate::sources::GeneratedFrames,
    generate::sources::GeneratedAudio,
    io::input::Opened,
    io::media::Media,
    io::audio_input::AudioInput,
    io::packed::PackedReader,
    io::sink::FrameSink,
    session::Session,
    session::audio::Opened,
    session::audio::OpenedTracks,
    audio::tracks::AudioTracks,
    io::stills::read::StillSource,
);
#[cfg(feature = "net")]
opaque_debug!(live::media::LiveMedia);
