//! `codec generate`.

use codec_cli::generate::{Generator, Scene};
use codec_container::Format;
use codec_core::frame::{Color, ColorRange, PictureInfo};

use crate::Env;
use crate::args::raw::GenerateArgs;
use crate::args::values::Samples;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::io::names::format_of;
use crate::io::output::{OutputFile, Rules};
use crate::io::sink::{Header, PictureSink};
use crate::progress::{Now, Progress};

/// Draws a clip.
pub(crate) fn run(args: &GenerateArgs, env: Env) -> Result<()> {
    interrupt::listen();
    let scene = Scene::from_name(&args.scene)
        .ok_or_else(|| Failure::usage(format!("no scene {}", args.scene)))?;
    let generator = Generator::new(scene, args.size, args.fps, args.seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let format = format_of(&args.output, args.format.as_deref(), Format::Y4m)?;
    let rules = Rules { overwrite: args.yes, not: Vec::new(), terminal: args.format.is_some() };
    let output = OutputFile::create(&args.output, &rules)?;
    let info = PictureInfo {
        color: Color { range: ColorRange::Limited, ..Color::default() },
        ..PictureInfo::default()
    };
    let header = Header { size: args.size, frame_rate: args.fps, info };
    let mut sink = PictureSink::new(&output, format, Samples::I420, header)?;
    let mut progress = Progress::new(env.console, Some(u64::from(args.frames)), args.fps);
    let mut buffer = Vec::new();
    let mut drawn = 0;
    while drawn < args.frames && !interrupt::stopped() {
        let picture = generator.picture(drawn, &mut buffer).map_err(Failure::internal)?;
        sink.write(&picture.with_info(info))?;
        drawn += 1;
        progress.update(&Now { frames: u64::from(drawn), ..Now::default() });
    }
    sink.finish()?;
    let name = output.name.clone();
    output.commit()?;
    env.console.note(format!("{name}: {drawn} frames of {}, {}", args.scene, args.size));
    if drawn < args.frames {
        return Err(Failure::new(Kind::Interrupted, "interrupted: the file is finished"));
    }
    Ok(())
}
