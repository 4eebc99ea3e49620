//! Capabilities of rav1e, and translation of encoder settings to those of rav1e.

use rav1e::prelude as lib;
use rav1e::prelude::{SceneDetectionSpeed, SpeedSettings, Tune};

use codec_core::codec::{
    Capabilities, EncoderConfig, Feature, Gap, Knob, KnobKind, Preset, RateControl,
};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{Color, ColorRange, PixelFormat, Size};

/// Allowed width and height in pixels.
const DIMENSIONS: std::ops::RangeInclusive<u32> = 16..=65_535;
/// Maximum number of pixels; far above the largest frame of the levels that decoders support.
const MAX_PIXELS: u64 = 1 << 28;

/// Codec-specific settings of rav1e.
pub(super) static KNOBS: &[Knob] = &[
    Knob::new(
        "tiles",
        KnobKind::Range { min: 1, max: 64 },
        1,
        "Minimum number of tiles for parallel coding and decoding; more tiles cost some bits.",
    ),
    Knob::new(
        "tune",
        KnobKind::Choice(&[(0, "psnr"), (1, "psychovisual")]),
        1,
        "Distortion metric of the encoder.",
    ),
    Knob::new(
        "lookahead",
        KnobKind::Range { min: 0, max: 60 },
        0,
        "Look-ahead in frames; 0 selects by preset and speed.",
    ),
    Knob::new(
        "base-qindex-min",
        KnobKind::Range { min: 0, max: 255 },
        0,
        "Lowest base quantiser index of the rate control; a frame's own index depends on its type.",
    ),
    Knob::new(
        "base-qindex-max",
        KnobKind::Range { min: 0, max: 255 },
        255,
        "Highest base quantiser index of the rate control; a frame's own index depends on its type.",
    ),
];

/// Additional frames held back by the file preset beyond its look-ahead: a group of reordered
/// frames.
pub(super) const FILE_LATENCY: u32 = 8;
/// Maximum look-ahead in frames.
pub(super) const MAX_LOOKAHEAD: u32 = 60;

const GAPS: &[Gap] = &[
    Gap::new(Feature::AnySize, "rav1e requires at least 16 pixels in each dimension"),
    Gap::new(
        Feature::FixedQ,
        "rav1e derives each frame's index from a base index and the frame type",
    ),
    Gap::new(
        Feature::QindexRange,
        "rav1e limits only the base index: see base-qindex-min and base-qindex-max",
    ),
    Gap::new(Feature::FrameShares, "rav1e's rate control has no such setting"),
    Gap::new(Feature::Caps, "rav1e's rate control cannot cap the bytes of a frame or time window"),
    Gap::new(
        Feature::Buffering,
        "rav1e's reservoir is fixed to one second, with half as initial and target level",
    ),
    Gap::new(Feature::Drops, "rav1e codes every frame"),
    Gap::new(Feature::LiveBitrate, "the settings of a rav1e context cannot be changed"),
    Gap::new(Feature::LiveRate, "the settings of a rav1e context cannot be changed"),
    Gap::new(Feature::LiveQindexRange, "the settings of a rav1e context cannot be changed"),
    Gap::new(Feature::LiveFrameRate, "the settings of a rav1e context cannot be changed"),
    Gap::new(Feature::LiveSpeed, "the settings of a rav1e context cannot be changed"),
    Gap::new(Feature::TemporalLayers, "rav1e has no temporal layers"),
    Gap::new(Feature::SpatialLayers, "rav1e has no spatial layers"),
    Gap::new(Feature::References, "rav1e chooses references and slots itself"),
    Gap::new(Feature::Importance, "rav1e decides the quantiser of each block itself"),
    Gap::new(Feature::GivenAnalysis, "rav1e analyses frames itself"),
    Gap::new(Feature::Denoise, "this backend passes frames to rav1e as they are"),
    Gap::new(Feature::Tune, "rav1e has its own tunings: see the knob tune"),
    Gap::new(Feature::ScreenContent, "rav1e has no setting for the type of content"),
    Gap::new(Feature::Deadline, "rav1e's speed cannot be changed from frame to frame"),
    Gap::new(Feature::IntraRefresh, "rav1e has no intra refresh"),
    Gap::new(Feature::NoDelay, "rav1e's low-latency mode still uses look-ahead"),
    Gap::new(Feature::ReportsReferences, "rav1e does not report references"),
    Gap::new(Feature::Pool, "rav1e starts its own threads, as many as the pool has"),
    Gap::new(Feature::SimdLevel, "rav1e detects the CPU itself, and has no SIMD without av1-asm"),
];

