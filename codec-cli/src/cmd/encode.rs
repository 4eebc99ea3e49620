//! `codec encode` and `codec transcode`.

use codec_container::Format;

use crate::Env;
use crate::args::raw::EncodeArgs;
use crate::args::resolved::{Encoding, holds_pictures};
use crate::args::resolved_sound::SoundEncoding;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::media::{self, Wants};
use crate::io::names::format_of;
use crate::session::{Session, sound};

use super::decode;

/// Encodes pictures, sound or both.
pub(crate) fn encode(args: &EncodeArgs, env: Env) -> Result<()> {
    let format = format_of(&args.output, args.format.as_deref(), Format::Ivf)?;
    if format.is_raw_video() {
        return Err(Failure::usage(format!("{format} holds no coded video: see `codec decode`")));
    }
    run(args, format, env)
}

/// Encodes whatever can be read; to raw formats it decodes.
pub(crate) fn transcode(args: &EncodeArgs, env: Env) -> Result<()> {
    let format = format_of(&args.output, args.format.as_deref(), Format::Ivf)?;
    if format.is_raw_video() {
        return decode::from_transcode(args, env);
    }
    run(args, format, env)
}

fn run(args: &EncodeArgs, format: Format, env: Env) -> Result<()> {
    if args.sound.no_video || !holds_pictures(format) {
        return sound_alone(args, env);
    }
    let settings = Encoding::new(args)?;
    interrupt::listen();
    let options = DecodeOptions {
        limits: settings.input.limits,
        threads: settings.threads,
        ..DecodeOptions::default()
    };
    // Refuse an output that cannot be before the input is read.
    settings.rules.check(&settings.output)?;
    let wants = Wants { pictures: true, sound: settings.sound.is_some() };
    let opened = media::open(&settings.input, wants, &options, env)?;
    let Some(mut source) = opened.pictures else {
        let input = opened.sound.ok_or_else(|| nothing(&settings.input.name()))?;
        return sound::run(&SoundEncoding::new(args)?, input, env);
    };
    let session = Session::new(&settings, &*source, opened.sound, env)?;
    session.run(&settings, &mut *source)
}

fn sound_alone(args: &EncodeArgs, env: Env) -> Result<()> {
    let settings = SoundEncoding::new(args)?;
    interrupt::listen();
    settings.rules.check(&settings.output)?;
    let wants = Wants { pictures: false, sound: true };
    let spec = InputSpec::from(&args.input);
    let options = DecodeOptions { limits: spec.limits, ..DecodeOptions::default() };
    let opened = media::open(&spec, wants, &options, env)?;
    let input = opened.sound.ok_or_else(|| nothing(&spec.name()))?;
    sound::run(&settings, input, env)
}

fn nothing(name: &str) -> Failure {
    Failure::new(Kind::Input, format!("{name}: neither pictures nor sound"))
}
