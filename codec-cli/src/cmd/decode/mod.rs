//! `codec decode`, `codec transcode` to raw formats and images, and `codec snapshot` to animations.

mod audio;
pub(crate) mod images;
mod pump;

use std::path::{Path, PathBuf};

use codec_container::Format;
use codec_core::codec::FrameFormats;
use codec_core::frame::SampleFormat;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::frame::convert;
use codec_media::frame::display::DisplaySupport;
use codec_media::frame::transform::Transform;
use codec_media::io::animation::is_gif;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::media::{self, MediaSelection};
use codec_media::io::names::{Outputs, format_of, is_pipe};
use codec_media::io::output::{OutputFile, OutputRules, PartRule};
use codec_media::io::sequence::write::{ImageOutput, ImageWriter};
use codec_media::io::sink::{FrameSink, Header};
use codec_media::io::source::{FrameSource, StreamInfo};
use codec_media::io::stills::write::Style;
use codec_media::io::unreadable::Advice;
use codec_media::values::{Samples, Target};

use crate::args::decode::DecodeArgs;
use crate::args::encode::EncodeArgs;
use crate::args::encoding::fragmented;
use crate::digest::{self, Digester};

use pump::{OutputKind, Pump};

/// Where frames go.
#[derive(Clone, Debug)]
enum Destination {
    File(RawFile),
    Images(ImageOutput),
    Gif { path: PathBuf, rules: OutputRules },
}

/// A file of raw video.
#[derive(Clone, Debug)]
struct RawFile {
    path: PathBuf,
    format: Format,
    /// Layout of headerless frames; `None` keeps their planes.
    samples: Option<Samples>,
    rules: OutputRules,
}

impl Destination {
    /// Rejects an output that must not be written, and removes the temporary files of killed runs.
    fn check(&self) -> Result<()> {
        match self {
            Self::File(file) => file.rules.begin(&file.path),
            Self::Images(images) => images.check(),
            Self::Gif { path, rules } => rules.begin(path),
        }
    }
}

/// The settings of `decode`.
#[derive(Debug)]
struct Decoding {
    input: InputSpec,
    options: DecodeOptions,
    output: Option<Destination>,
    digest: digest::DigestMode,
    frames: Option<u64>,
    keep_times: bool,
    skip: u64,
    transform: Transform,
    resize: Option<Target>,
    /// Whether the user has dropped the audio, which is then not reported.
    drops_audio: bool,
}

/// Runs the command.
pub(crate) fn run(args: &DecodeArgs, env: &Env) -> Result<()> {
    decode_as(args, env).map_err(|failure| if args.conceal { failure } else { advised(failure) })
}

/// Adds the remedy to an error about a damaged packet. Concealment cannot replace the headers of a file.
pub(crate) fn advised(mut failure: Failure) -> Failure {
    if failure.is_of_packet() && !failure.message.contains("\nhelp: ") {
        failure.message.push_str(
            "\nhelp: --conceal continues after damage, if packets after it can be decoded",
        );
    }
    failure
}

