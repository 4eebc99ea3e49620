//! Settings of a video encoder, with defaults and units.

use codec_backends::registry;
use codec_container::Format;
use codec_core::codec::{
    Backend, Bitrate, Capabilities, Codec, Content, Deadline, Denoise, DropPolicy, EncoderConfig,
    Feature, KnobKind, RateControl, Scalability, Tune,
};
use codec_core::error::Error;
use codec_core::frame::{Rational, Size};

use crate::clock::WallClock;
use crate::failure::{Failure, Kind, Result};
use crate::settings::features::check_feature;
use crate::settings::regions::Regions;
use crate::values::{KeyInterval, KnobSetting, RegionOffset};

/// Share of the optimal buffer level below which frames are dropped, as in WebRTC.
const DROP_BELOW_PCT: u8 = 30;

/// Name of the backend option behind `--token-parts`.
const TOKEN_PARTITIONS: &str = "token-partitions";

/// Intended use of the output, which selects defaults of the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Real time: CBR, no look-ahead, no periodic key frames.
    Rtc,
    /// Files: look-ahead and altref frames, VBR.
    File,
}

/// Settings of a video encoder as a user gives them. `None` and empty mean the default.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderOptions {
    /// Codec or codec/backend.
    pub codec: Option<String>,
    /// Bits per second.
    pub bitrate: Option<Bitrate>,
    /// Constant quality, 0 (worst) to 100 (best).
    pub quality: Option<u8>,
    /// Constant quantiser index, in the codec's scale.
    pub qp: Option<u8>,
    /// Intended use of the output.
    pub preset: Option<Preset>,
    /// 0 (best) to 10 (fastest).
    pub speed: Option<u8>,
    /// Longest distance between key frames.
    pub keyint: Option<KeyInterval>,
    /// Spatial and temporal layers: `L1T1`, `L1T3`, `L3T3_KEY`.
    pub layers: Option<String>,
    /// Kind of content.
    pub content: Content,
    /// Removal of camera noise.
    pub denoise: Denoise,
    /// The measure of quality to optimise; `None` is the encoder's own choice.
    pub tune: Option<Tune>,
    /// Let the rate controller drop frames.
    pub drop: bool,
    /// Maximum encoding time per frame, in microseconds.
    pub max_frame_time: Option<u64>,
    /// Keep frames decodable after packet loss if their references arrived.
    pub error_resilient: bool,
    /// Token partitions.
    pub token_parts: Option<String>,
    /// Backend-specific options.
    pub knob: Vec<KnobSetting>,
    /// Regions of interest, in pixels of the encoded frames.
    pub regions: Vec<RegionOffset>,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            codec: None,
            bitrate: None,
            quality: None,
            qp: None,
            preset: None,
            speed: None,
            keyint: None,
            layers: None,
            content: Content::Camera,
            denoise: Denoise::Off,
            tune: None,
            drop: false,
            max_frame_time: None,
            error_resilient: false,
            token_parts: None,
            knob: Vec::new(),
            regions: Vec::new(),
        }
    }
}

/// An encoder with its resolved settings.
#[derive(Clone, Debug)]
pub struct EncoderSettings {
    /// The backend that encodes.
    pub backend: &'static Backend,
    /// The capabilities of the backend's encoder.
    pub(crate) capabilities: &'static Capabilities,
    rate: Option<RateChoice>,
    /// Intended use of the output.
    pub preset: Preset,
    speed: Option<u8>,
    keyint: Option<KeyInterval>,
    scalability: Scalability,
    content: Content,
    denoise: Denoise,
    tune: Option<Tune>,
    drop: bool,
    max_frame_us: Option<u64>,
    error_resilient: bool,
    knobs: Vec<(String, i64)>,
    /// Regions of interest.
    pub regions: Regions,
}

#[derive(Clone, Copy, Debug)]
enum RateChoice {
    Bitrate(Bitrate),
    Quality(u8),
    /// A quality in 256ths.
    FineQuality(u32),
    Qp(u8),
}

/// Disables B frames for IVF output.
fn without_b_frames(knobs: &mut Vec<(String, i64)>, capabilities: &Capabilities) -> Result<()> {
    const KNOB: &str = "bframes";
    if !capabilities.knobs.iter().any(|knob| knob.name == KNOB) {
        return Ok(());
    }
    match knobs.iter().find(|(name, _)| name == KNOB) {
        Some((_, 0)) => {}
        Some(_) => {
            let conflict = "cannot encode B frames to IVF\n\
                            help: use --knob bframes=0, or write .mkv, .mp4, .ts or .h264";
            return Err(Failure::usage(conflict));
        }
        None => knobs.push((KNOB.to_owned(), 0)),
    }
    Ok(())
}

impl EncoderSettings {
    /// Whether camera noise may be removed before encoding.
    pub(crate) fn denoises(&self) -> bool {
        self.denoise != Denoise::Off
    }

