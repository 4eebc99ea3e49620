//! Inputs of `send`: files, pipes, generated video, cameras.

use codec_container::{Input, PacketReader};
use codec_core::codec::Limits;

#[cfg(all(feature = "capture", target_os = "linux"))]
use super::capture::{self, CaptureSpec};
use super::media::LiveMedia;
use super::testsrc::TestSource;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
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

impl LiveSource {
    pub(crate) fn new(args: &SendOptions) -> Result<Self> {
        if let Some(text) = args.input.to_str().and_then(|text| text.strip_prefix("testsrc:")) {
            return TestSource::parse(text).map(Self::Test);
        }
        if let Some(text) = args.input.to_str().and_then(capture_text) {
            if args.repeat {
                return Err(Failure::usage("--loop cannot be used with a camera"));
            }
            return Self::capture(text);
        }
        if args.repeat && is_pipe(&args.input) {
            return Err(Failure::usage("--loop cannot be used with standard input"));
        }
        Ok(Self::File(InputSpec { raw: args.raw, ..InputSpec::new(&args.input, args.limits) }))
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
            Opened::Container(Input::Packets(reader)) => Ok(reader),
            _ => Err(refused()),
        }
    }
}