/// Capabilities of the encoder.
pub(crate) static CAPABILITIES: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    max_dimension: 65_535,
    qindex_range: (0, 255),
    rtc_qindex_range: (0, 255),
    reference_slots: 8,
    // Slower speeds take seconds per high-definition frame without assembly.
    default_speeds: (10, 8),
    latency_frames: MAX_LOOKAHEAD + FILE_LATENCY,
    live_resolution: true,
    reports_qindex: true,
    threads: true,
    knobs: KNOBS,
    gaps: GAPS,
    ..Capabilities::minimal("rav1e")
};

#[derive(Clone, Copy, Debug)]
struct KnobValues {
    tiles: usize,
    tune: Tune,
    lookahead: usize,
    base_qindex: (u8, u8),
}

impl KnobValues {
    /// Creates the values from settings that match their schema.
    fn from_list(given: &[(String, i64)]) -> Result<Self, ConfigError> {
        let mut values =
            Self { tiles: 1, tune: Tune::Psychovisual, lookahead: 0, base_qindex: (0, 255) };
        for (name, value) in given {
            let number = usize::try_from(*value).unwrap_or(0);
            let byte = u8::try_from(*value).unwrap_or(u8::MAX);
            match &**name {
                "tiles" => values.tiles = number,
                "tune" if number == 0 => values.tune = Tune::Psnr,
                "tune" => values.tune = Tune::Psychovisual,
                "lookahead" => values.lookahead = number,
                "base-qindex-min" => values.base_qindex.0 = byte,
                _ => values.base_qindex.1 = byte,
            }
        }
        let (min, max) = values.base_qindex;
        if min > max {
            return Err(ConfigError::new("base-qindex-min", min, format!("at most {max}")));
        }
        Ok(values)
    }
}

pub(super) fn size(size: Size) -> Result<(), ConfigError> {
    let sides = DIMENSIONS.contains(&size.width) && DIMENSIONS.contains(&size.height);
    let allowed = "16x16 to 65535x65535, at most 268435456 pixels";
    ConfigError::ensure(sides && size.pixels() <= MAX_PIXELS, "size", size, allowed)
}

/// Returns the library's settings and its number of threads.
pub(super) fn translate(config: &EncoderConfig) -> Result<(lib::EncoderConfig, usize), Error> {
    CAPABILITIES.check_config(config)?;
    size(config.size)?;
    if config.rate.first_pass.is_some() {
        return Err(Error::unsupported("two-pass statistics in rav1e"));
    }
    let intervals = 1..=1 << 28;
    let interval = config.keys.max_interval.unwrap_or(1 << 28);
    ConfigError::ensure(intervals.contains(&interval), "key interval", interval, "1..=268435456")?;
    let knobs = KnobValues::from_list(&config.knobs)?;

    let is_live = config.preset == Preset::Rtc;
    let mut speed = SpeedSettings::from_preset(config.speed);
    match knobs.lookahead {
        0 if is_live => speed.rdo_lookahead_frames = 1,
        0 => {}
        frames => speed.rdo_lookahead_frames = frames,
    }
    speed.scene_detection_mode = match (config.keys.at_scene_cuts, is_live) {
        (false, _) => SceneDetectionSpeed::None,
        (true, true) => SceneDetectionSpeed::Fast,
        (true, false) => speed.scene_detection_mode,
    };
    let mut to = lib::EncoderConfig::with_speed_preset(config.speed);
    to.speed_settings = speed;
    (to.width, to.height) = (config.size.width as usize, config.size.height as usize);
    let rate = config.framerate;
    to.time_base = lib::Rational::new(u64::from(rate.den), u64::from(rate.num));
    to.low_latency = is_live;
    to.error_resilient = config.error_resilient;
    // In low-latency mode a minimum interval would delay requested key frames.
    to.min_key_frame_interval = 0;
    to.max_key_frame_interval = config.keys.max_interval.map_or(0, u64::from);
    to.tune = knobs.tune;
    to.tiles = knobs.tiles;
    (to.pixel_range, to.color_description) = color(config.info.color)?;
    rate_control(config, &knobs, &mut to)?;
    let threads = config.pool.as_ref().map_or(1, |pool| pool.threads().max(1));
    Ok((to, threads))
}