    /// Resolves `args` for streams in `format`; `default_preset` applies without one.
    ///
    /// # Errors
    /// If settings conflict or the backend is missing.
    pub fn new(args: &EncoderOptions, default_preset: Preset, format: Format) -> Result<Self> {
        let (backend, capabilities) = video_backend(args.codec.as_deref(), format)?;
        let preset = args.preset.unwrap_or(default_preset);
        let mut knobs = Vec::new();
        if let Some(count) = &args.token_parts {
            if !capabilities.knobs.iter().any(|knob| knob.name == TOKEN_PARTITIONS) {
                let codec = backend.codec;
                let message = format!("--token-parts cannot be used with {codec}, only with vp8");
                return Err(Failure::usage(message));
            }
            let setting =
                KnobSetting { name: TOKEN_PARTITIONS.to_owned(), value: count.to_owned() };
            knobs.push(knob(&setting, capabilities)?);
        }
        for setting in &args.knob {
            knobs.push(knob(setting, capabilities)?);
        }
        if format == Format::Ivf {
            without_b_frames(&mut knobs, capabilities)?;
        }
        let rate = match (args.bitrate, args.quality, args.qp) {
            (Some(bitrate), ..) => Some(RateChoice::Bitrate(bitrate)),
            (_, Some(quality), _) => Some(RateChoice::Quality(quality)),
            (.., Some(qp)) => {
                let (best, worst) = capabilities.qindex_range;
                if !(best..=worst).contains(&qp) {
                    let message =
                        format!("invalid --qp {qp}: {} supports {best} to {worst}", backend.codec);
                    return Err(Failure::usage(message));
                }
                Some(RateChoice::Qp(qp))
            }
            _ => None,
        };
        if args.drop && (preset != Preset::Rtc || args.quality.is_some() || args.qp.is_some()) {
            let needs = "--drop requires constant bitrate: --preset rtc and -b";
            return Err(Failure::usage(needs));
        }
        if args.max_frame_time.is_some() && preset != Preset::Rtc {
            return Err(Failure::usage("--max-frame-time requires --preset rtc"));
        }
        if matches!(args.denoise, Denoise::Level(_)) && args.content == Content::Screen {
            let conflict = "--content screen has no camera noise to remove\n\
                            help: use --video-denoise off or auto";
            return Err(Failure::usage(conflict));
        }
        if args.tune.is_some() {
            check_feature("--tune", Feature::Tune, backend, capabilities)?;
        }
        if args.tune == Some(Tune::Visual) && args.content == Content::Screen {
            let conflict = "--content screen is always coded with --tune psnr";
            return Err(Failure::usage(conflict));
        }
        Ok(Self {
            backend,
            capabilities,
            rate,
            preset,
            speed: args.speed,
            keyint: args.keyint,
            scalability: scalability(args.layers.as_deref(), capabilities)?,
            content: args.content,
            denoise: args.denoise,
            tune: args.tune,
            drop: args.drop,
            max_frame_us: args.max_frame_time,
            error_resilient: args.error_resilient,
            knobs,
            regions: Regions::new(&args.regions, backend, capabilities)?,
        })
    }

    /// Settings for generated clips: very high quality.
    pub(crate) fn generated(format: Format) -> Result<Self> {
        let (backend, capabilities) = video_backend(None, format)?;
        Ok(Self {
            backend,
            capabilities,
            rate: Some(RateChoice::Quality(95)),
            preset: Preset::File,
            speed: None,
            keyint: None,
            scalability: Scalability::L1T1,
            content: Content::Camera,
            denoise: Denoise::Off,
            tune: None,
            drop: false,
            max_frame_us: None,
            error_resilient: false,
            knobs: Vec::new(),
            regions: Regions::default(),
        })
    }

    /// Number of spatial layers.
    pub(crate) fn spatial_layers(&self) -> u8 {
        self.scalability.spatial_layers()
    }

    /// Whether the bitrate comes from the default table.
    pub(crate) fn is_rate_guessed(&self) -> bool {
        self.rate.is_none()
    }

    /// Whether a bitrate is the target.
    pub fn is_bitrate(&self) -> bool {
        matches!(self.rate, None | Some(RateChoice::Bitrate(_)))
    }

    /// These settings at a constant quality, in 256ths.
    pub(crate) fn at_quality(&self, quality_q8: u32) -> Self {
        Self { rate: Some(RateChoice::FineQuality(quality_q8)), ..self.clone() }
    }

    /// These settings at a bitrate.
    pub(crate) fn at_bitrate(&self, bitrate: Bitrate) -> Self {
        Self { rate: Some(RateChoice::Bitrate(bitrate)), ..self.clone() }
    }

