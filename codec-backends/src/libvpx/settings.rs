//! Translation of encoder settings to those of libvpx.

use codec_ffi::vpx::{Control, Encoder, Format, RateMode, Settings, TemporalLayers};

use super::knobs::MAX_LAG;
use crate::knob_values::KnobValues;
use codec_core::codec::{
    Bitrate, Capabilities, Content, DropPolicy, EncoderConfig, Preset, RateControl, Scalability,
};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::Rational;

/// VP8's quantiser index for each of libvpx's 64 steps.
const VP8_STEPS: [u8; 64] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30,
    31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 64, 67, 70, 73, 76, 79, 82, 85,
    88, 91, 94, 97, 100, 103, 106, 109, 112, 115, 118, 121, 124, 127,
];

/// Returns VP9's quantiser index for a step.
fn vp9_index(step: u8) -> u8 {
    match step {
        0..=61 => 4 * step,
        62 => 249,
        _ => 255,
    }
}

/// Returns the codec's quantiser index for a step of libvpx.
fn index_of(format: Format, step: u8) -> u8 {
    match format {
        Format::Vp8 => VP8_STEPS[usize::from(step.min(63))],
        Format::Vp9 => vp9_index(step.min(63)),
    }
}

/// Returns the lowest and highest of libvpx's steps within a range of indices.
fn steps(format: Format, (min, max): (u8, u8)) -> Result<(u32, u32), ConfigError> {
    let inside = |step: &u8| (min..=max).contains(&index_of(format, *step));
    let refused = || {
        let below = (0..64).rev().find(|&step| index_of(format, step) < min);
        let above = (0..64).find(|&step| index_of(format, step) > max);
        let near = [below, above].into_iter().flatten();
        let near: Vec<_> = near.map(|step| index_of(format, step).to_string()).collect();
        let allowed = format!(
            "a range that contains one of libvpx's 64 indices, such as {}",
            near.join(" or ")
        );
        ConfigError::new("qindex", format!("{min}..={max}"), allowed)
    };
    let finest = (0..64).find(inside).ok_or_else(refused)?;
    let coarsest = (0..64).rev().find(inside).ok_or_else(refused)?;
    Ok((finest.into(), coarsest.into()))
}

/// `cpu-used` for speeds 0 to 10 in real time. The default speed, 7, is WebRTC's choice for desktop
/// computers.
const RTC_CPU_USED: [i32; 11] = [-1, -1, -1, -2, -3, -4, -5, -6, -8, -12, -16];
/// `cpu-used` for speeds 0 to 10 for files.
const FILE_CPU_USED: [i32; 11] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5];
/// `cpu-used` for VP9 in real time.
const VP9_RTC_CPU_USED: [i32; 11] = [-5, -5, -5, -5, -5, -6, -6, -7, -8, -9, -9];

/// Returns `cpu-used`: the knob, or the value for the speed.
pub(super) fn cpu_used(format: Format, config: &EncoderConfig, knobs: &KnobValues) -> i32 {
    let speed = usize::from(config.speed.min(10));
    let limit = if format == Format::Vp9 { 9 } else { 16 };
    let by_speed = match (config.preset, format) {
        (Preset::File, _) => FILE_CPU_USED[speed],
        (Preset::Rtc, Format::Vp8) => RTC_CPU_USED[speed],
        (Preset::Rtc, Format::Vp9) => VP9_RTC_CPU_USED[speed],
    };
    knobs.given("cpu-used").unwrap_or(by_speed).clamp(-limit, limit)
}

/// Returns libvpx's deadline parameter, which selects its mode.
pub(super) fn deadline(config: &EncoderConfig, knobs: &KnobValues) -> u32 {
    match (knobs.value("deadline"), config.preset) {
        (0, _) => 0,
        (1, _) | (-1, Preset::Rtc) => 1,
        _ => 1_000_000,
    }
}

/// Returns the number of frames held back.
pub(super) fn lag(config: &EncoderConfig, knobs: &KnobValues) -> u32 {
    u32::try_from(knobs.value("lag")).unwrap_or(match config.preset {
        Preset::Rtc => 0,
        Preset::File => MAX_LAG,
    })
}

