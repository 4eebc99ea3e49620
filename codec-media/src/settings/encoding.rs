//! Settings of `encode` and `transcode`.

use std::path::PathBuf;

use codec_container::{FileMetadata, Format};
use codec_core::codec::{Bitrate, Codec, EncoderConfig, Limits};
use codec_core::frame::{Rational, Size};
use codec_rtc::link::RateTrace;

use super::audio::{AudioOptions, AudioSettings};
use super::encoder::{EncoderOptions, EncoderSettings, Preset};
use super::goal::{Goal, TargetQuality};
use crate::failure::{Failure, Result};
use crate::frame::display::DisplaySupport;
use crate::frame::transform::Transform;
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::names::{Outputs, format_of};
use crate::io::output::OutputRules;
use crate::io::unreadable::Advice;
use crate::report::ReportFormat;
use crate::scaling::Scaler;
use crate::values::{Crop, Deinterlace, FpsTarget, Pad, PixFmt, Rotate, Scale};

/// The settings of a run of [`crate::session::Session`].
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Encoding {
    /// The input.
    pub input: InputSpec,
    /// The input whose audio replaces the audio of `input`; its cut is not used.
    pub audio_from: Option<InputSpec>,
    /// The inputs whose audio is added to the audio of `input` or `audio_from`; their cuts are not used.
    pub add_audio: Vec<InputSpec>,
    /// Output file, or `-`.
    pub output: PathBuf,
    /// Container of the output.
    pub format: Format,
    /// Whether an MP4 file is written in fragments.
    pub fragmented: bool,
    /// Rules for overwriting files.
    pub rules: OutputRules,
    /// Settings of the video encoder.
    pub encoder: EncoderSettings,
    /// A quality or a file size, which replaces the encoder's rate; 8-bit 4:2:0 frames of one size only.
    pub goal: Option<Goal>,
    /// The bitrate over time, which replaces the encoder's.
    pub rate_trace: Option<RateTrace>,
    /// Threads of the encoder. Default: by size and cores.
    pub threads: Option<usize>,
    /// Frames to skip at the beginning.
    pub skip: u64,
    /// Whether frames keep their input timestamps after skipped frames; if not, output starts at 0.
    pub keep_times: bool,
    /// Maximum number of frames to encode.
    pub frames: Option<u64>,
    /// File for a per-frame report, and its format.
    pub report: Option<(PathBuf, ReportFormat)>,
    /// Whether to measure PSNR.
    pub measure_psnr: bool,
    /// Whether to measure SSIM.
    pub measure_ssim: bool,
    /// Whether to decode the output and compare it with the encoder's reconstructed frames.
    pub verify: bool,
    /// Audio settings; `None` drops the audio.
    pub audio: Option<AudioSettings>,
    /// Tags and chapters of the output; those that its format cannot hold are dropped.
    pub metadata: FileMetadata,
    /// The format that frames are converted to before encoding.
    pub pix_fmt: Option<PixFmt>,
    /// Which frames are deinterlaced.
    pub deinterlace: Deinterlace,
    /// The frame rate to which the video is converted.
    pub fps: Option<FpsTarget>,
    /// Crop rectangle.
    pub crop: Option<Crop>,
    /// Rotation of frames.
    pub turn: Option<Rotate>,
    /// Target size of frames.
    pub resize: Option<Scale>,
    /// The filter that scales frames.
    pub scaler: Scaler,
    /// The size to which black bars are added.
    pub pad: Option<Pad>,
    /// Number of passes; with 2, trial encodes precede the final pass. Default: 2 for files with a
    /// bitrate, else 1.
    pub passes: Option<u8>,
}

