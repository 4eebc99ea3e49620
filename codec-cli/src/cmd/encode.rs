//! `codec encode` and `codec transcode`.

use crate::Env;
use crate::args::raw::EncodeArgs;
use crate::args::resolved::Encoding;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::io::decoded::DecodeOptions;
use crate::io::source;
use crate::session::Session;

use super::decode;

/// Encodes pictures.
pub(crate) fn encode(args: &EncodeArgs, env: Env) -> Result<()> {
    let settings = Encoding::new(args)?;
    if settings.format.is_raw_video() {
        let format = settings.format;
        return Err(Failure::usage(format!("{format} holds no coded video: see `codec decode`")));
    }
    run(&settings, env)
}

/// Encodes whatever can be read; to raw formats it decodes.
pub(crate) fn transcode(args: &EncodeArgs, env: Env) -> Result<()> {
    let settings = Encoding::new(args)?;
    if settings.format.is_raw_video() {
        return decode::from_transcode(args, env);
    }
    run(&settings, env)
}

fn run(settings: &Encoding, env: Env) -> Result<()> {
    interrupt::listen();
    let options = DecodeOptions {
        limits: settings.input.limits,
        threads: settings.threads,
        ..DecodeOptions::default()
    };
    // Refuse an output that cannot be before the input is read.
    settings.rules.check(&settings.output)?;
    let mut source = source::open(&settings.input, &options, env)?;
    let session = Session::new(settings, &*source, env)?;
    session.run(settings, &mut *source)
}