/// Converts to kilobits per second, rounded, at least 1.
fn kbps(rate: Bitrate) -> u32 {
    u32::try_from((rate.0 + 500) / 1000).unwrap_or(u32::MAX).max(1)
}

fn layers(mode: Scalability, total: u32) -> Option<TemporalLayers> {
    let share =
        |percent: u64| u32::try_from(u64::from(total) * percent / 100).unwrap_or(u32::MAX).max(1);
    match mode.temporal_layers() {
        1 => None,
        2 => Some(TemporalLayers {
            pattern: vec![0, 1],
            decimators: vec![2, 1],
            kbps: vec![share(60), total],
        }),
        _ => Some(TemporalLayers {
            pattern: vec![0, 2, 1, 2],
            decimators: vec![4, 2, 1],
            kbps: vec![share(40), share(60), total],
        }),
    }
}

/// Returns libvpx's quality step for a quality of 0 to 100.
fn quality_step(quality: u8) -> u32 {
    (63 * u32::from(100 - quality.min(100)) + 50) / 100
}

/// Rejects invalid settings and those that libvpx does not support.
pub(super) fn validate(
    format: Format,
    config: &EncoderConfig,
    caps: &Capabilities,
) -> Result<(), Error> {
    caps.check_config(config)?;
    let Rational { num, den } = config.timebase;
    let is_tick = num <= den && den <= 1_000_000_000;
    ConfigError::ensure(is_tick, "timebase", config.timebase, "a tick of 1 ns to 1 s")?;
    let rate = &config.rate;
    let percent =
        |knob, value: u8| ConfigError::ensure(value <= 100, knob, value, "0..=100 percent");
    percent("undershoot", rate.undershoot_pct)?;
    percent("overshoot", rate.overshoot_pct)?;
    if let DropPolicy::BelowBufferPct(share) = rate.drops {
        percent("drops", share)?;
    }
    let layered = config.scalability != Scalability::L1T1;
    if layered && format == Format::Vp8 && config.preset == Preset::File {
        return Err(Error::unsupported("temporal layers with look-ahead in libvpx"));
    }
    Ok(())
}

/// Returns `vpx_codec_enc_cfg_t` for `config`.
pub(super) fn settings(
    format: Format,
    config: &EncoderConfig,
    knobs: &KnobValues,
    caps: &Capabilities,
    may_drop: Option<bool>,
) -> Result<Settings, Error> {
    validate(format, config, caps)?;
    let (mode, rate) = match config.rate.mode {
        RateControl::Cbr(rate) => (RateMode::Cbr, rate),
        RateControl::Vbr(rate) => (RateMode::Vbr, rate),
        // The bitrate must not limit the quality.
        RateControl::Quality(_) if format == Format::Vp9 => {
            (RateMode::Quality, Bitrate::kbps(1_000_000))
        }
        RateControl::Quality(_) => (RateMode::Vbr, Bitrate::kbps(1_000_000)),
        RateControl::FixedQ(_) => (RateMode::Vbr, Bitrate::kbps(1_000_000)),
    };
    let range = match config.rate.mode {
        RateControl::FixedQ(qindex) => (qindex, qindex),
        _ => caps.allowed_qindex(config),
    };
    let (min_quantizer, max_quantizer) = match (format, config.rate.mode) {
        // One-pass libvpx has no constant quality mode for VP8 other than a fixed step for all
        // frames.
        (Format::Vp8, RateControl::Quality(quality)) => {
            let (finest, coarsest) = steps(format, range)?;
            let step = quality_step(quality).clamp(finest, coarsest);
            (step, step)
        }
        _ => steps(format, range)?,
    };
    let is_cbr = matches!(config.rate.mode, RateControl::Cbr(_));
    let dropframe_thresh = match config.rate.drops {
        DropPolicy::BelowBufferPct(pct) if is_cbr && may_drop != Some(false) => pct.into(),
        _ => 0,
    };
    let kbps = kbps(rate);
    let interval = config.keys.max_interval.unwrap_or(u32::MAX >> 1);
    Ok(Settings {
        width: config.size.width,
        height: config.size.height,
        timebase: (config.timebase.num, config.timebase.den),
        threads: u32::try_from(knobs.value("threads")).unwrap_or(1),
        profile: u32::try_from(knobs.value("profile")).unwrap_or(0),
        error_resilient: u32::from(config.error_resilient)
            | u32::from(knobs.value("resilient-partitions") == 1) << 1,
        lag_in_frames: lag(config, knobs),
        mode,
        kbps,
        min_quantizer,
        max_quantizer,
        undershoot_pct: config.rate.undershoot_pct.into(),
        overshoot_pct: config.rate.overshoot_pct.into(),
        buffer_ms: config.rate.buffering.size_ms,
        buffer_initial_ms: config.rate.buffering.initial_ms,
        buffer_optimal_ms: config.rate.buffering.optimal_ms,
        dropframe_thresh,
        kf_auto: config.keys.at_scene_cuts,
        kf_max_dist: interval,
        layers: layers(config.scalability, kbps),
        psnr: config.report_psnr,
    })
}