    /// The speed of an encode with these settings.
    pub(crate) fn speed(&self) -> u8 {
        let (rtc, file) = self.capabilities.default_speeds;
        self.speed.unwrap_or(match self.preset {
            Preset::Rtc => rtc,
            Preset::File => file,
        })
    }

    /// These settings at another speed.
    pub(crate) fn at_speed(&self, speed: u8) -> Self {
        Self { speed: Some(speed), ..self.clone() }
    }

    /// Checks that the encoder has constant quality, which `--target` sets.
    pub(crate) fn check_quality(&self) -> Result<()> {
        check_feature("--target", Feature::Quality, self.backend, self.capabilities)
    }

    /// All settings that affect a measurement, by name. `config` is the result of [`Self::config`].
    pub fn describe(&self, config: &EncoderConfig) -> Vec<(&'static str, String)> {
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let knobs: Vec<_> = self.knobs.iter().map(|(name, to)| format!("{name}={to}")).collect();
        let preset = if self.preset == Preset::Rtc { "rtc" } else { "file" };
        let mut settings = vec![
            ("encoder", format!("{}/{}", self.backend.codec, self.backend.name)),
            ("rate", describe_rate(config.rate.mode)),
            ("preset", preset.to_owned()),
            ("speed", config.speed.to_string()),
            ("keyint", or_default(config.keys.max_interval.map(|frames| frames.to_string()))),
            ("layers", format!("{:?}", self.scalability)),
            ("content", format!("{:?}", self.content).to_lowercase()),
            ("denoise", describe_denoise(self.denoise)),
            ("tune", or_default(self.tune.map(|tune| format!("{tune:?}").to_lowercase()))),
            ("drop", self.drop.to_string()),
            ("max_frame_us", or_default(self.max_frame_us.map(|us| us.to_string()))),
            ("error_resilient", self.error_resilient.to_string()),
            ("knobs", knobs.join(" ")),
        ];
        if !self.regions.is_empty() {
            settings.push(("regions", self.regions.text()));
        }
        settings
    }

    /// Returns the encoder configuration for frames of `size`. The caller sets the pool and the
    /// SIMD level.
    pub fn config(&self, size: Size, frame_rate: Rational, time_base: Rational) -> EncoderConfig {
        let bitrate = match self.rate {
            Some(RateChoice::Bitrate(bitrate)) => bitrate,
            _ => default_bitrate(size),
        };
        let mut config = match self.preset {
            Preset::Rtc => EncoderConfig::rtc(size, frame_rate, bitrate),
            Preset::File => EncoderConfig::file(size, frame_rate, RateControl::Vbr(bitrate)),
        };
        match self.rate {
            Some(RateChoice::Quality(quality)) => config.rate.mode = RateControl::Quality(quality),
            Some(RateChoice::FineQuality(quality_q8)) => {
                let [fraction, quality, ..] = quality_q8.to_le_bytes();
                config.rate.mode = RateControl::Quality(quality);
                config.rate.quality_fraction_q8 = fraction;
            }
            Some(RateChoice::Qp(qp)) => config.rate.mode = RateControl::FixedQ(qp),
            Some(RateChoice::Bitrate(_)) | None => {}
        }
        if matches!(config.rate.mode, RateControl::FixedQ(_)) {
            // A fixed quantiser index overrides the preset's range.
            let (best, worst) = self.capabilities.qindex_range;
            (config.rate.min_qindex, config.rate.max_qindex) = (Some(best), Some(worst));
        }
        config.timebase = time_base;
        config.speed = self.speed();
        if let Some(keyint) = self.keyint {
            config.keys.max_interval = keyint.frames(frame_rate);
        }
        if self.drop {
            config.rate.drops = DropPolicy::BelowBufferPct(DROP_BELOW_PCT);
        }
        config.deadline =
            self.max_frame_us.map(|max_us| Deadline { max_us, clock: WallClock::shared() });
        config.scalability = self.scalability;
        config.content = self.content;
        config.denoise = self.denoise;
        config.tune = self.tune;
        config.error_resilient = self.error_resilient;
        config.knobs.clone_from(&self.knobs);
        config
    }
}

fn describe_denoise(denoise: Denoise) -> String {
    match denoise {
        Denoise::Off => "off".to_owned(),
        Denoise::Auto => "auto".to_owned(),
        Denoise::Level(level) => level.to_string(),
    }
}