/// rav1e's rate control spreads bits over a reservoir of frames. Constant bitrate sets it to the
/// buffer size; variable bitrate uses rav1e's default (240 frames, or one and a half key frame
/// intervals).
fn rate_control(
    config: &EncoderConfig,
    knobs: &KnobValues,
    to: &mut lib::EncoderConfig,
) -> Result<(), Error> {
    match config.rate.mode {
        RateControl::Cbr(rate) | RateControl::Vbr(rate) => {
            let bits = i32::try_from(rate.0).ok().filter(|&bits| bits > 0);
            let allowed = "1..=2147483647 bit/s";
            to.bitrate = bits.ok_or_else(|| ConfigError::new("bitrate", rate.0, allowed))?;
            // With a bitrate, `quantizer` is the highest index; rav1e's default of 100 would
            // prevent low bitrates.
            (to.min_quantizer, to.quantizer) =
                (knobs.base_qindex.0, usize::from(knobs.base_qindex.1));
            if matches!(config.rate.mode, RateControl::Cbr(_)) {
                let frames =
                    config.framerate.as_f64() * f64::from(config.rate.buffering.size_ms) / 1e3;
                #[expect(clippy::cast_possible_truncation, reason = "clamped")]
                let frames = frames.round().clamp(12.0, 131_072.0) as i32;
                to.reservoir_frame_delay = Some(frames);
            }
        }
        RateControl::Quality(quality) => {
            let (best, worst) = knobs.base_qindex;
            let index = 255 - usize::from(quality) * 255 / 100;
            to.quantizer = index.clamp(usize::from(best), usize::from(worst)).max(1);
        }
        RateControl::FixedQ(_) => return Err(CAPABILITIES.unsupported(Feature::FixedQ)),
    }
    Ok(())
}

/// Returns the colour description for the sequence header.
fn color(color: Color) -> Result<(lib::PixelRange, Option<lib::ColorDescription>), ConfigError> {
    use lib::{ColorPrimaries as P, MatrixCoefficients as M, TransferCharacteristics as T};
    let range = match color.range {
        ColorRange::Full => lib::PixelRange::Full,
        _ => lib::PixelRange::Limited,
    };
    let primaries = [
        P::BT709,
        P::Unspecified,
        P::BT470M,
        P::BT470BG,
        P::BT601,
        P::SMPTE240,
        P::GenericFilm,
        P::BT2020,
        P::XYZ,
        P::SMPTE431,
        P::SMPTE432,
        P::EBU3213,
    ];
    let transfers = [
        T::BT709,
        T::Unspecified,
        T::BT470M,
        T::BT470BG,
        T::BT601,
        T::SMPTE240,
        T::Linear,
        T::Log100,
        T::Log100Sqrt10,
        T::IEC61966,
        T::BT1361,
        T::SRGB,
        T::BT2020_10Bit,
        T::BT2020_12Bit,
        T::SMPTE2084,
        T::SMPTE428,
        T::HLG,
    ];
    let matrices = [
        M::BT709,
        M::Unspecified,
        M::FCC,
        M::BT470BG,
        M::BT601,
        M::SMPTE240,
        M::YCgCo,
        M::BT2020NCL,
        M::BT2020CL,
        M::SMPTE2085,
        M::ChromatNCL,
        M::ChromatCL,
        M::ICtCp,
    ];
    let Color { primaries: p, transfer: t, matrix: m, .. } = color;
    let refused =
        |what, code: u8| ConfigError::new(what, code, "a code point that AV1 allows for 4:2:0");
    let description = lib::ColorDescription {
        color_primaries: *(primaries.iter().find(|&&known| known as u8 == p.0))
            .ok_or_else(|| refused("colour primaries", p.0))?,
        transfer_characteristics: *(transfers.iter().find(|&&known| known as u8 == t.0))
            .ok_or_else(|| refused("transfer characteristics", t.0))?,
        matrix_coefficients: *(matrices.iter().find(|&&known| known as u8 == m.0))
            .ok_or_else(|| refused("matrix coefficients", m.0))?,
    };
    let is_described = (p.0, t.0, m.0) != (2, 2, 2);
    Ok((range, is_described.then_some(description)))
}