impl Encoding {
    /// Transcodes `input` to `output` with default settings: the container by the name of the
    /// output, its default codecs, and the file preset. Existing files are not overwritten.
    ///
    /// # Errors
    /// If no format is known for the name of the output, or this build has no encoder for it.
    pub fn new(input: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Result<Self> {
        let output = output.into();
        let format = format_of(&output, None, Outputs::ENCODED)?;
        let encoder = EncoderSettings::new(&EncoderOptions::default(), Preset::File, format)?;
        let audio = if can_hold_audio(format) {
            Some(AudioSettings::new(&AudioOptions::default(), format, None, false)?)
        } else {
            None
        };
        Ok(Self::with(input.into(), output, format, encoder, audio))
    }

    /// Settings for a generated clip: very high quality, one pass.
    ///
    /// # Errors
    /// If settings contradict each other or the backend is missing.
    pub fn generated(
        output: PathBuf,
        format: Format,
        overwrite: bool,
        audio: Option<AudioSettings>,
    ) -> Result<Self> {
        let encoder = EncoderSettings::generated(format)?;
        let mut settings =
            Self::with(PathBuf::from("generated clip"), output, format, encoder, audio);
        settings.rules = OutputRules { overwrite, ..OutputRules::default() };
        settings.passes = Some(1);
        Ok(settings)
    }

    fn with(
        input: PathBuf,
        output: PathBuf,
        format: Format,
        encoder: EncoderSettings,
        audio: Option<AudioSettings>,
    ) -> Self {
        let protected = vec![input.clone()];
        let limits = Limits::default();
        Self {
            input: InputSpec::new(input, limits),
            audio_from: None,
            add_audio: Vec::new(),
            output,
            format,
            fragmented: false,
            rules: OutputRules { overwrite: false, protected, ..OutputRules::default() },
            encoder,
            goal: None,
            rate_trace: None,
            threads: None,
            skip: 0,
            keep_times: false,
            frames: None,
            report: None,
            measure_psnr: false,
            measure_ssim: false,
            verify: false,
            audio,
            metadata: FileMetadata::default(),
            pix_fmt: None,
            deinterlace: Deinterlace::Off,
            fps: None,
            crop: None,
            turn: None,
            resize: None,
            scaler: Scaler::default(),
            pad: None,
            passes: None,
        }
    }

    /// The display properties that the output can hold.
    pub(crate) fn display_support(&self) -> DisplaySupport {
        DisplaySupport::encoded(self.format, self.encoder.backend.codec)
    }

    pub(crate) fn transform(&self) -> Transform {
        Transform::new(self.crop, self.turn, self.resize)
            .following_display()
            .for_output(self.display_support())
            .with_scaler(self.scaler)
            .with_pad(self.pad)
            .with_alignment(self.encoder.capabilities.alignment)
    }

    /// How the input is decoded.
    pub(crate) fn decode_options(&self) -> DecodeOptions {
        DecodeOptions {
            limits: self.input.limits,
            threads: self.threads,
            pix_fmt: self.pix_fmt,
            deinterlace: self.deinterlace,
            fps: self.fps,
            advice: self.advice(),
            ..DecodeOptions::default()
        }
    }

    /// The remedies for unusable tracks of the input.
    fn advice(&self) -> Advice {
        if !can_hold_audio(self.format) {
            return Advice::VIDEO_FORMAT;
        }
        match (&self.audio, &self.audio_from) {
            (None, _) => Advice::EXCLUDED_AUDIO,
            (Some(_), Some(_)) => Advice::OTHER_AUDIO,
            (Some(_), None) => Advice { unused_audio: None, ..Advice::FLAGS },
        }
    }

    /// The target quality, if there is one.
    pub(crate) fn target(&self) -> Option<TargetQuality> {
        match self.goal {
            Some(Goal::Quality(target)) => Some(target),
            Some(Goal::Size(_)) | None => None,
        }
    }

    /// These settings at a constant quality, in 256ths.
    pub(crate) fn at_quality(&self, quality_q8: u32) -> Self {
        Self { encoder: self.encoder.at_quality(quality_q8), ..self.clone() }
    }

    /// These settings at another speed.
    pub(crate) fn at_speed(&self, speed: u8) -> Self {
        Self { encoder: self.encoder.at_speed(speed), ..self.clone() }
    }

    /// These settings at a bitrate.
    pub(crate) fn at_bitrate(&self, bitrate: Bitrate) -> Self {
        Self { encoder: self.encoder.at_bitrate(bitrate), ..self.clone() }
    }

    /// The input timestamp, in ticks, that becomes 0 in the output; `first` is the timestamp of the
    /// first encoded frame.
    pub(crate) fn origin(&self, first: i64) -> i64 {
        cut_origin(self.skip, self.keep_times, first)
    }

    /// Whether trial encodes precede the final pass.
    pub(crate) fn wants_trials(&self) -> Result<bool> {
        let is_average = self.encoder.preset == Preset::File && self.encoder.is_bitrate();
        let is_file = self.input.is_file();
        match self.passes {
            Some(2) if !is_average => {
                Err(Failure::usage("--passes 2 requires --preset file and a bitrate"))
            }
            Some(2) if !is_file => {
                Err(Failure::usage("--passes 2 requires a file as input: it is read several times"))
            }
            Some(passes) => Ok(passes == 2),
            None => Ok(is_average && is_file),
        }
    }

    /// Settings of the encoder for frames of `size`. The caller sets the pool and the SIMD level.
    pub(crate) fn config(
        &self,
        size: Size,
        frame_rate: Rational,
        time_base: Rational,
    ) -> EncoderConfig {
        let mut config = self.encoder.config(size, frame_rate, time_base);
        config.report_psnr = self.measure_psnr;
        config.report_digest = self.verify;
        config
    }
}

/// The time of an input, in ticks, at which its cut begins: the time of the `first` frame after those
/// that are skipped, or 0 if nothing is cut or times are kept.
pub fn cut_origin(skip: u64, keep_times: bool, first: i64) -> i64 {
    if skip > 0 && !keep_times { first } else { 0 }
}

/// Whether the format can hold video, coded or raw.
pub fn can_hold_video(format: Format) -> bool {
    format.is_raw_video() || Codec::KNOWN.into_iter().any(|codec| format.holds_video(codec))
}

/// Whether the format can hold audio.
pub fn can_hold_audio(format: Format) -> bool {
    super::audio::default_codec(format).is_some()
}

/// Whether the format can hold several audio tracks.
pub fn can_hold_several_tracks(format: Format) -> bool {
    matches!(format, Format::WebM | Format::Matroska | Format::Mp4 | Format::MpegTs)
}
