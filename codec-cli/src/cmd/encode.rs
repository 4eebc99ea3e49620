//! `codec encode` and `codec transcode`.

use codec_container::Format;
use codec_media::Env;
use codec_media::batch;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::display::DisplaySupport;
use codec_media::frame::planes::Planes;
use codec_media::io::animation::is_gif;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::media::{self, MediaSelection};
use codec_media::io::names::{Outputs, format_of, is_pipe, video_dropped};
use codec_media::io::output::OutputRules;
use codec_media::io::pattern::ImagePattern;
use codec_media::io::remote::without_query;
use codec_media::io::source::SourceFrame;
use codec_media::io::stills::{StillFormat, write};
use codec_media::io::unreadable::Advice;
use codec_media::io::video;
use codec_media::session::copy::copy;
use codec_media::session::{self, Session, audio, chunks, goal};
use codec_media::settings::encoding::can_hold_several_tracks;

use crate::args::audio_encoding::audio_encoding;
use crate::args::copying::copying;
use crate::args::encode::EncodeArgs;
use crate::args::encoding::encoding;
use crate::args::given::Given;
use crate::args::purpose_options;

use super::decode::{self, images};

/// Encodes video, audio or both.
pub(crate) fn encode(args: &EncodeArgs, env: &Env) -> Result<()> {
    if let Some(files) = args.batch() {
        return batch::run(&files, env, &|job| encode(&args.of_file(job), &job.env));
    }
    let args = &purpose_options::applied(args, env)?;
    if let Some(outcome) = still(args, env) {
        return outcome;
    }
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED)?;
    if format.is_raw_video() {
        return Err(Failure::usage(format!(
            "{format} cannot hold encoded video\nhelp: use `codec transcode` to write raw video"
        )));
    }
    run(args, format, env)
}

/// Converts any readable input; raw output formats are decoded.
pub(crate) fn transcode(args: &EncodeArgs, env: &Env) -> Result<()> {
    if let Some(files) = args.batch() {
        return batch::run(&files, env, &|job| transcode(&args.of_file(job), &job.env));
    }
    let args = &purpose_options::applied(args, env)?;
    if let Some(outcome) = still(args, env) {
        return outcome;
    }
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED)?;
    if format.is_raw_video() && args.copy {
        return Err(Failure::usage(format!(
            "{format} cannot hold encoded video, which --copy keeps"
        )));
    }
    if format.is_raw_video() {
        reject_encoder(args, format)?;
        return decode::from_transcode(args, env);
    }
    run(args, format, env)
}

/// Writes a still or an animated image if the output is one.
fn still(args: &EncodeArgs, env: &Env) -> Option<Result<()>> {
    if !args.copy && is_gif(args.output(), args.format.as_deref()) {
        let refused = reject_for_images(args, "GIF output");
        return Some(refused.and_then(|()| images::gif_from_transcode(args, env)));
    }
    if args.copy || args.format.is_some() || StillFormat::of(args.output()).is_none() {
        let refused = || Failure::usage("--lossless requires a .webp or .png output");
        return args.lossless.then(|| Err(refused()));
    }
    Some(save_images(args, env))
}

/// Writes a still image or an image sequence.
fn save_images(args: &EncodeArgs, env: &Env) -> Result<()> {
    let pattern = ImagePattern::parse(args.output())?;
    reject_for_images(args, "still images")?;
    match pattern {
        Some(pattern) => images::from_transcode(args, pattern, env),
        None => save_still(args, env),
    }
}

/// Rejects options of encoders and of audio.
fn reject_for_images(args: &EncodeArgs, what: &str) -> Result<()> {
    if args.encoder.bitrate.is_some() || args.encoder.qp.is_some() {
        let message = format!("--bitrate and --qp cannot be used with {what}");
        let is_gif = is_gif(args.output(), args.format.as_deref());
        let help = if is_gif { "use --fps or --resize" } else { "set the quality with -q" };
        return Err(Failure::usage(format!("{message}\nhelp: {help}")));
    }
    let codec = args.encoder.codec.as_ref().map(|_| "--codec");
    let fragmented = args.fragmented.then_some("--fragmented");
    let Given { encoder, report, audio, .. } = Given::of(args);
    if let Some(flag) = [codec, encoder, report, audio, fragmented].into_iter().flatten().next() {
        return Err(Failure::usage(format!("{flag} cannot be used with {what}")));
    }
    Ok(())
}

