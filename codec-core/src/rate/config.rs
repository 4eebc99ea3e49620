//! Settings of a rate controller.

use super::fixed::ONE_Q16;
use crate::codec::{Buffering, DropPolicy, EncoderConfig, RateControl, Scalability, WindowCap};
use crate::frame::Rational;

/// How bits depend on complexity and quantiser: bits = 2^alpha x complexity x step^-beta. Only a
/// start: alpha is learnt from the frames that are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it; both with 16 fractional bits")]
pub struct BitsLaw {
    pub alpha_q16: i32,
    pub beta_q16: i32,
}

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
    /// The index at which screens look as good as anybody needs.
    pub good_qindex: u8,
    /// What is known beforehand of a key frame's bits.
    pub key_law: BitsLaw,
    /// What is known beforehand of an inter frame's bits.
    pub inter_law: BitsLaw,
    /// Bits that an inter frame takes even if nothing has changed.
    pub overhead_bits: u64,
    /// Complexity below which an inter frame shows nothing new: what it takes depends on what the
    /// frames before left out, so the law does not hold and the quantiser is made finer bit by bit.
    pub still_complexity: u64,
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
            min_qindex: config.min_qindex.unwrap_or(0),
            max_qindex: config.max_qindex.unwrap_or(u8::MAX),
            undershoot_pct: config.undershoot_pct,
            overshoot_pct: config.overshoot_pct,
            max_key_frame_pct: config.max_key_frame_pct,
            max_frame_bytes: config.max_frame_bytes,
            window_cap: config.window_cap,
            drops: config.drops,
            scalability: config.scalability,
            good_qindex: config.min_qindex.unwrap_or(0),
            key_law: BitsLaw { alpha_q16: 3 * ONE_Q16 / 2, beta_q16: ONE_Q16 * 4 / 5 },
            inter_law: BitsLaw { alpha_q16: 3 * ONE_Q16, beta_q16: ONE_Q16 * 6 / 5 },
            overhead_bits: 0,
            still_complexity: 0,
        }
    }
}
