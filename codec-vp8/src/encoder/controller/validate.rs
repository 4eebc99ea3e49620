//! Validation of settings before they are used.

use codec_core::codec::{
    Bitrate, Buffering, DropPolicy, EncoderConfig, Preset, RateControl, Update,
};
use codec_core::error::ConfigError;
use codec_core::frame::{Rational, Size};

/// Maximum width and height in pixels (RFC 6386, section 9.1: 14 bits).
pub(super) const MAX_DIMENSION: u32 = 16_383;
/// Highest (coarsest) quantiser index.
pub(super) const MAX_QINDEX: u8 = 127;
/// Fastest speed.
pub(super) const MAX_SPEED: u8 = 10;
/// Maximum buffer duration, one hour: longer values indicate a wrong unit.
const MAX_BUFFER_MS: u32 = 3_600_000;

pub(super) fn size(size: Size) -> Result<(), ConfigError> {
    let allowed = 1..=MAX_DIMENSION;
    let ok = allowed.contains(&size.width) && allowed.contains(&size.height);
    ConfigError::ensure(ok, "size", size, "1x1 to 16383x16383")
}

fn ratio(knob: &'static str, value: Rational) -> Result<(), ConfigError> {
    ConfigError::ensure(value.num > 0 && value.den > 0, knob, value, "a value above 0")
}

fn bitrate(rate: Bitrate) -> Result<(), ConfigError> {
    ConfigError::ensure(rate.0 > 0, "bitrate", format_args!("{} bit/s", rate.0), "at least 1 bit/s")
}

fn rate(mode: RateControl) -> Result<(), ConfigError> {
    match mode {
        RateControl::Cbr(rate) | RateControl::Vbr(rate) => bitrate(rate),
        RateControl::Quality(quality) => {
            ConfigError::ensure(quality <= 100, "quality", quality, "0..=100")
        }
        RateControl::FixedQ(qindex) => ConfigError::ensure(
            qindex <= MAX_QINDEX,
            "qindex",
            qindex,
            format_args!("0..={MAX_QINDEX}"),
        ),
    }
}

fn speed(speed: u8) -> Result<(), ConfigError> {
    ConfigError::ensure(speed <= MAX_SPEED, "speed", speed, format_args!("0..={MAX_SPEED}"))
}

fn buffering(buffering: Buffering) -> Result<(), ConfigError> {
    let Buffering { initial_ms, optimal_ms, size_ms } = buffering;
    let sizes = 1..=MAX_BUFFER_MS;
    ConfigError::ensure(
        sizes.contains(&size_ms),
        "buffer size",
        size_ms,
        format_args!("1..={MAX_BUFFER_MS} ms"),
    )?;
    let allowed = format_args!("0..={size_ms} ms (the buffer size)").to_string();
    ConfigError::ensure(initial_ms <= size_ms, "initial buffer", initial_ms, &allowed)?;
    ConfigError::ensure(optimal_ms <= size_ms, "optimal buffer", optimal_ms, &allowed)
}

fn caps(config: &EncoderConfig) -> Result<(), ConfigError> {
    let or_none = "at least 1";
    ConfigError::ensure(config.rate.max_key_frame_pct != Some(0), "key-frame cap", "0 %", or_none)?;
    ConfigError::ensure(config.rate.max_frame_bytes != Some(0), "frame cap", "0 bytes", or_none)?;
    let window = config.rate.window_cap.is_none_or(|cap| cap.window_ms > 0 && cap.max_bytes > 0);
    ConfigError::ensure(window, "window cap", "0", or_none)?;
    ConfigError::ensure(config.keys.max_interval != Some(0), "key interval", 0, or_none)
}

fn qindex_range((min, max): (u8, u8)) -> Result<(), ConfigError> {
    ConfigError::ensure(max <= MAX_QINDEX, "max qindex", max, format_args!("0..={MAX_QINDEX}"))?;
    ConfigError::ensure(min <= max, "min qindex", min, format_args!("0..={max} (the max qindex)"))
}

/// Checks that an encoder can be created with `config`, except knobs and the SIMD level.
pub(super) fn config(config: &EncoderConfig) -> Result<(), ConfigError> {
    size(config.size)?;
    ratio("framerate", config.framerate)?;
    ratio("timebase", config.timebase)?;
    rate(config.rate.mode)?;
    buffering(config.rate.buffering)?;
    qindex_range(super::CAPABILITIES.allowed_qindex(config))?;
    ConfigError::ensure(
        config.rate.undershoot_pct <= 100,
        "undershoot",
        config.rate.undershoot_pct,
        "0..=100 percent",
    )?;
    ConfigError::ensure(
        config.rate.overshoot_pct <= 100,
        "overshoot",
        config.rate.overshoot_pct,
        "0..=100 percent",
    )?;
    caps(config)?;
    if let DropPolicy::BelowBufferPct(pct) = config.rate.drops {
        ConfigError::ensure(pct <= 100, "drops", pct, "0..=100 percent")?;
    }
    if let Some(deadline) = &config.deadline {
        max_frame_time(deadline.max_us)?;
        let real_time = config.preset == Preset::Rtc;
        if !real_time {
            return Err(ConfigError::conflict("deadline", "it requires the rtc preset"));
        }
    }
    config.denoise.check()?;
    speed(config.speed)
}

fn max_frame_time(max_us: u64) -> Result<(), ConfigError> {
    ConfigError::ensure(max_us > 0, "max frame time", "0", "at least 1 us")
}

/// Checks the values of an update; the rate controller and the knobs check theirs.
pub(super) fn update(update: &Update) -> Result<(), ConfigError> {
    match update {
        Update::Bitrate(rate) => bitrate(*rate),
        Update::Rate(mode) => rate(*mode),
        Update::QindexRange(min, max) => {
            qindex_range((min.unwrap_or(0), max.unwrap_or(MAX_QINDEX)))
        }
        Update::Denoise(denoise) => denoise.check(),
        Update::Speed(value) => speed(*value),
        Update::MaxFrameTime(max_us) => max_frame_time(*max_us),
        _ => Ok(()),
    }
}
