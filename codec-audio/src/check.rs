//! Configuration checks shared by several encoders.

use super::config::{AudioEncoderConfig, Bandwidth};
use super::encoder::{AudioCapabilities, AudioUpdate};
use codec_core::error::{ConfigError, Error};

/// Rejects rate and quality settings, for codecs without them.
///
/// # Errors
/// [`ConfigError`] names the first such setting.
pub fn reject_quality_settings(config: &AudioEncoderConfig) -> Result<(), ConfigError> {
    let plain = AudioEncoderConfig::new(config.codec, config.format);
    let codec = config.codec;
    let refuse =
        |knob| Err(ConfigError::conflict(knob, format_args!("{codec} has no such setting")));
    if config.rate.is_some() {
        return refuse("rate");
    }
    if config.bandwidth.is_some() || config.max_bandwidth != Bandwidth::Full {
        return refuse("bandwidth");
    }
    if config.force_channels.is_some() {
        return refuse("forced channels");
    }
    for (knob, set) in [
        ("fec", config.fec),
        ("dtx", config.dtx),
        ("prediction disabled", config.prediction_disabled),
        ("phase inversion disabled", config.phase_inversion_disabled),
        ("application", config.application != plain.application),
        ("signal", config.signal != plain.signal),
        ("complexity", config.complexity != plain.complexity),
        ("expected loss", config.expected_loss_pct != plain.expected_loss_pct),
        ("lsb depth", config.lsb_depth != plain.lsb_depth),
    ] {
        if set {
            return refuse(knob);
        }
    }
    reject_knobs(&config.knobs)
}

/// Rejects all knobs, for backends without knobs.
///
/// # Errors
/// [`ConfigError`] if there is a knob.
pub fn reject_knobs(knobs: &[(String, i64)]) -> Result<(), ConfigError> {
    match knobs.first() {
        None => Ok(()),
        Some((name, value)) => Err(unknown_knob(name, *value)),
    }
}

/// Returns the error for an unknown knob.
#[must_use]
pub fn unknown_knob(name: &str, value: i64) -> ConfigError {
    ConfigError::new("knob", format!("{name}={value}"), "none: this codec has no knobs")
}

/// Returns the packet duration of an update, and rejects all other updates.
///
/// # Errors
/// [`Error::Config`] for a knob; [`Error::Unsupported`] for any other update.
pub fn only_frame_duration(update: &AudioUpdate) -> Result<super::FrameDuration, Error> {
    match update {
        AudioUpdate::Frame(length) => Ok(*length),
        AudioUpdate::Knob(name, value) => Err(unknown_knob(name, *value).into()),
        _ => Err(Error::unsupported(
            "changing a setting other than the packet duration while this encoder runs",
        )),
    }
}

/// Rejects a sample rate or a number of channels that the backend does not support.
///
/// # Errors
/// [`ConfigError`] with the supported values.
pub fn check_format(
    format: super::AudioFormat,
    capabilities: &AudioCapabilities,
) -> Result<(), ConfigError> {
    let rates = capabilities.rates;
    if format.rate == 0 || !rates.is_empty() && !rates.contains(&format.rate) {
        let allowed = match rates {
            [] => "1 Hz or more".to_owned(),
            [rate] => format!("{rate} Hz"),
            [rates @ .., last] => {
                let names: Vec<_> = rates.iter().map(u32::to_string).collect();
                format!("{} or {last} Hz", names.join(", "))
            }
        };
        return Err(ConfigError::new("sample rate", format_args!("{} Hz", format.rate), allowed));
    }
    let most = capabilities.max_channels;
    if format.channels() == 0 || format.channels() > usize::from(most) {
        return Err(ConfigError::new("channels", format.channels(), format_args!("1..={most}")));
    }
    Ok(())
}