fn decode_as(args: &DecodeArgs, env: &Env) -> Result<()> {
    let audio = args.audio_track.clone().unwrap_or_default();
    let mut input = InputSpec { cut: args.cut.cut(), audio, ..InputSpec::from(&args.input) };
    input.lenient = args.conceal;
    let format = |path| format_of(path, args.format.as_deref(), Outputs::DECODED);
    let images = images::output_of(args)?;
    let is_gif = |path: &&Path| is_gif(path, args.format.as_deref());
    let gif = args.output.as_deref().filter(is_gif);
    let to_images = images.is_some() || gif.is_some();
    let output = args.output.as_deref().filter(|_| !to_images);
    let format = output.map(format).transpose()?;
    if let Some(format) = format.filter(|format| format.is_audio()) {
        return audio::to_file(args, &input, format, env);
    }
    if args.samples.is_some() {
        return Err(Failure::usage("--samples requires audio output, such as -o F.wav"));
    }
    if args.audio_track.is_some() && (format.is_some() || to_images) {
        return Err(Failure::usage("--audio requires audio output, such as -o F.wav"));
    }
    if args.pixels.is_some() && format.is_none() {
        return Err(Failure::usage("--pixels requires raw output, such as -o F.yuv"));
    }
    let rules = OutputRules {
        overwrite: args.yes,
        protected: vec![input.path.clone()],
        terminal: args.format.is_some(),
        part: PartRule::of_inputs(std::slice::from_ref(&input.path)),
    };
    let output = match (&args.output, format, images) {
        (Some(path), ..) if gif.is_some() => Some(Destination::Gif { path: path.clone(), rules }),
        (Some(path), _, Some(images)) => {
            let style = Style::of(path, None, false)?;
            Some(images::to(images, args.input.start_number, style, rules, &mut input)?)
        }
        (Some(path), Some(format), None) => Some(target(path.clone(), format, args.pixels, rules)?),
        _ => None,
    };
    if to_images && args.cut.keep_times {
        return Err(Failure::usage("--keep-times cannot be used with images"));
    }
    let digest = match (args.md5, args.framemd5) {
        (true, _) => digest::DigestMode::Whole,
        (_, true) => digest::DigestMode::Frames,
        _ => digest::DigestMode::None,
    };
    if digest != digest::DigestMode::None && args.output.as_deref().is_some_and(is_pipe) {
        return Err(Failure::usage("checksums and frames cannot both go to standard output"));
    }
    let options = DecodeOptions {
        backend: args.codec.clone(),
        limits: input.limits,
        conceal: args.conceal,
        threads: args.cut.threads.map(usize::from),
        trace: false,
        formats: FrameFormats::All,
        pix_fmt: args.transform.pix_fmt,
        deinterlace: args.transform.deinterlace,
        fps: args.cut.fps,
        advice: Advice::BY_OUTPUT,
    };
    let transform = match to_images {
        true => args.transform.of_images(None),
        false => args.transform.of_video(None),
    };
    let (frames, skip, keep_times, resize) =
        (args.cut.frames, args.cut.skip, args.cut.keep_times, args.resize);
    let settings = Decoding {
        input,
        options,
        output,
        digest,
        frames,
        keep_times,
        skip,
        transform,
        resize,
        drops_audio: false,
    };
    if settings.output.is_some() {
        return decode(settings, env);
    }
    // Discarded or hashed input may be audio only.
    env.stop.handle_requests();
    let wants = MediaSelection { video: true, audio: true };
    let opened = media::open(&settings.input, wants, &settings.options, env)?;
    match (opened.video, opened.audio) {
        (None, Some(input)) => audio::to_nothing(args, digest, input, &settings.input, env),
        (Some(source), _) => decode_from(settings, source, env),
        (None, None) => Err(Failure::internal("the input has neither video nor audio")),
    }
}

/// Decodes the input of `transcode` to raw video.
pub(crate) fn from_transcode(args: &EncodeArgs, env: &Env) -> Result<()> {
    let input = args.spec();
    let format = format_of(
        args.output(),
        args.format.as_deref(),
        Outputs::ENCODED.with_default(Format::Y4m),
    )?;
    fragmented(args, format)?;
    let rules = args.rules(vec![input.path.clone()]);
    let output = target(args.output().to_owned(), format, None, rules)?;
    let transform = args.transform.of_video(None);
    decode(decoding(args, input, output, transform), env)
}

/// The settings of `transcode` for an output without an encoder.
fn decoding(
    args: &EncodeArgs,
    input: InputSpec,
    output: Destination,
    transform: Transform,
) -> Decoding {
    Decoding {
        options: DecodeOptions {
            limits: input.limits,
            threads: args.cut.threads.map(usize::from),
            formats: FrameFormats::All,
            pix_fmt: args.transform.pix_fmt,
            deinterlace: args.transform.deinterlace,
            fps: args.cut.fps,
            advice: Advice::BY_OUTPUT,
            ..DecodeOptions::default()
        },
        input,
        output: Some(output),
        digest: digest::DigestMode::None,
        frames: args.cut.frames,
        skip: args.cut.skip,
        keep_times: args.cut.keep_times,
        transform,
        resize: args.resize.map(Target::Size),
        drops_audio: args.audio.no_audio,
    }
}

fn target(
    path: PathBuf,
    format: Format,
    samples: Option<Samples>,
    rules: OutputRules,
) -> Result<Destination> {
    if !format.is_raw_video() {
        let message = format!("{format} cannot hold raw video\nhelp: use `codec transcode`");
        return Err(Failure::usage(message));
    }
    if format != Format::Raw && samples.is_some_and(|samples| samples != Samples::I420) {
        return Err(Failure::usage(
            "--pixels requires raw output: y4m has the format of the frames",
        ));
    }
    let by_name = path.extension().is_some_and(|extension| extension == "nv12");
    let usual = by_name.then_some(Samples::Nv12);
    Ok(Destination::File(RawFile { path, format, samples: samples.or(usual), rules }))
}

fn decode(settings: Decoding, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    if let Some(output) = &settings.output {
        output.check()?;
    }
    let source = open(&settings, env)?;
    decode_from(settings, source, env)
}

