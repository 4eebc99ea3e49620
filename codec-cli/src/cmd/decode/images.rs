//! Decodes to image sequences and GIF, and rejects options that images cannot use.

use std::path::Path;

use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::output::OutputRules;
use codec_media::io::pattern::ImagePattern;
use codec_media::io::sequence::write::{DEFAULT_START, ImageOutput};
use codec_media::io::stills::StillFormat;
use codec_media::io::stills::write::Style;
use codec_media::io::unreadable::Advice;
use codec_media::values::Target;

use crate::args::decode::{DecodeArgs, SnapshotArgs};
use crate::args::encode::EncodeArgs;
use crate::digest::DigestMode;

use super::{Decoding, Destination, decode, decoding};

/// The names of the images that `decode` writes; `None` for other outputs.
///
/// # Errors
/// If the output is a single image, or the names are invalid.
pub(super) fn output_of(args: &DecodeArgs) -> Result<Option<ImagePattern>> {
    let Some(path) = args.output.as_deref().filter(|_| args.format.is_none()) else {
        return Ok(None);
    };
    let pattern = ImagePattern::parse(path)?;
    if pattern.is_none() && StillFormat::of(path).is_some() {
        let name = path.display();
        let numbered = numbered(path);
        return Err(Failure::usage(format!(
            "{name} holds a single image\n\
             help: number the images, as in -o {numbered}, or save one frame with `codec snapshot`"
        )));
    }
    Ok(pattern)
}

/// The name `a-%04d.png` for `a.png`.
pub(crate) fn numbered(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().replace('%', "%%");
    let extension = path.extension().unwrap_or_default().display();
    path.with_file_name(format!("{stem}-%04d.{extension}")).display().to_string()
}

/// The images to write from `input`. `--start-number` numbers the input if it is a sequence, and the output.
pub(super) fn to(
    pattern: ImagePattern,
    start_number: Option<u64>,
    style: Style,
    rules: OutputRules,
    input: &mut InputSpec,
) -> Result<Destination> {
    if input.images()?.is_none() {
        input.start_number = None;
    }
    let start = start_number.unwrap_or(DEFAULT_START);
    Ok(Destination::Images(ImageOutput { pattern, start, style, rules }))
}

/// Decodes the input of `encode` or `transcode` to images. The caller has rejected options of encoders.
pub(crate) fn from_transcode(args: &EncodeArgs, pattern: ImagePattern, env: &Env) -> Result<()> {
    let given = [
        (args.out_dir.is_some(), "--out-dir"),
        (args.audio.no_video, "--no-video"),
        (args.cut.keep_times, "--keep-times"),
    ];
    if let Some((_, flag)) = given.into_iter().find(|(is_given, _)| *is_given) {
        return Err(Failure::usage(format!("{flag} cannot be used with image sequences")));
    }
    let style = Style::of(args.output(), args.encoder.quality, args.lossless)?;
    let mut input = args.spec();
    let rules = args.rules(vec![input.path.clone()]);
    let output = to(pattern, args.input.start_number, style, rules, &mut input)?;
    let transform = args.transform.of_images(None);
    decode(decoding(args, input, output, transform), env)
}

/// Decodes the input of `encode` or `transcode` to a GIF. The caller has rejected options of encoders.
pub(crate) fn gif_from_transcode(args: &EncodeArgs, env: &Env) -> Result<()> {
    let given = [
        (args.audio.no_video, "--no-video"),
        (args.cut.keep_times, "--keep-times"),
        (args.encoder.quality.is_some(), "--quality"),
        (args.lossless, "--lossless"),
    ];
    if let Some((_, flag)) = given.into_iter().find(|(is_given, _)| *is_given) {
        return Err(Failure::usage(format!("{flag} cannot be used with GIF output")));
    }
    let input = args.spec();
    let rules = args.rules(vec![input.path.clone()]);
    let output = Destination::Gif { path: args.output().to_owned(), rules };
    let transform = args.transform.of_images(None);
    decode(decoding(args, input, output, transform), env)
}

/// Decodes a part of a video to an animated GIF.
pub(crate) fn gif_from_snapshot(args: &SnapshotArgs, env: &Env) -> Result<()> {
    let (input, rules) = args.spec_and_rules();
    let input = InputSpec { cut: args.part.cut(), ..input };
    let options = DecodeOptions {
        limits: input.limits,
        conceal: args.conceal,
        pix_fmt: args.transform.pix_fmt,
        deinterlace: args.transform.deinterlace,
        fps: args.fps,
        advice: Advice::BY_OUTPUT,
        ..DecodeOptions::default()
    };
    let output = Destination::Gif { path: args.output.clone(), rules };
    let settings = Decoding {
        input,
        options,
        output: Some(output),
        digest: DigestMode::None,
        frames: None,
        keep_times: false,
        skip: 0,
        transform: args.transform.of_images(None),
        resize: args.resize.map(Target::Size),
        drops_audio: false,
    };
    decode(settings, env)
}
