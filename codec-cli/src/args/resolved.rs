//! Settings with their defaults and units, and whether they go together.

use std::path::PathBuf;
use std::thread::available_parallelism;

use codec_container::Format;
use codec_core::codec::{
    Bitrate, Capabilities, Codec, Content, Deadline, DropPolicy, EncoderConfig, KnobKind, Limits,
    RateControl, Scalability,
};
use codec_core::frame::{Rational, Size};
use codec_core::registry::{self, Backend};

use super::raw::{ContentArg, EncodeArgs, Metric, PresetArg};
use super::sound::SoundSettings;
use super::values::{KeyInterval, KnobSetting};
use crate::clock::WallClock;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::InputSpec;
use crate::io::names::{format_of, is_pipe};
use crate::io::output::Rules;
use crate::picture::transform::Transform;
use crate::report::Form;

/// Share of the optimal buffer level below which frames are dropped, as WebRTC has it.
const DROP_BELOW_PCT: u8 = 30;

/// Name of the knob behind `--token-parts`.
const TOKEN_PARTITIONS: &str = "token-partitions";

/// Everything that `encode` and `transcode` are told.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Encoding {
    pub(crate) input: InputSpec,
    pub(crate) output: PathBuf,
    pub(crate) format: Format,
    pub(crate) rules: Rules,
    pub(crate) backend: &'static Backend,
    /// Those of its encoder.
    pub(crate) capabilities: &'static Capabilities,
    pub(crate) threads: Option<usize>,
    pub(crate) skip: u64,
    pub(crate) frames: Option<u64>,
    pub(crate) report: Option<(PathBuf, Form)>,
    pub(crate) wants_psnr: bool,
    pub(crate) wants_ssim: bool,
    pub(crate) verify: bool,
    /// What to do with the sound; `None`: leave it out.
    pub(crate) sound: Option<SoundSettings>,
    crop: Option<super::values::Crop>,
    turn: Option<super::values::Turn>,
    resize: Option<Size>,
    rate: Option<RateChoice>,
    pub(crate) preset: PresetArg,
    speed: Option<u8>,
    passes: Option<u8>,
    keyint: Option<KeyInterval>,
    scalability: Scalability,
    content: Content,
    drop: bool,
    max_frame_us: Option<u64>,
    error_resilient: bool,
    knobs: Vec<(String, i64)>,
}

#[derive(Clone, Copy, Debug)]
enum RateChoice {
    Bitrate(Bitrate),
    Quality(u8),
    Qp(u8),
}

impl Encoding {
    pub(crate) fn new(args: &EncodeArgs) -> Result<Self> {
        let input = InputSpec::from(&args.input);
        let format = format_of(&args.output, args.format.as_deref(), Format::Ivf)?;
        let (backend, capabilities) = video_backend(args.codec.as_deref(), format)?;
        let real_time = matches!(args.preset, PresetArg::Rtc);
        let sound = match args.sound.no_audio || !holds_sound(format) {
            true if args.sound.is_particular() || args.sound.audio_codec.is_some() => {
                return Err(Failure::usage(format!("{format} holds no sound, or --no-audio")));
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
            return Err(Failure::usage("--report and -o name the same file"));
        }
        let mut knobs = Vec::new();
        if let Some(count) = &args.token_parts {
            let setting =
                KnobSetting { name: TOKEN_PARTITIONS.to_owned(), value: count.to_owned() };
            knobs.push(knob(&setting, capabilities)?);
        }
        for setting in &args.knob {
            knobs.push(knob(setting, capabilities)?);
        }
        let rate = match (args.bitrate, args.quality, args.qp) {
            (Some(bitrate), ..) => Some(RateChoice::Bitrate(bitrate)),
            (_, Some(quality), _) => Some(RateChoice::Quality(quality)),
            (.., Some(qp)) => {
                let (best, worst) = capabilities.qindex_range;
                if !(best..=worst).contains(&qp) {
                    let message = format!("--qp {qp}: {} has {best}..={worst}", backend.codec);
                    return Err(Failure::usage(message));
                }
                Some(RateChoice::Qp(qp))
            }
            _ => None,
        };
        if args.drop && (!real_time || args.quality.is_some() || args.qp.is_some()) {
            let needs = "--drop: frames are dropped at constant bitrate only: --preset rtc and -b";
            return Err(Failure::usage(needs));
        }
        if args.max_frame_time.is_some() && !real_time {
            return Err(Failure::usage("--max-frame-time: used in real time only: --preset rtc"));
        }
        Ok(Self {
            input,
            output: args.output.clone(),
            format,
            rules: Rules { overwrite: args.yes, not, terminal: args.format.is_some() },
            backend,
            capabilities,
            threads: args.threads.map(usize::from),
            skip: args.skip,
            frames: args.frames,
            wants_psnr: report.is_some() || args.metrics.contains(&Metric::Psnr),
            wants_ssim: args.metrics.contains(&Metric::Ssim),
            report,
            verify: args.verify,
            sound,
            crop: args.picture.crop,
            turn: args.picture.rotate,
            resize: args.resize,
            rate,
            preset: args.preset,
            speed: args.speed,
            passes: args.passes,
            keyint: args.keyint,
            scalability: scalability(args.layers.as_deref(), capabilities)?,
            content: match args.content {
                ContentArg::Camera => Content::Camera,
                ContentArg::Screen => Content::Screen,
            },
            drop: args.drop,
            max_frame_us: args.max_frame_time,
            error_resilient: args.error_resilient,
            knobs,
        })
    }

    /// Settings for a drawn clip: very good quality.
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
        let (backend, capabilities) = video_backend(None, format)?;
        Ok(Self {
            input,
            output,
            format,
            rules: Rules { overwrite, not: Vec::new(), terminal: false },
            backend,
            capabilities,
            threads: None,
            skip: 0,
            frames: None,
            report: None,
            wants_psnr: false,
            wants_ssim: false,
            verify: false,
            sound,
            crop: None,
            turn: None,
            resize: None,
            rate: Some(RateChoice::Quality(95)),
            preset: PresetArg::File,
            speed: None,
            passes: Some(1),
            keyint: None,
            scalability: Scalability::L1T1,
            content: Content::Camera,
            drop: false,
            max_frame_us: None,
            error_resilient: false,
            knobs: Vec::new(),
        })
    }

