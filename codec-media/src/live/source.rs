//! Inputs of `send`: files, pipes, generated video, cameras.

use std::time::Duration;

use codec_container::{Input, PacketReader};
use codec_core::codec::Limits;

#[cfg(all(feature = "capture", target_os = "linux"))]
use super::capture::{self, CaptureSpec};
use super::media::LiveMedia;
use super::part::PartPackets;
use super::testsrc::TestSource;
use crate::Env;
use crate::cut::{Cut, ns_of};
use crate::failure::{Failure, Kind, Result};
use crate::io::cut_packets::{CutPackets, VideoPackets};
use crate::io::decoded::DecodeOptions;
use crate::io::input::{InputSpec, Opened};
use crate::io::media::{self, MediaSelection};
use crate::io::names::is_pipe;
use crate::io::unreadable::Advice;
use crate::live::options::SendOptions;

/// An input that can be opened, possibly more than once.
#[derive(Clone, Debug)]
pub enum LiveSource {
    /// A file or a pipe.
    File(InputSpec),
    /// Generated video and audio.
    Test(TestSource),
    /// A camera, a microphone, or both.
    #[cfg(all(feature = "capture", target_os = "linux"))]
    Capture(CaptureSpec),
}

/// Returns the text after the scheme if an input is a camera.
pub fn capture_text(text: &str) -> Option<&str> {
    text.strip_prefix("v4l2:")
}

/// Returns the text after the scheme if an input is generated.
pub(crate) fn generated_text(text: &str) -> Option<&str> {
    text.strip_prefix("testsrc:")
}

/// The error of a part of an input that has no parts.
pub(crate) fn not_a_file(name: &str) -> Failure {
    Failure::usage(format!("--from, --to and --duration select a part of a file, not of {name}"))
}

impl LiveSource {
    pub(crate) fn new(args: &SendOptions) -> Result<Self> {
        let (cut, _) = args.extent();
        let is_camera = args.input.to_str().and_then(capture_text).is_some();
        if args.repeat && is_camera {
            return Err(Failure::usage("--loop cannot be used with a camera"));
        }
        let spec = InputSpec { raw: args.raw, cut, ..InputSpec::new(&args.input, args.limits) };
        let source = Self::of(spec)?;
        if args.repeat && matches!(source, Self::File(_)) && is_pipe(&args.input) {
            return Err(Failure::usage("--loop cannot be used with standard input"));
        }
        Ok(source)
    }

    /// The source that an input names.
    pub(crate) fn of(spec: InputSpec) -> Result<Self> {
        let text = spec.path.to_str();
        let (generated, captured) = (text.and_then(generated_text), text.and_then(capture_text));
        if !spec.cut.is_whole() && (generated.is_some() || captured.is_some()) {
            return Err(not_a_file(&spec.path.to_string_lossy()));
        }
        match (generated, captured) {
            (Some(text), _) => TestSource::parse(text).map(Self::Test),
            (None, Some(text)) => Self::capture(text),
            (None, None) => Ok(Self::File(spec)),
        }
    }

    /// Whether it is a file that begins later than at its start.
    pub(crate) fn begins_later(&self) -> bool {
        matches!(self, Self::File(spec) if spec.cut.from.is_some())
    }

    /// Parses a camera or a microphone: the text after `v4l2:`.
    ///
    /// # Errors
    /// If the text is not a valid device description.
    #[cfg(all(feature = "capture", target_os = "linux"))]
    pub fn capture(text: &str) -> Result<Self> {
        CaptureSpec::parse(text).map(Self::Capture)
    }

    /// This build has no capture.
    ///
    /// # Errors
    /// If the input cannot be opened.
    #[cfg(not(all(feature = "capture", target_os = "linux")))]
    pub fn capture(_text: &str) -> Result<Self> {
        Err(Failure::missing_feature("capture from cameras (Linux)", "capture"))
    }

    /// Name for messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(spec) => spec.name(),
            Self::Test(_) => "testsrc".to_owned(),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(spec) => spec.name(),
        }
    }

    /// Limits on the input.
    pub fn limits(&self) -> Limits {
        match self {
            Self::File(spec) => spec.limits,
            Self::Test(_) => Limits::default(),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(_) => Limits::default(),
        }
    }

    /// Opens the input for video, audio or both.
    ///
    /// # Errors
    /// If the input cannot be opened.
    pub fn open(
        &self,
        wants: MediaSelection,
        threads: Option<usize>,
        advice: Advice,
        env: &Env,
    ) -> Result<LiveMedia> {
        match self {
            Self::File(spec) => {
                let limits = spec.limits;
                let options = DecodeOptions { limits, threads, advice, ..DecodeOptions::default() };
                let opened = media::open(spec, wants, &options, env)?.complete()?;
                Ok(LiveMedia { video: opened.video, audio: opened.audio, live: None })
            }
            Self::Test(source) => Ok(LiveMedia {
                video: if wants.video { Some(source.video()?) } else { None },
                audio: if wants.audio { source.audio()? } else { None },
                live: None,
            }),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(spec) => capture::open(spec, wants),
        }
    }

    /// Opens the input for its packets.
    pub(crate) fn open_packets(&self, env: &Env) -> Result<Box<dyn PacketReader>> {
        let refused = || {
            let message = format!("{}: --copy requires encoded video or audio", self.name());
            Failure::new(Kind::Usage, message)
        };
        let Self::File(spec) = self else { return Err(refused()) };
        match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) if spec.cut.is_whole() => Ok(reader),
            Opened::Container(Input::Packets(reader)) => PartPackets::open(reader, spec, env),
            _ => Err(refused()),
        }
    }

    /// This source, starting at the last key frame at or before the start of its part.
    pub(crate) fn at_key_frame(&self, env: &Env) -> Result<Self> {
        let Self::File(spec) = self else { return Ok(self.clone()) };
        let Some(from) = spec.cut.from else { return Ok(self.clone()) };
        if !spec.is_file() {
            return Err(Failure::usage("--from and --copy require a file, not a pipe"));
        }
        let reader = spec.reopen(env).filter(|reader| reader.video().is_some());
        let Some(reader) = reader else { return Ok(self.clone()) };
        let start_ns = CutPackets::new(reader, spec, env)?.start_ns();
        // Later than the time, which is rounded, and before the next frame.
        let start = Duration::from_nanos(start_ns.max(0).unsigned_abs() + 1);
        if ns_of(from).abs_diff(start_ns) > 1_000_000 {
            let (name, start_s) = (spec.name(), start.as_secs_f64());
            env.events.warn(format!("{name}: --copy begins at a key frame, at {start_s:.3} s"));
        }
        Ok(Self::File(InputSpec { cut: Cut { from: Some(start), ..spec.cut }, ..spec.clone() }))
    }
}
