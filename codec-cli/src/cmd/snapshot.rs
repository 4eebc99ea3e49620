//! `codec snapshot`.

use std::path::Path;

use codec_core::frame::{Rational, SampleFormat};
use codec_media::Env;
use codec_media::count::counted;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::display::DisplaySupport;
use codec_media::frame::planes::Planes;
use codec_media::io::animation::is_gif;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::io::pattern::ImagePattern;
use codec_media::io::sink::{FrameSink, Header};
use codec_media::io::source::SourceFrame;
use codec_media::io::stills::write;
use codec_media::io::video;

use crate::args::decode::SnapshotArgs;

use super::decode::advised;
use super::decode::images::gif_from_snapshot;

/// Saves one frame, or an animation of a part, rotated as its metadata says unless `--rotate` overrides it.
pub(crate) fn run(args: &SnapshotArgs, env: &Env) -> Result<()> {
    save(args, env).map_err(|failure| if args.conceal { failure } else { advised(failure) })
}

fn save(args: &SnapshotArgs, env: &Env) -> Result<()> {
    let is_gif = is_gif(&args.output, None);
    check(args, is_gif)?;
    if args.is_animated() {
        return gif_from_snapshot(args, env);
    }
    if let Some(images) = ImagePattern::parse(&args.output)? {
        return Err(Failure::usage(format!(
            "snapshot saves one frame, and {} names numbered images\n\
             help: choose another name, or use `codec decode` for several images",
            images.name()
        )));
    }
    let (mut spec, rules) = args.spec_and_rules();
    spec.cut = Cut::new(args.time, None, None);
    rules.check(&args.output)?;
    let style = match is_gif {
        true => None,
        false => Some(write::Style::of(&args.output, args.quality, args.lossless)?),
    };
    let options = DecodeOptions {
        limits: spec.limits,
        conceal: args.conceal,
        pix_fmt: args.transform.pix_fmt,
        deinterlace: args.transform.deinterlace,
        ..DecodeOptions::default()
    };
    let mut source = video::open(&spec, &options, env)?;
    for index in 0..args.frame {
        if source.next()?.is_none() {
            return Err(past_the_end(&spec, args.frame, index));
        }
    }
    let support = DisplaySupport::images();
    let mut transform = args.transform.of_images(args.resize).for_output(support);
    let mut planes = Planes::default();
    match source.next()? {
        Some(SourceFrame { picture, .. }) => {
            support.report(&transform, picture.size(), picture.info, &env.events);
            planes.copy_from(&transform.apply(picture)?);
        }
        None => return Err(past_the_end(&spec, args.frame, args.frame)),
    }
    let written = match style {
        Some(style) => write::save(&planes, &args.output, style, &rules, env)?,
        None => save_gif(&planes, &args.output, &rules, env)?,
    };
    env.events.note(match source.start_ns() {
        Some(start_ns) => format!("{written}, the frame at {:.3} s", seconds(start_ns)),
        None => format!("{written}, frame {}", args.frame),
    });
    Ok(())
}

/// Rejects options that the output does not have.
fn check(args: &SnapshotArgs, is_gif: bool) -> Result<()> {
    if args.is_animated() && !is_gif {
        let message = "--from, --to, --duration and --fps require .gif output";
        return Err(Failure::usage(format!("{message}\nhelp: choose a single frame with --time")));
    }
    if args.is_animated() && (args.time.is_some() || args.frame > 0) {
        return Err(Failure::usage(
            "--time and --frame choose a single frame, and cannot be used with --from, --to, --duration or --fps",
        ));
    }
    let given = [(args.quality.is_some(), "--quality"), (args.lossless, "--lossless")];
    match given.into_iter().find(|(is_given, _)| is_gif && *is_given) {
        Some((_, flag)) => Err(Failure::usage(format!("{flag} cannot be used with GIF output"))),
        None => Ok(()),
    }
}

/// Writes a GIF of one frame; returns a description of the result.
fn save_gif(planes: &Planes, path: &Path, rules: &OutputRules, env: &Env) -> Result<String> {
    let output = OutputFile::create(path, rules)?;
    let (size, info, second) = (planes.size, planes.info, Rational::new(1, 1));
    let header = Header { size, samples: SampleFormat::YUV420, frame_rate: second, info };
    let mut sink = FrameSink::gif(&output, header, second, env)?;
    sink.write(&planes.picture()?)?;
    sink.finish()?;
    let bytes = output.bytes_written().unwrap_or_default();
    let text = format!("{}: gif, {size}, {bytes} bytes", output.name);
    output.commit()?;
    Ok(text)
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

fn past_the_end(spec: &InputSpec, asked: u64, had: u64) -> Failure {
    let message = format!(
        "{}: no frame {asked}: the input has {}, counted from 0",
        spec.name(),
        counted(had, "frame")
    );
    Failure::new(Kind::Usage, message)
}
