//! What is sent: a file, a pipe, drawn pictures, a camera.

use std::sync::Arc;

use codec_container::{Input, PacketReader};
use codec_core::codec::Limits;

#[cfg(all(feature = "capture", target_os = "linux"))]
use super::capture::{self, CaptureSpec};
use super::losses::Losses;
use super::testsrc::TestSource;
use crate::Env;
use crate::args::live::SendArgs;
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::DecodeOptions;
use crate::io::input::{InputSpec, Opened};
use crate::io::media::{self, Parts, SoundInput};
use crate::io::names::is_pipe;
use crate::io::source::FrameSource;
use crate::io::unreadable::Advice;

/// An input that can be opened, perhaps more than once.
#[derive(Clone, Debug)]
pub(crate) enum LiveSource {
    File(InputSpec),
    Test(TestSource),
    #[cfg(all(feature = "capture", target_os = "linux"))]
    Capture(CaptureSpec),
}

/// What an input has.
pub(crate) struct LiveMedia {
    pub(crate) pictures: Option<Box<dyn FrameSource>>,
    pub(crate) sound: Option<SoundInput>,
    /// Where it happens while it is sent.
    pub(crate) live: Option<Arc<dyn Live>>,
}

/// An input that happens now, and does not wait.
pub(crate) trait Live: Send + Sync {
    /// The time that its pictures and its sound go by, in seconds.
    fn now_s(&self) -> f64;

    /// Sound that begins before this moment is there, and the block after it: nobody has to wait.
    fn heard_until_s(&self) -> f64;

    /// The sound has ended, as far as anybody listens.
    fn close_sound(&self);

    /// What was lost on its way here.
    fn losses(&self) -> Losses;
}

/// Whether an input is a camera, and what follows the scheme.
pub(crate) fn capture_text(text: &str) -> Option<&str> {
    text.strip_prefix("v4l2:")
}

impl LiveSource {
    pub(crate) fn new(args: &SendArgs) -> Result<Self> {
        if let Some(text) = args.input.to_str().and_then(|text| text.strip_prefix("testsrc:")) {
            return TestSource::parse(text).map(Self::Test);
        }
        if let Some(text) = args.input.to_str().and_then(capture_text) {
            if args.repeat {
                return Err(Failure::usage("--loop: a camera has no end"));
            }
            return Self::capture(text);
        }
        if args.repeat && is_pipe(&args.input) {
            return Err(Failure::usage("--loop: standard input can be read once only"));
        }
        Ok(Self::File(InputSpec {
            path: args.input.clone(),
            raw: args.raw,
            limits: args.limits.map_or_else(Limits::default, |list| list.0),
            lenient: false,
        }))
    }

    /// A camera or a microphone: what follows `v4l2:`.
    #[cfg(all(feature = "capture", target_os = "linux"))]
    pub(crate) fn capture(text: &str) -> Result<Self> {
        CaptureSpec::parse(text).map(Self::Capture)
    }

    /// This build has none.
    #[cfg(not(all(feature = "capture", target_os = "linux")))]
    pub(crate) fn capture(_text: &str) -> Result<Self> {
        let message =
            "v4l2: cameras are not in this build: it needs Linux and the feature `capture`";
        Err(Failure::new(Kind::Backend, message))
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(spec) => spec.name(),
            Self::Test(_) => "testsrc".to_owned(),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(spec) => spec.name(),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        match self {
            Self::File(spec) => spec.limits,
            Self::Test(_) => Limits::default(),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(_) => Limits::default(),
        }
    }

    /// Opens it for pictures, sound or both.
    pub(crate) fn open(
        &self,
        wants: Parts,
        threads: Option<usize>,
        advice: Advice,
        env: Env,
    ) -> Result<LiveMedia> {
        match self {
            Self::File(spec) => {
                let limits = spec.limits;
                let options = DecodeOptions { limits, threads, advice, ..DecodeOptions::default() };
                let opened = media::open(spec, wants, &options, env)?.complete()?;
                Ok(LiveMedia { pictures: opened.pictures, sound: opened.sound, live: None })
            }
            Self::Test(source) => Ok(LiveMedia {
                pictures: if wants.pictures { Some(source.pictures()?) } else { None },
                sound: if wants.sound { source.sound()? } else { None },
                live: None,
            }),
            #[cfg(all(feature = "capture", target_os = "linux"))]
            Self::Capture(spec) => capture::open(spec, wants),
        }
    }

    /// Opens it for its packets.
    pub(crate) fn open_packets(&self, env: Env) -> Result<Box<dyn PacketReader>> {
        let refused = || {
            let message = format!("{}: --copy needs coded pictures or sound", self.name());
            Failure::new(Kind::Usage, message)
        };
        let Self::File(spec) = self else { return Err(refused()) };
        match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) => Ok(reader),
            _ => Err(refused()),
        }
    }
}