    pub(crate) fn transform(&self) -> Transform {
        Transform::new(self.crop, self.turn, self.resize)
    }

    /// Whether the bitrate comes from the table.
    pub(crate) fn is_rate_guessed(&self) -> bool {
        self.rate.is_none()
    }

    /// Whether the input is to be coded on trial first.
    pub(crate) fn wants_trials(&self) -> Result<bool> {
        let is_average = self.preset == PresetArg::File
            && !matches!(self.rate, Some(RateChoice::Quality(_) | RateChoice::Qp(_)));
        let is_file = std::fs::metadata(&self.input.path).is_ok_and(|found| found.is_file())
            && !is_pipe(&self.input.path);
        match self.passes {
            Some(2) if !is_average => {
                Err(Failure::usage("--passes 2 is for a bitrate in the file preset"))
            }
            Some(2) if !is_file => {
                Err(Failure::usage("--passes 2 reads the input again, which must be a file"))
            }
            Some(passes) => Ok(passes == 2),
            None => Ok(is_average && is_file),
        }
    }

    /// Settings of the encoder for pictures of `size`. Pool and SIMD level are left to the caller.
    pub(crate) fn config(
        &self,
        size: Size,
        frame_rate: Rational,
        time_base: Rational,
    ) -> EncoderConfig {
        let bitrate = match self.rate {
            Some(RateChoice::Bitrate(bitrate)) => bitrate,
            _ => usual_bitrate(size),
        };
        let mut config = match self.preset {
            PresetArg::Rtc => EncoderConfig::rtc(size, frame_rate, bitrate),
            PresetArg::File => EncoderConfig::file(size, frame_rate, RateControl::Vbr(bitrate)),
        };
        match self.rate {
            Some(RateChoice::Quality(quality)) => config.rate = RateControl::Quality(quality),
            Some(RateChoice::Qp(qp)) => config.rate = RateControl::FixedQ(qp),
            Some(RateChoice::Bitrate(_)) | None => {}
        }
        if matches!(config.rate, RateControl::FixedQ(_)) {
            // A fixed index is taken at its word, whatever the preset's range.
            let (best, worst) = self.capabilities.qindex_range;
            (config.min_qindex, config.max_qindex) = (Some(best), Some(worst));
        }
        config.timebase = time_base;
        let (rtc, file) = self.capabilities.usual_speeds;
        config.speed = self.speed.unwrap_or(match self.preset {
            PresetArg::Rtc => rtc,
            PresetArg::File => file,
        });
        if let Some(keyint) = self.keyint {
            config.keys.max_interval = keyint.frames(frame_rate);
        }
        if self.drop {
            config.drops = DropPolicy::BelowBufferPct(DROP_BELOW_PCT);
        }
        config.deadline =
            self.max_frame_us.map(|max_us| Deadline { max_us, clock: WallClock::shared() });
        config.scalability = self.scalability;
        config.content = self.content;
        config.error_resilient = self.error_resilient;
        config.report_psnr = self.wants_psnr;
        config.report_digest = self.verify;
        config.knobs.clone_from(&self.knobs);
        config
    }
}

/// The encoder that is asked for, or that the format is for.
fn video_backend(
    spec: Option<&str>,
    format: Format,
) -> Result<(&'static Backend, &'static Capabilities)> {
    let usual = CODECS.into_iter().find(|codec| format.holds_video(*codec));
    let spec = spec.unwrap_or_else(|| usual.unwrap_or(Codec::Vp8).name());
    let found = registry::find_encoder(spec).map_err(|error| match registry::find(spec) {
        Ok(_) => Failure::new(Kind::Backend, format!("{spec} cannot encode")),
        Err(_) if registry::find_audio(spec).is_ok() => {
            Failure::usage(format!("{spec} is for sound: --audio-codec {spec}"))
        }
        Err(_) => Failure::encoding(&error),
    });
    let (backend, _, capabilities) = found?;
    let codec = backend.codec;
    if !format.is_raw_video() && !format.holds_video(codec) {
        return Err(Failure::usage(format!("{format} cannot hold {codec} video")));
    }
    Ok((backend, capabilities))
}

