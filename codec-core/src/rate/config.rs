//! Settings of a rate controller.

use super::fixed::ONE_Q16;
use crate::codec::{Buffering, DropPolicy, EncoderConfig, RateControl, Scalability, WindowCap};
use crate::frame::Rational;

/// Prior of the bits model: bits = 2^alpha x complexity x step^-beta.
///
/// The controller then adapts alpha to the coded frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "self-explanatory; both with 16 fractional bits")]
pub struct BitsLaw {
    pub alpha_q16: i32,
    pub beta_q16: i32,
}

/// Configuration of a [`super::RateController`].
///
/// The fields have the same meaning as in [`EncoderConfig`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RateConfig {
    /// Quantiser step by index, non-decreasing, at most 256 entries, in any unit.
    pub steps: &'static [u16],
    /// Rate control mode and target.
    pub rate: RateControl,
    /// Seconds per tick of the timestamps.
    pub timebase: Rational,
    /// Nominal frame rate in frames per second.
    pub framerate: Rational,
    /// Buffer model of constant bitrate.
    pub buffering: Buffering,
    /// Lowest (best) quantiser index.
    pub min_qindex: u8,
    /// Highest (worst) quantiser index.
    pub max_qindex: u8,
    /// Maximum undershoot of a frame relative to its share of the bitrate, in percent.
    pub undershoot_pct: u8,
    /// Maximum overshoot of a frame relative to its share of the bitrate, in percent.
    pub overshoot_pct: u8,
    /// Maximum key frame size in percent of the mean frame; `None` allows half the optimal buffer.
    pub max_key_frame_pct: Option<u32>,
    /// Cap on the size of every frame, in bytes.
    pub max_frame_bytes: Option<u32>,
    /// Cap on the bytes in every time window.
    pub window_cap: Option<WindowCap>,
    /// Whether frames may be dropped.
    pub drops: DropPolicy,
    /// Temporal scalability mode.
    pub scalability: Scalability,
    /// Quantiser index below which screen content gains no visible quality.
    pub sharp_qindex: u8,
    /// Prior of the bits model for key frames.
    pub key_law: BitsLaw,
    /// Prior of the bits model for inter frames.
    pub inter_law: BitsLaw,
    /// Bits of an inter frame in which nothing has changed.
    pub overhead_bits: u64,
    /// Complexity below which an inter frame counts as static. The size of such a frame depends on
    /// the residual that earlier frames did not code, so the model does not apply and the quantiser
    /// index is lowered gradually.
    pub static_complexity: u64,
}

impl RateConfig {
    /// Extracts the rate control settings of `config`, for a codec with these quantiser `steps`.
    #[must_use]
    pub fn new(config: &EncoderConfig, steps: &'static [u16]) -> Self {
        Self {
            steps,
            rate: config.rate,
            timebase: config.timebase,
            framerate: config.framerate,
            buffering: config.buffering,
            min_qindex: config.min_qindex.unwrap_or(0),
            max_qindex: config.max_qindex.unwrap_or(u8::MAX),
            undershoot_pct: config.undershoot_pct,
            overshoot_pct: config.overshoot_pct,
            max_key_frame_pct: config.max_key_frame_pct,
            max_frame_bytes: config.max_frame_bytes,
            window_cap: config.window_cap,
            drops: config.drops,
            scalability: config.scalability,
            sharp_qindex: config.min_qindex.unwrap_or(0),
            key_law: BitsLaw { alpha_q16: 3 * ONE_Q16 / 2, beta_q16: ONE_Q16 * 4 / 5 },
            inter_law: BitsLaw { alpha_q16: 3 * ONE_Q16, beta_q16: ONE_Q16 * 6 / 5 },
            overhead_bits: 0,
            static_complexity: 0,
        }
    }
}
