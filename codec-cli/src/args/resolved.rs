//! Settings with defaults and units, and checks for combinations that do not work.

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use codec_container::Format;
use codec_core::codec::{Codec, EncoderConfig, Limits};
use codec_core::frame::{Rational, Size};
use codec_rtc::link::RateTrace;

use super::encoder::PresetArg;
use super::rate_trace::read_targets;
use super::raw::{EncodeArgs, Metric};
use super::resolved_encoder::EncoderSettings;
use super::sound::SoundSettings;
use crate::failure::{Failure, Result};
use crate::io::input::InputSpec;
use crate::io::names::{format_of, is_pipe};
use crate::io::output::Rules;
use crate::picture::transform::Transform;
use crate::report::Form;

/// The settings of `encode` and `transcode`.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Encoding {
    pub(crate) input: InputSpec,
    pub(crate) output: PathBuf,
    pub(crate) format: Format,
    pub(crate) rules: Rules,
    pub(crate) encoder: EncoderSettings,
    /// Bitrate changes while the encoder runs.
    pub(crate) rate_trace: Option<RateTrace>,
    pub(crate) threads: Option<usize>,
    pub(crate) skip: u64,
    /// Whether frames keep their times after a skip; otherwise the first is at 0.
    pub(crate) keep_times: bool,
    pub(crate) frames: Option<u64>,
    pub(crate) report: Option<(PathBuf, Form)>,
    pub(crate) wants_psnr: bool,
    pub(crate) wants_ssim: bool,
    pub(crate) verify: bool,
    /// Audio settings; `None` drops the audio.
    pub(crate) sound: Option<SoundSettings>,
    crop: Option<super::values::Crop>,
    turn: Option<super::values::Turn>,
    resize: Option<Size>,
    passes: Option<u8>,
}

impl Encoding {
    pub(crate) fn new(args: &EncodeArgs) -> Result<Self> {
        let input = InputSpec::from(&args.input);
        let format = format_of(&args.output, args.format.as_deref(), Format::Ivf)?;
        let rate_trace = args.rate_trace.as_deref().map(read_targets).transpose()?;
        let mut told = args.encoder.clone();
        told.bitrate =
            told.bitrate.or(rate_trace.as_ref().map(|trace| trace.rate_at(Duration::ZERO)));
        let encoder = EncoderSettings::new(&told, PresetArg::File, format)?;
        if rate_trace.is_some() && encoder.preset != PresetArg::Rtc {
            return Err(Failure::usage("--rate-trace requires --preset rtc"));
        }
        let real_time = encoder.preset == PresetArg::Rtc;
        let sound = match args.sound.no_audio || !holds_sound(format) {
            true if args.sound.is_particular() || args.sound.audio_codec.is_some() => {
                let reason = if args.sound.no_audio {
                    "--no-audio".to_owned()
                } else {
                    format!("{format} output")
                };
                return Err(Failure::usage(format!("audio options cannot be used with {reason}")));
            }
            true => None,
            false => Some(SoundSettings::new(&args.sound, format, None, real_time)?),
        };
        let report = match &args.report {
            None => None,
            Some(path) => Some((path.clone(), Form::of(path)?)),
        };
        let mut not = vec![input.path.clone()];
        not.extend(args.report.clone());
        if args.report.as_ref().is_some_and(|report| *report == args.output && !is_pipe(report)) {
            return Err(Failure::usage("--report and -o must name different files"));
        }
        Ok(Self {
            input,
            output: args.output.clone(),
            format,
            rules: Rules { overwrite: args.yes, not, terminal: args.format.is_some() },
            encoder,
            rate_trace,
            threads: args.threads.map(usize::from),
            skip: args.skip,
            keep_times: args.keep_times,
            frames: args.frames,
            wants_psnr: args.metrics.contains(&Metric::Psnr)
                || report.is_some() && !args.metrics.contains(&Metric::None),
            wants_ssim: args.metrics.contains(&Metric::Ssim),
            report,
            verify: args.verify,
            sound,
            crop: args.picture.crop,
            turn: args.picture.rotate,
            resize: args.resize,
            passes: args.passes,
        })
    }

    /// Settings for a generated clip: very high quality.
    pub(crate) fn generated(
        output: PathBuf,
        format: Format,
        overwrite: bool,
        sound: Option<SoundSettings>,
    ) -> Result<Self> {
        let input = InputSpec {
            path: PathBuf::from("generated clip"),
            raw: None,
            limits: Limits::default(),
            lenient: false,
        };
        Ok(Self {
            input,
            output,
            format,
            rules: Rules { overwrite, not: Vec::new(), terminal: false },
            encoder: EncoderSettings::generated(format)?,
            rate_trace: None,
            threads: None,
            skip: 0,
            keep_times: false,
            frames: None,
            report: None,
            wants_psnr: false,
            wants_ssim: false,
            verify: false,
            sound,
            crop: None,
            turn: None,
            resize: None,
            passes: Some(1),
        })
    }

    pub(crate) fn transform(&self) -> Transform {
        Transform::new(self.crop, self.turn, self.resize)
    }

    /// The input time, in ticks, that becomes time 0 of the output. `first` is the time of the
    /// first encoded frame.
    pub(crate) fn origin(&self, first: i64) -> i64 {
        cut_origin(self.skip, self.keep_times, first)
    }

    /// Whether a trial encode (first pass) should run.
    pub(crate) fn wants_trials(&self) -> Result<bool> {
        let is_average = self.encoder.preset == PresetArg::File && self.encoder.is_bitrate();
        let is_file = std::fs::metadata(&self.input.path).is_ok_and(|found| found.is_file())
            && !is_pipe(&self.input.path);
        match self.passes {
            Some(2) if !is_average => {
                Err(Failure::usage("--passes 2 requires --preset file and --bitrate"))
            }
            Some(2) if !is_file => {
                Err(Failure::usage("--passes 2 cannot read a pipe twice: the input must be a file"))
            }
            Some(passes) => Ok(passes == 2),
            None => Ok(is_average && is_file),
        }
    }

    /// Returns the encoder configuration for frames of `size`. The caller sets the pool and the
    /// SIMD level.
    pub(crate) fn config(
        &self,
        size: Size,
        frame_rate: Rational,
        time_base: Rational,
    ) -> EncoderConfig {
        let mut config = self.encoder.config(size, frame_rate, time_base);
        config.report_psnr = self.wants_psnr;
        config.report_digest = self.verify;
        config
    }
}

pub(super) const CODECS: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// The time, in ticks, at which a cut of the input begins: that of the `first` frame after the
/// skipped ones, or 0 if nothing is skipped or times are kept.
pub(crate) fn cut_origin(skip: u64, keep_times: bool, first: i64) -> i64 {
    if skip > 0 && !keep_times { first } else { 0 }
}

/// Whether the format can hold video, coded or raw.
pub(crate) fn holds_pictures(format: Format) -> bool {
    format.is_raw_video() || CODECS.into_iter().any(|codec| format.holds_video(codec))
}

/// Whether the format can hold audio.
pub(crate) fn holds_sound(format: Format) -> bool {
    super::sound::usual_codec(format).is_some()
}

/// The number of threads for frames of `size`: the requested one, or one per eight macroblock rows,
/// limited to the number of cores and to eight.
pub(crate) fn threads_for(asked: Option<usize>, size: Size) -> usize {
    asked.unwrap_or_else(|| {
        let cores = available_parallelism().map_or(1, usize::from);
        (size.macroblocks().1 / 8).clamp(1, 8).min(cores)
    })
}