/// Opens the video of the input, and names what the output cannot hold.
fn open(settings: &Decoding, env: &Env) -> Result<Box<dyn FrameSource>> {
    let Decoding { input, output, options, .. } = settings;
    let mut options = options.clone();
    let what = match output {
        Some(Destination::File(file)) => file.format.name(),
        _ => {
            options.formats = FrameFormats::default();
            "images"
        }
    };
    let wants = MediaSelection { video: true, audio: false };
    let opened = media::open(input, wants, &options, env)?;
    if opened.available.audio && !settings.drops_audio {
        env.events.note(format!("audio dropped: {what} cannot hold audio"));
    }
    if let Some(text) = opened.metadata.text() {
        env.events.warn(format!("{}: skipped {text}: {what} cannot hold them", input.name()));
    }
    opened.video.ok_or_else(|| Failure::internal("no video was opened"))
}

/// The display properties that the output can hold; `None` without an output.
fn support_of(settings: &Decoding) -> Option<DisplaySupport> {
    Some(match settings.output.as_ref()? {
        Destination::File(RawFile { format, samples, .. }) => {
            let is_rgb = matches!(samples, Some(Samples::Rgb24 | Samples::Bgra));
            DisplaySupport::raw(*format, is_rgb)
        }
        Destination::Images(_) | Destination::Gif { .. } => DisplaySupport::images(),
    })
}

fn decode_from(mut settings: Decoding, mut source: Box<dyn FrameSource>, env: &Env) -> Result<()> {
    let stream_info = source.stream_info().clone();
    let support = support_of(&settings);
    // Frames of other formats cannot be rotated or scaled.
    if let Some(support) = support.filter(|_| stream_info.samples == SampleFormat::YUV420) {
        settings.transform = std::mem::take(&mut settings.transform).for_output(support);
    }
    let (native, _) = settings.transform.outcome(stream_info.size, stream_info.info)?;
    match settings.resize {
        Some(Target::First) => settings.transform.set_scale_only(native),
        Some(Target::Size(scale)) => settings.transform.set_scale(scale),
        None => {}
    }
    let (size, info) = settings.transform.begin(stream_info.size, stream_info.info)?;
    if let Some(warning) = settings.transform.warning(stream_info.info) {
        env.events.warn(warning);
    }
    if let Some(support) = support {
        support.report(&settings.transform, stream_info.size, stream_info.info, &env.events);
    }
    let StreamInfo { samples, frame_rate, .. } = stream_info;
    let header = Header { size, samples, frame_rate, info };
    let output = match &settings.output {
        Some(Destination::File(RawFile { path, rules, .. }) | Destination::Gif { path, rules }) => {
            Some(OutputFile::create(path, rules)?)
        }
        _ => None,
    };
    let sink = match (&settings.output, &output) {
        (Some(Destination::Images(images)), _) => {
            Some(FrameSink::images(ImageWriter::new(images.clone(), env)?))
        }
        (Some(Destination::Gif { .. }), Some(file)) => {
            Some(FrameSink::gif(file, header, stream_info.time_base, env)?)
        }
        (Some(Destination::File(target)), Some(file)) => {
            if let Some(rgb @ (Samples::Rgb24 | Samples::Bgra)) = target.samples {
                let colors = convert::describe(info.color, size);
                env.events.note(format!("{} from {colors}", rgb.name()));
            }
            Some(FrameSink::new(file, target.format, target.samples, header)?)
        }
        _ => None,
    };
    let total = match (stream_info.count, settings.frames) {
        (Some(count), Some(limit)) => Some(count.saturating_sub(settings.skip).min(limit)),
        (count, limit) => limit.or(count.map(|count| count.saturating_sub(settings.skip))),
    };
    let mut pump = Pump {
        env: env.clone(),
        digester: Digester::new(settings.digest, size, stream_info.time_base),
        kind: match &settings.output {
            Some(Destination::File(file)) if file.format != Format::Raw => OutputKind::Y4m,
            Some(Destination::Images(_)) => OutputKind::Images,
            Some(Destination::Gif { .. }) => OutputKind::Gif,
            _ => OutputKind::Other,
        },
        size,
        sink,
        frames: 0,
        selects: settings.frames == Some(0) || settings.skip > 0,
        origin: None,
        progress: env.events.progress(total, stream_info.frame_rate),
        spacing: pump::Spacing::default(),
    };
    let end = pump.run(&mut settings, &mut *source);
    pump.finish(output, end, &*source)
}