fn save_still(args: &EncodeArgs, env: &Env) -> Result<()> {
    let style = write::Style::of(args.output(), args.encoder.quality, args.lossless)?;
    let spec = args.spec();
    let rules = OutputRules { terminal: false, ..args.rules(vec![spec.path.clone()]) };
    rules.check(args.output())?;
    let deinterlace = args.transform.deinterlace;
    let pix_fmt = args.transform.pix_fmt;
    let limits = spec.limits;
    let fps = args.cut.fps;
    let options = DecodeOptions { limits, pix_fmt, deinterlace, fps, ..DecodeOptions::default() };
    let mut source = video::open(&spec, &options, env)?;
    let support = DisplaySupport::images();
    let mut transform = args.transform.of_images(args.resize).for_output(support);
    let mut planes = Planes::default();
    for _ in 0..args.cut.skip {
        source.next()?;
    }
    match source.next()? {
        Some(SourceFrame { picture, .. }) => {
            support.report(&transform, picture.size(), picture.info, &env.events);
            planes.copy_from(&transform.apply(picture)?);
        }
        None => return Err(Failure::new(Kind::Input, format!("{}: no frames", spec.name()))),
    }
    if args.cut.frames != Some(1) && source.next()?.is_some() {
        let numbered = images::numbered(args.output());
        return Err(Failure::usage(format!(
            "the input has more than one frame\n\
             help: number the images, as in -o {numbered}, or take the first with -n 1, or another with \
             `codec snapshot`"
        )));
    }
    let written = write::save(&planes, args.output(), style, &rules, env)?;
    env.events.note(written);
    Ok(())
}

fn run(args: &EncodeArgs, format: Format, env: &Env) -> Result<()> {
    let is_audio = args.is_audio_only(format);
    if let Some(file) = args.add_audio.first()
        && (is_audio || args.audio.no_audio || !can_hold_several_tracks(format))
    {
        let name = without_query(file).display();
        return Err(Failure::usage(format!(
            "cannot add the audio of {name}: --add-audio requires webm, mkv, mp4 or ts output with video and audio"
        )));
    }
    if is_audio {
        return audio_only(args, env);
    }
    if args.inputs().iter().filter(|path| is_pipe(path)).count() > 1 {
        return Err(Failure::usage(
            "only one of IN, --audio-from and --add-audio can be standard input",
        ));
    }
    if args.copy {
        return copy(&copying(args)?, env);
    }
    let settings = encoding(args)?;
    let chunked = if args.chunked { Some(chunks::settings_of(&settings, env)?) } else { None };
    let opened = session::open_input(&settings, env)?;
    if opened.available.audio && settings.audio.is_none() && !args.audio.no_audio {
        env.events.note(format!("audio dropped: {format} cannot hold audio"));
    }
    if opened.audio.is_none()
        && !opened.available.audio
        && settings.audio.is_some()
        && Given::of(args).audio.is_some()
        && !args.audio_is_of_purpose
    {
        let name = settings.input.name();
        env.events.warn(format!("audio options have no effect: {name} has no audio"));
    }
    if let Some(settings) = chunked {
        return match args.per_shot {
            true => chunks::encode_shots(&settings, env),
            false => chunks::encode(&settings, env),
        };
    }
    let settings = session::with_metadata(&settings, &opened, env);
    if opened.video.is_some() && settings.goal.is_some() {
        return goal::encode(&settings, opened, env);
    }
    let Some(mut source) = opened.video else {
        if let Some(purpose) = args.purpose {
            let name = settings.input.name();
            return Err(Failure::usage(format!("{purpose} requires video, and {name} has none")));
        }
        reject_goal(args)?;
        let input = opened.audio.ok_or_else(|| nothing(&settings.input.name()))?;
        return audio::run(&audio_encoding(args)?, input, env);
    };
    let session = Session::new(&settings, &*source, opened.audio, env)?;
    session.run(&settings, &mut *source)
}

/// Rejects options that have no meaning for raw video.
fn reject_encoder(args: &EncodeArgs, format: Format) -> Result<()> {
    reject_goal(args)?;
    let Given { rate, encoder, report, audio, .. } = Given::of(args);
    match [rate, encoder, report, audio].into_iter().flatten().next() {
        Some(flag) => Err(Failure::usage(format!("{flag} cannot be used with {format} output"))),
        None => Ok(()),
    }
}

/// Rejects goals of an output without encoded video.
fn reject_goal(args: &EncodeArgs) -> Result<()> {
    let given = [(args.target.is_some(), "--target"), (args.size.is_some(), "--size")];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) => Err(Failure::usage(format!("{flag} requires encoded video"))),
        None => Ok(()),
    }
}

fn audio_only(args: &EncodeArgs, env: &Env) -> Result<()> {
    reject_goal(args)?;
    if args.audio_from.is_some() {
        return Err(Failure::usage("--audio-from requires output with video"));
    }
    if args.audio.no_audio {
        return Err(Failure::usage("the output would have neither video nor audio"));
    }
    let settings = audio_encoding(args)?;
    env.stop.handle_requests();
    settings.rules.begin(&settings.output)?;
    let wants = MediaSelection { video: false, audio: true };
    let spec = args.spec();
    let options =
        DecodeOptions { limits: spec.limits, advice: Advice::FLAGS, ..DecodeOptions::default() };
    let opened = media::open(&spec, wants, &options, env)?;
    if opened.available.video && !args.audio.no_video {
        env.events.note(video_dropped(&settings.output, settings.format));
    }
    let input = opened.audio.ok_or_else(|| nothing(&spec.name()))?;
    audio::run(&settings, input, env)
}

fn nothing(name: &str) -> Failure {
    Failure::new(Kind::Input, format!("{name}: no video or audio"))
}