const CODECS: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// Whether the format holds any pictures, coded or raw.
pub(crate) fn holds_pictures(format: Format) -> bool {
    format.is_raw_video() || CODECS.into_iter().any(|codec| format.holds_video(codec))
}

/// Whether the format holds any sound.
pub(crate) fn holds_sound(format: Format) -> bool {
    super::sound::usual_codec(format).is_some()
}

fn scalability(name: Option<&str>, capabilities: &Capabilities) -> Result<Scalability> {
    let Some(name) = name else {
        return Ok(Scalability::L1T1);
    };
    let known = Scalability::ALL.iter().filter(|(_, mode)| capabilities.scalability.contains(mode));
    let found = known.clone().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|&(_, mode)| mode).ok_or_else(|| {
        let names: Vec<_> = known.map(|(name, _)| *name).collect();
        Failure::usage(format!("--layers {name}: this encoder has {}", names.join(", ")))
    })
}

/// The number behind a knob's value, if knob and value are known.
fn knob(setting: &KnobSetting, capabilities: &Capabilities) -> Result<(String, i64)> {
    let KnobSetting { name, value } = setting;
    let Some(knob) = capabilities.knobs.iter().find(|knob| knob.name == name) else {
        let names: Vec<_> = capabilities.knobs.iter().map(|knob| knob.name).collect();
        let message = format!("no knob {name}: this encoder has {}", names.join(", "));
        return Err(Failure::usage(message));
    };
    let named = match knob.kind {
        KnobKind::Choice(choices) => {
            choices.iter().find(|(_, name)| name == value).map(|&(number, _)| number)
        }
        KnobKind::Switch => match value.as_str() {
            "on" | "true" | "yes" => Some(1),
            "off" | "false" | "no" => Some(0),
            _ => None,
        },
        _ => None,
    };
    let number = named.or_else(|| value.parse().ok()).filter(|&number| knob.allows(number));
    let number = number.ok_or_else(|| {
        Failure::usage(format!("{name} cannot be {value}: allowed is {}", knob.allowed()))
    })?;
    Ok((name.clone(), number))
}

/// Pixels and the bitrate that WebRTC allows at most for them, in kilobits per second.
const USUAL_KBPS: [(u64, u64); 5] =
    [(320 * 180, 300), (480 * 270, 500), (640 * 360, 800), (960 * 540, 1500), (1280 * 720, 2500)];

/// The bitrate for a size of which nothing else is said: between the table's lines in proportion,
/// outside it by the nearest line's bits per pixel.
fn usual_bitrate(size: Size) -> Bitrate {
    let pixels = size.pixels();
    let above = USUAL_KBPS.iter().position(|&(limit, _)| pixels <= limit);
    let kbps = match above {
        Some(0) => pixels * USUAL_KBPS[0].1 / USUAL_KBPS[0].0,
        Some(line) => {
            let ((from, low), (to, high)) = (USUAL_KBPS[line - 1], USUAL_KBPS[line]);
            low + (pixels - from) * (high - low) / (to - from)
        }
        None => pixels * 2500 / (1280 * 720),
    };
    Bitrate::kbps(kbps.max(30))
}

/// Threads for pictures of `size`: what the user said, or one for each eight rows of macroblocks,
/// up to the number of cores and to eight.
pub(crate) fn threads_for(asked: Option<usize>, size: Size) -> usize {
    asked.unwrap_or_else(|| {
        let cores = available_parallelism().map_or(1, usize::from);
        (size.macroblocks().1 / 8).clamp(1, 8).min(cores)
    })
}

/// `cbr 600 kb/s`.
pub(crate) fn describe_rate(rate: RateControl) -> String {
    match rate {
        RateControl::Cbr(bitrate) => format!("CBR {bitrate}"),
        RateControl::Vbr(bitrate) => format!("VBR {bitrate}"),
        RateControl::Quality(quality) => format!("quality {quality} of 100"),
        RateControl::FixedQ(qindex) => format!("qindex {qindex}"),
        _ => "other rate control".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_bitrates_follow_the_table_and_grow_with_the_picture() {
        assert_eq!(usual_bitrate(Size::new(640, 360)), Bitrate::kbps(800));
        assert_eq!(usual_bitrate(Size::new(1280, 720)), Bitrate::kbps(2500));
        assert_eq!(usual_bitrate(Size::new(1920, 1080)), Bitrate::kbps(5625));
        assert_eq!(usual_bitrate(Size::new(16, 16)), Bitrate::kbps(30));
        let rates = [16, 160, 320, 500, 640, 1000, 1280, 2000, 4000]
            .map(|width| usual_bitrate(Size::new(width, width * 9 / 16)));
        assert!(rates.is_sorted());
    }
}