/// Applies all settings that are not part of `vpx_codec_enc_cfg_t`.
pub(super) fn control(
    encoder: &mut Encoder,
    format: Format,
    config: &EncoderConfig,
    knobs: &KnobValues,
) -> Result<(), codec_ffi::Error> {
    let is_screen = config.content == Content::Screen;
    let hides = match knobs.value("auto-alt-ref") {
        -1 => i32::from(lag(config, knobs) > 0),
        hides => hides,
    };
    let quality = match config.rate.mode {
        RateControl::Quality(quality) => Some(quality_step(quality)),
        _ => None,
    };
    encoder.control(Control::CpuUsed, cpu_used(format, config, knobs))?;
    encoder.control(Control::EnableAutoAltRef, hides)?;
    encoder.control(Control::ArnrMaxFrames, knobs.value("arnr-maxframes"))?;
    encoder.control(Control::ArnrStrength, knobs.value("arnr-strength"))?;
    encoder.control(Control::StaticThreshold, knobs.value("static-threshold"))?;
    encoder.control(Control::Sharpness, knobs.value("sharpness"))?;
    encoder.control(Control::Tuning, knobs.value("tune"))?;
    let key_pct = config.rate.max_key_frame_pct.unwrap_or(0);
    encoder.control(Control::MaxIntraBitratePct, i32::try_from(key_pct).unwrap_or(i32::MAX))?;
    if let Some(step) = quality {
        encoder.control(Control::CqLevel, i32::try_from(step).unwrap_or(63))?;
    }
    match format {
        Format::Vp8 => {
            encoder.control(Control::NoiseSensitivity, knobs.value("noise-sensitivity"))?;
            encoder.control(Control::ArnrType, knobs.value("arnr-type"))?;
            let partitions = knobs.value("token-partitions").max(1).ilog2();
            encoder.control(Control::TokenPartitions, i32::try_from(partitions).unwrap_or(0))?;
            let screen = match (knobs.value("screen-content"), is_screen, config.rate.drops) {
                (-1, false, _) => 0,
                (-1, true, DropPolicy::Never) => 1,
                (-1, true, _) => 2,
                (mode, ..) => mode,
            };
            encoder.control(Control::ScreenContentMode, screen)
        }
        Format::Vp9 => {
            encoder.control(Control::Vp9NoiseSensitivity, knobs.value("noise-sensitivity"))?;
            encoder.control(Control::Vp9TuneContent, i32::from(is_screen))?;
            encoder.control(Control::Vp9TileColumns, knobs.value("tile-columns"))?;
            encoder.control(Control::Vp9RowMt, knobs.value("row-mt"))?;
            encoder.control(Control::Vp9AqMode, knobs.value("aq-mode"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webrtc_qindex_range_maps_to_webrtc_quantizers() {
        assert_eq!(steps(Format::Vp8, (2, 106)).unwrap(), (2, 56));
        assert_eq!(steps(Format::Vp8, (0, 127)).unwrap(), (0, 63));
        assert_eq!(steps(Format::Vp9, (0, 255)).unwrap(), (0, 63));
    }

    #[test]
    fn an_index_between_libvpx_steps_is_rejected_naming_its_neighbours() {
        assert_eq!(steps(Format::Vp8, (7, 7)).unwrap(), (6, 6));
        let refused = steps(Format::Vp8, (6, 6)).unwrap_err();
        assert!(refused.allowed.contains("5 or 7"), "{refused}");
    }
}
