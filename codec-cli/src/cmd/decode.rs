//! `codec decode`, and `codec transcode` to raw formats.

use std::path::PathBuf;

use codec_container::Format;
use codec_core::frame::Size;

use crate::Env;
use crate::args::raw::{DecodeArgs, EncodeArgs};
use crate::args::values::{Samples, Target};
use crate::console::Style;
use crate::digest::{self, Digester};
use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::names::{format_of, is_pipe};
use crate::io::output::{OutputFile, Rules};
use crate::io::sink::{Header, PictureSink};
use crate::io::source::{self, FrameSource, Shot};
use crate::json::Object;
use crate::picture::convert;
use crate::picture::transform::Transform;
use crate::progress::{Now, Progress};

/// Where pictures go.
#[derive(Clone, Debug)]
struct Destination {
    path: PathBuf,
    format: Format,
    samples: Samples,
    rules: Rules,
}

/// What `decode` is told.
#[derive(Debug)]
struct Decoding {
    input: InputSpec,
    options: DecodeOptions,
    output: Option<Destination>,
    digest: digest::Form,
    frames: Option<u64>,
    skip: u64,
    transform: Transform,
    resize: Option<Target>,
}

/// Decodes.
pub(crate) fn run(args: &DecodeArgs, env: Env) -> Result<()> {
    let mut input = InputSpec::from(&args.input);
    input.lenient = args.conceal;
    let output = match &args.output {
        None => None,
        Some(path) => {
            let format = format_of(path, args.format.as_deref(), Format::Y4m)?;
            Some(target(
                path.clone(),
                format,
                args.pixels,
                args.yes,
                args.format.is_some(),
                &input,
            )?)
        }
    };
    let digest = match (args.md5, args.framemd5) {
        (true, _) => digest::Form::Whole,
        (_, true) => digest::Form::Frames,
        _ => digest::Form::None,
    };
    if digest != digest::Form::None && args.output.as_deref().is_some_and(is_pipe) {
        return Err(Failure::usage("digests and pictures cannot both go to standard output"));
    }
    let options = DecodeOptions {
        backend: args.codec.clone(),
        limits: input.limits,
        conceal: args.conceal,
        threads: args.threads.map(usize::from),
    };
    let transform = Transform::new(args.picture.crop, args.picture.rotate, None);
    let (frames, skip, resize) = (args.frames, args.skip, args.resize);
    decode(Decoding { input, options, output, digest, frames, skip, transform, resize }, env)
}

/// Decodes what `transcode` is to write as raw video.
pub(crate) fn from_transcode(args: &EncodeArgs, env: Env) -> Result<()> {
    let input = InputSpec::from(&args.input);
    let format = format_of(&args.output, args.format.as_deref(), Format::Y4m)?;
    let forced = args.format.is_some();
    let output = target(args.output.clone(), format, None, args.yes, forced, &input)?;
    let settings = Decoding {
        options: DecodeOptions {
            limits: input.limits,
            threads: args.threads.map(usize::from),
            ..DecodeOptions::default()
        },
        input,
        output: Some(output),
        digest: digest::Form::None,
        frames: args.frames,
        skip: args.skip,
        transform: Transform::new(args.picture.crop, args.picture.rotate, None),
        resize: args.resize.map(Target::Size),
    };
    decode(settings, env)
}

fn target(
    path: PathBuf,
    format: Format,
    samples: Option<Samples>,
    overwrite: bool,
    terminal: bool,
    input: &InputSpec,
) -> Result<Destination> {
    if !format.is_raw_video() {
        let message = format!("{format} holds coded video: see `codec transcode`");
        return Err(Failure::usage(message));
    }
    if format != Format::Raw && samples.is_some_and(|samples| samples != Samples::I420) {
        return Err(Failure::usage("--pixels is for raw output: y4m is always i420"));
    }
    let by_name = path.extension().is_some_and(|extension| extension == "nv12");
    let usual = if by_name { Samples::Nv12 } else { Samples::I420 };
    let rules = Rules { overwrite, not: vec![input.path.clone()], terminal };
    Ok(Destination { path, format, samples: samples.unwrap_or(usual), rules })
}