/// The requested encoder, or the default one of the format.
fn video_backend(
    spec: Option<&str>,
    format: Format,
) -> Result<(&'static Backend, &'static Capabilities)> {
    let default = Codec::KNOWN.into_iter().find(|codec| format.holds_video(*codec));
    let spec = spec.unwrap_or_else(|| default.unwrap_or(Codec::Vp8).name());
    let found = registry::find_encoder(spec).map_err(|error| match registry::find(spec) {
        // The error names the feature that adds an encoder.
        Ok(_) if matches!(&error, Error::NoBackend(detail) if detail.feature.is_some()) => {
            Failure::encoding(error)
        }
        Ok(_) => Failure::new(Kind::Backend, format!("{spec} has no encoder")),
        Err(_) if registry::find_audio(spec).is_ok() => {
            Failure::usage(format!("{spec} is an audio codec\nhelp: use --audio-codec {spec}"))
        }
        Err(_) => Failure::encoding(error),
    });
    let (backend, _, capabilities) = found?;
    let codec = backend.codec;
    if !format.is_raw_video() && !format.holds_video(codec) {
        let other =
            if codec == Codec::H264 { ".mp4, .mkv or .ts" } else { ".mkv, which holds all codecs" };
        return Err(Failure::usage(format!(
            "{format} cannot hold {codec} video\nhelp: use {other}"
        )));
    }
    Ok((backend, capabilities))
}

fn scalability(name: Option<&str>, capabilities: &Capabilities) -> Result<Scalability> {
    let Some(name) = name else {
        return Ok(Scalability::L1T1);
    };
    let known = Scalability::ALL.iter().filter(|(_, mode)| capabilities.scalability.contains(mode));
    let found = known.clone().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|&(_, mode)| mode).ok_or_else(|| {
        let names: Vec<_> = known.map(|(name, _)| *name).collect();
        let is_spatial = Scalability::ALL.iter().any(|(all, _)| all.eq_ignore_ascii_case(name));
        let help =
            if is_spatial { "\nhelp: -c vp9 --preset rtc supports spatial layers" } else { "" };
        Failure::usage(format!(
            "invalid --layers {name}: this encoder supports {}{help}",
            names.join(", ")
        ))
    })
}

/// Returns the numeric value of a backend option if name and value are valid.
fn knob(setting: &KnobSetting, capabilities: &Capabilities) -> Result<(String, i64)> {
    let KnobSetting { name, value } = setting;
    let Some(knob) = capabilities.knobs.iter().find(|knob| knob.name == name) else {
        let names: Vec<_> = capabilities.knobs.iter().map(|knob| knob.name).collect();
        let names = if names.is_empty() { "no knobs".to_owned() } else { names.join(", ") };
        let message = format!("unknown knob {name}: this encoder has {names}");
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
        KnobKind::Range { .. } => None,
    };
    let number = named.or_else(|| value.parse().ok()).filter(|&number| knob.allows(number));
    let number = number.ok_or_else(|| {
        Failure::usage(format!(
            "invalid value {value} for knob {name}: expected {}",
            knob.allowed()
        ))
    })?;
    Ok((name.clone(), number))
}

/// Pixels per frame and the highest bitrate that WebRTC uses for them, in kilobits per second.
const DEFAULT_KBPS: [(u64, u64); 5] =
    [(320 * 180, 300), (480 * 270, 500), (640 * 360, 800), (960 * 540, 1500), (1280 * 720, 2500)];

/// The default bitrate for a frame size: interpolated between table entries; outside the table, the
/// bits per pixel of the nearest entry.
fn default_bitrate(size: Size) -> Bitrate {
    let pixels = size.pixels();
    let above = DEFAULT_KBPS.iter().position(|&(limit, _)| pixels <= limit);
    let kbps = match above {
        Some(0) => pixels * DEFAULT_KBPS[0].1 / DEFAULT_KBPS[0].0,
        Some(line) => {
            let ((from, low), (to, high)) = (DEFAULT_KBPS[line - 1], DEFAULT_KBPS[line]);
            low + (pixels - from) * (high - low) / (to - from)
        }
        None => pixels * 2500 / (1280 * 720),
    };
    Bitrate::kbps(kbps.max(30))
}

/// Formats a rate control mode, such as `CBR 600 kb/s`.
pub fn describe_rate(rate: RateControl) -> String {
    match rate {
        RateControl::Cbr(bitrate) => format!("CBR {bitrate}"),
        RateControl::Vbr(bitrate) => format!("VBR {bitrate}"),
        RateControl::Quality(quality) => format!("quality {quality} of 100"),
        RateControl::FixedQ(qindex) => format!("qindex {qindex}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_bitrates_follow_the_table_and_grow_with_the_frame() {
        assert_eq!(default_bitrate(Size::new(640, 360)), Bitrate::kbps(800));
        assert_eq!(default_bitrate(Size::new(1280, 720)), Bitrate::kbps(2500));
        assert_eq!(default_bitrate(Size::new(1920, 1080)), Bitrate::kbps(5625));
        assert_eq!(default_bitrate(Size::new(16, 16)), Bitrate::kbps(30));
        let rates = [16, 160, 320, 500, 640, 1000, 1280, 2000, 4000]
            .map(|width| default_bitrate(Size::new(width, width * 9 / 16)));
        assert!(rates.is_sorted());
    }
}
