//! Settings of a rate controller.

use super::fixed::ONE_Q16;
use crate::codec::{Buffering, DropPolicy, EncoderConfig, RateControl, Scalability, WindowCap};
use crate::frame::Rational;

/// What a [`super::RateController`] is made from. The fields mean what they mean in
/// [`EncoderConfig`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RateConfig {
    /// Quantiser steps, one per index, at most 256, not falling. Any unit.
    pub steps: &'static [u16],
    /// Bits or quality.
    pub rate: RateControl,
    /// Seconds per tick of the timestamps.
    pub timebase: Rational,
    /// Frames per second, nominal.
    pub framerate: Rational,
    /// CBR's buffer.
    pub buffering: Buffering,
    /// Best quantiser index.
    pub min_qindex: u8,
    /// Worst quantiser index.
    pub max_qindex: u8,
    /// Most that a frame may fall short of its share, in percent.
    pub undershoot_pct: u8,
    /// Most that a frame may exceed its share, in percent.
    pub overshoot_pct: u8,
    /// Largest key frame, in percent of the mean frame; `None`: half the optimal buffer.
    pub max_key_frame_pct: Option<u32>,
    /// Hard cap on every frame, in bytes.
    pub max_frame_bytes: Option<u32>,
    /// Hard cap on every window of time.
    pub window_cap: Option<WindowCap>,
    /// Whether frames may be dropped.
    pub drops: DropPolicy,
    /// Temporal layers.
    pub scalability: Scalability,
    /// First guess, before any frame was coded, of the logarithm to base 2 (16 fractional bits) of
    /// bits x step^beta / complexity of a key frame.
    pub alpha_key_q16: i32,
    /// The same for an inter frame.
    pub alpha_inter_q16: i32,
    /// How fast bits fall with the step: the exponent, with 16 fractional bits.
    pub beta_q16: i32,
}

impl RateConfig {
    /// The rate settings of `config`, for a codec with these quantiser `steps`.
    #[must_use]
    pub fn new(config: &EncoderConfig, steps: &'static [u16]) -> Self {
        Self {
            steps,
            rate: config.rate,
            timebase: config.timebase,
            framerate: config.framerate,
            buffering: config.buffering,
            min_qindex: config.min_qindex,
            max_qindex: config.max_qindex,
            undershoot_pct: config.undershoot_pct,
            overshoot_pct: config.overshoot_pct,
            max_key_frame_pct: config.max_key_frame_pct,
            max_frame_bytes: config.max_frame_bytes,
            window_cap: config.window_cap,
            drops: config.drops,
            scalability: config.scalability,
            alpha_key_q16: 3 * ONE_Q16,
            alpha_inter_q16: 3 * ONE_Q16,
            beta_q16: ONE_Q16 + ONE_Q16 / 5,
        }
    }
}