fn decode(mut settings: Decoding, env: Env) -> Result<()> {
    interrupt::listen();
    if let Some(output) = &settings.output {
        output.rules.check(&output.path)?;
    }
    let mut source = source::open(&settings.input, &settings.options, env)?;
    let facts = source.facts().clone();
    let (native, _) = settings.transform.outcome(facts.size, facts.info)?;
    match settings.resize {
        Some(Target::First) => settings.transform.set_target(native),
        Some(Target::Size(size)) => settings.transform.set_target(size),
        None => {}
    }
    let (size, info) = settings.transform.outcome(facts.size, facts.info)?;
    let header = Header { size, frame_rate: facts.frame_rate, info };
    let output = match &settings.output {
        None => None,
        Some(output) => Some(OutputFile::create(&output.path, &output.rules)?),
    };
    let sink = match (&settings.output, &output) {
        (Some(target), Some(file)) => {
            if matches!(target.samples, Samples::Rgb24 | Samples::Bgra) {
                let colors = convert::describe(info.color, size);
                env.console.note(format!("{} from {colors}", target.samples.name()));
            }
            Some(PictureSink::new(file, target.format, target.samples, header)?)
        }
        _ => None,
    };
    let total = match (facts.count, settings.frames) {
        (Some(count), Some(limit)) => Some(count.saturating_sub(settings.skip).min(limit)),
        (count, limit) => limit.or(count.map(|count| count.saturating_sub(settings.skip))),
    };
    let mut pump = Pump {
        env,
        digester: Digester::new(settings.digest, size, facts.time_base),
        keeps_size: settings.output.as_ref().is_some_and(|output| output.format != Format::Raw),
        size,
        sink,
        frames: 0,
        progress: Progress::new(env.console, total, facts.frame_rate),
    };
    let end = pump.run(&mut settings, &mut *source);
    pump.finish(output, end, &*source)
}

/// Moves pictures from a source to wherever they go.
struct Pump {
    env: Env,
    digester: Digester,
    sink: Option<PictureSink>,
    /// The output has one size for all.
    keeps_size: bool,
    size: Size,
    frames: u64,
    progress: Progress,
}

impl Pump {
    fn run(&mut self, settings: &mut Decoding, source: &mut dyn FrameSource) -> Result<()> {
        let mut seen = 0_u64;
        while settings.frames.is_none_or(|limit| self.frames < limit) {
            if interrupt::stopped() {
                let message = "interrupted: the file is finished";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            let Some(shot) = source.next()? else { break };
            seen += 1;
            if seen > settings.skip {
                self.take(&shot, &mut settings.transform)?;
                let now =
                    Now { frames: self.frames, bytes: source.coded_bytes(), ..Now::default() };
                self.progress.update(&now);
            }
        }
        Ok(())
    }

    fn take(&mut self, shot: &Shot<'_>, transform: &mut Transform) -> Result<()> {
        let picture = transform.apply(shot.picture)?;
        if picture.size() != self.size {
            let (frame, old, new) = (self.frames, self.size, picture.size());
            if self.keeps_size {
                let message = format!(
                    "frame {frame}: the size changes from {old} to {new}, which y4m cannot tell; \
                     --resize scales to the first size"
                );
                return Err(Failure::new(Kind::Corrupt, message));
            }
            self.env.console.note(format!("frame {frame}: the size changes to {new}"));
            self.size = new;
        }
        self.digester.add(&picture, shot.pts, shot.duration)?;
        if let Some(sink) = &mut self.sink {
            sink.write(&picture)?;
        }
        self.frames += 1;
        Ok(())
    }

    /// Completes the output, of which whatever came before an error is kept, and tells the totals.
    fn finish(
        self,
        output: Option<OutputFile>,
        end: Result<()>,
        source: &dyn FrameSource,
    ) -> Result<()> {
        if let Some(sink) = self.sink
            && self.frames > 0
        {
            sink.finish()?;
        }
        if let Some(output) = output
            && (self.frames > 0 || end.is_ok())
        {
            output.commit()?;
        }
        if end.is_ok() {
            self.digester.finish()?;
        }
        let damage = source.damage();
        let seconds = self.progress.elapsed().as_secs_f64().max(1e-6);
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let fps = self.frames as f64 / seconds;
        let x_realtime = fps / source.facts().frame_rate.as_f64();
        if damage.is_some() {
            self.env.console.warn(format!(
                "{} packets gave no frame; {} frames were concealed in part: {:.2} % of all \
                 macroblocks",
                damage.lost_packets,
                damage.concealed_frames,
                damage.concealed_pct()
            ));
        }
        if self.env.console.style != Style::Json {
            let level = self.env.level.name();
            self.env.console.note(format!(
                "{} frames in {seconds:.2} s: {fps:.1} fps, x{x_realtime:.2} real time, SIMD {level}",
                self.frames
            ));
        }
        let summary = Object::new()
            .text("type", "summary")
            .raw("frames", self.frames)
            .raw("bytes", source.coded_bytes())
            .float("elapsed_s", seconds)
            .float("fps", fps)
            .float("x_realtime", x_realtime)
            .raw("lost_packets", damage.lost_packets)
            .raw("concealed_frames", damage.concealed_frames)
            .float("concealed_pct", damage.concealed_pct())
            .text("simd", self.env.level.name())
            .raw("exit_code", end.as_ref().err().map_or(0, |failure| failure.kind as u8));
        self.env.console.event(summary);
        end
    }
}
