//! `codec snapshot`.

use std::io::{BufWriter, Write};

use crate::Env;
use crate::args::raw::SnapshotArgs;
use crate::args::values::{Samples, Turn};
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::output::{OutputFile, Rules};
use crate::io::source;
use crate::picture::convert;
use crate::picture::planes::Planes;
use crate::picture::transform::Transform;

/// Saves one frame, turned as its description says unless `--rotate` says otherwise.
pub(crate) fn run(args: &SnapshotArgs, env: Env) -> Result<()> {
    let mut spec = InputSpec::from(&args.input);
    spec.lenient = args.conceal;
    let rules = Rules { overwrite: args.yes, not: vec![spec.path.clone()], terminal: args.force };
    rules.check(&args.output)?;
    let options =
        DecodeOptions { limits: spec.limits, conceal: args.conceal, ..DecodeOptions::default() };
    let mut source = source::open(&spec, &options, env)?;
    for index in 0..args.frame {
        if source.next()?.is_none() {
            return Err(past_the_end(&spec, args.frame, index));
        }
    }
    let turn = args.picture.rotate.unwrap_or(Turn::AsDescribed);
    let mut transform = Transform::new(args.picture.crop, Some(turn), None);
    let mut planes = Planes::default();
    match source.next()? {
        Some(shot) => planes.copy_from(&transform.apply(shot.picture)?),
        None => return Err(past_the_end(&spec, args.frame, args.frame)),
    }
    let output = OutputFile::create(&args.output, &rules)?;
    let mut out = BufWriter::new(output.writer()?);
    write_png(&planes, &mut out)
        .map_err(|message| Failure::new(Kind::Output, format!("{}: {message}", output.name)))?;
    out.flush().map_err(|error| Failure::output(&output.name, &error))?;
    drop(out);
    let name = output.name.clone();
    output.commit()?;
    let colors = convert::describe(planes.info.color, planes.size);
    env.console.note(format!("{name}: frame {}, {}, {colors}", args.frame, planes.size));
    Ok(())
}

fn past_the_end(spec: &InputSpec, asked: u64, had: u64) -> Failure {
    let message = format!("{}: there is no frame {asked}, only {had} frames", spec.name());
    Failure::new(Kind::Usage, message)
}

fn write_png(planes: &Planes, out: &mut impl Write) -> std::result::Result<(), String> {
    let mut rgb = Vec::new();
    convert::to_samples(planes, Samples::Rgb24, &mut rgb).map_err(|failure| failure.message)?;
    let mut encoder = png::Encoder::new(out, planes.size.width, planes.size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&rgb).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())
}
