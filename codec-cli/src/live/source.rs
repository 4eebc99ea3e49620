//! What is sent: a file, a pipe, drawn pictures.

use codec_container::{Input, PacketReader};
use codec_core::codec::Limits;

use super::testsrc::TestSource;
use crate::Env;
use crate::args::live::SendArgs;
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::DecodeOptions;
use crate::io::input::{InputSpec, Opened};
use crate::io::media::{self, Parts, SoundInput};
use crate::io::names::is_pipe;
use crate::io::source::FrameSource;

/// An input that can be opened, perhaps more than once.
#[derive(Clone, Debug)]
pub(crate) enum LiveSource {
    File(InputSpec),
    Test(TestSource),
}

/// What an input has.
pub(crate) struct LiveMedia {
    pub(crate) pictures: Option<Box<dyn FrameSource>>,
    pub(crate) sound: Option<SoundInput>,
}

impl LiveSource {
    pub(crate) fn new(args: &SendArgs) -> Result<Self> {
        if let Some(text) = args.input.to_str().and_then(|text| text.strip_prefix("testsrc:")) {
            return TestSource::parse(text).map(Self::Test);
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

    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(spec) => spec.name(),
            Self::Test(_) => "testsrc".to_owned(),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        match self {
            Self::File(spec) => spec.limits,
            Self::Test(_) => Limits::default(),
        }
    }

    /// Opens it for pictures, sound or both.
    pub(crate) fn open(&self, wants: Parts, threads: Option<usize>, env: Env) -> Result<LiveMedia> {
        match self {
            Self::File(spec) => {
                let options =
                    DecodeOptions { limits: spec.limits, threads, ..DecodeOptions::default() };
                let opened = media::open(spec, wants, &options, env)?;
                Ok(LiveMedia { pictures: opened.pictures, sound: opened.sound })
            }
            Self::Test(source) => Ok(LiveMedia {
                pictures: if wants.pictures { Some(source.pictures()?) } else { None },
                sound: if wants.sound { source.sound()? } else { None },
            }),
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
