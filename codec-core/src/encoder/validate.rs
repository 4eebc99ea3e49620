//! Validation of settings that the check against a codec's capabilities does not cover.

use crate::codec::{Buffering, Capabilities, DropPolicy, EncoderConfig, Preset, Update};
use crate::error::{ConfigError, Error};

/// Maximum buffer duration, one hour: longer values indicate a wrong unit.
const MAX_BUFFER_MS: u32 = 3_600_000;

/// Checks that an encoder with these capabilities can be created with `config`, except the SIMD level.
pub(super) fn config(config: &EncoderConfig, capabilities: &Capabilities) -> Result<(), Error> {
    capabilities.check_config(config)?;
    let rate = &config.rate;
    buffering(rate.buffering)?;
    percentage("undershoot", rate.undershoot_pct)?;
    percentage("overshoot", rate.overshoot_pct)?;
    caps(config)?;
    if let DropPolicy::BelowBufferPct(pct) = rate.drops {
        percentage("drops", pct)?;
    }
    if let Some(deadline) = &config.deadline {
        max_frame_time(deadline.max_us)?;
        if config.preset != Preset::Rtc {
            return Err(ConfigError::conflict("deadline", "it requires the rtc preset").into());
        }
    }
    Ok(())
}

/// Checks an update; the rate controller and the knobs check further values.
pub(super) fn update(update: &Update, capabilities: &Capabilities) -> Result<(), Error> {
    match update {
        // The knobs report whether a value can be changed while running.
        Update::Knob(..) => {}
        _ => capabilities.check_update(update)?,
    }
    if let Update::MaxFrameTime(max_us) = update {
        max_frame_time(*max_us)?;
    }
    Ok(())
}

/// Checks the number of spatial layers of an encoder without them.
pub(super) fn one_spatial_layer(layers: u8) -> Result<(), ConfigError> {
    ConfigError::ensure(layers == 1, "spatial layers", layers, "1: this encoder has one layer")
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
    ConfigError::ensure(window, "window cap", "0", "at least 1 ms and at least 1 byte")
}

fn percentage(knob: &'static str, pct: u8) -> Result<(), ConfigError> {
    ConfigError::ensure(pct <= 100, knob, pct, "0..=100 percent")
}

fn max_frame_time(max_us: u64) -> Result<(), ConfigError> {
    ConfigError::ensure(max_us > 0, "max frame time", "0", "at least 1 us")
}
