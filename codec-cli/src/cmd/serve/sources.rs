//! What is published from here.

use std::path::{Path, PathBuf};

use codec_core::codec::{Limits, Scalability};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::server::{LocalSource, OpenPictures, Pictures};

use crate::Env;
use crate::args::serve::ServeArgs;
use crate::failure::Result;
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::names::is_pipe;
use crate::io::source::{self, FrameSource};
use crate::live::testsrc::TestSource;

/// Name of a stream whose input tells none.
const DEFAULT_NAME: &str = "live";

/// The source of `[NAME=]IN`.
pub(super) fn source(text: &str, args: &ServeArgs, env: Env) -> Result<LocalSource> {
    let (name, input) = match text.split_once('=') {
        Some((name, input)) if codec_net::server::room::is_name(name) => (Some(name), input),
        _ => (None, text),
    };
    let drawn = input.strip_prefix("testsrc:");
    let open = match drawn {
        Some(scene) => drawn_pictures(scene)?,
        None => file_pictures(input.into(), env)?,
    };
    let repeats = drawn.is_some() || args.repeat && !is_pipe(Path::new(input));
    Ok(LocalSource {
        name: name.map_or_else(|| name_of(input), str::to_owned),
        open,
        repeats,
        bitrate: args.bitrate,
        speed: args.speed,
        layers: Scalability::L1T3,
    })
}

/// A name made of that of a file.
fn name_of(input: &str) -> String {
    let stem = Path::new(input).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(64)
        .collect();
    let drawn = input.starts_with("testsrc:");
    let usable = codec_net::server::room::is_name(&name) && name != "-" && !drawn;
    if usable { name } else { DEFAULT_NAME.to_owned() }
}

fn drawn_pictures(text: &str) -> Result<OpenPictures> {
    let drawn = TestSource::parse(text)?;
    Ok(Box::new(move || {
        let source = drawn.pictures().map_err(|failure| failure.message)?;
        Ok(Box::new(Filmed(source)))
    }))
}

struct Filmed(Box<dyn FrameSource>);

impl Pictures for Filmed {
    fn size(&self) -> Size {
        self.0.facts().size
    }

    fn rate(&self) -> Option<Rational> {
        Some(self.0.facts().frame_rate)
    }

    fn next(&mut self) -> std::result::Result<Option<Picture<'_>>, String> {
        let shot = self.0.next().map_err(|failure| failure.message)?;
        Ok(shot.map(|shot| shot.picture))
    }
}

fn file_pictures(path: PathBuf, env: Env) -> Result<OpenPictures> {
    let spec = InputSpec { path, raw: None, limits: Limits::default(), lenient: false };
    // What cannot be opened is told before the server begins.
    let opened = move |spec: &InputSpec| source::open(spec, &DecodeOptions::default(), env);
    if !is_pipe(&spec.path) {
        opened(&spec)?;
    }
    Ok(Box::new(move || {
        let source = opened(&spec).map_err(|failure| failure.message)?;
        Ok(Box::new(Filmed(source)))
    }))
}
