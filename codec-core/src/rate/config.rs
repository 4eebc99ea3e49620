//! Settings of the rate controller, and the properties of the codec that it needs.

use crate::codec::{DropPolicy, EncoderConfig, PassShares, RateControl, Scalability, qindex_range};
use crate::fixed::ONE_Q16;

/// Prior of the bits model: bits = 2^alpha x complexity x step^-beta.
///
/// The controller then adapts alpha to the coded frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "self-explanatory; both with 16 fractional bits")]
pub struct BitsLaw {
    pub alpha_q16: i32,
    pub beta_q16: i32,
}

/// How the size of a codec's frames depends on the quantiser, for a [`super::RateController`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CodecModel {
    /// Quantiser step by index, non-decreasing, at most 256 entries, in any unit.
    pub steps: &'static [u16],
    /// Lowest and highest quantiser index if [`EncoderConfig::rate`] does not limit them.
    pub qindex_range: (u8, u8),
    /// Quantiser index below which screen content gains no visible quality.
    pub sharp_qindex: u8,
    /// Number of quantiser indices in about a sixth of an octave of the step: the unit in which the
    /// controller compares indices.
    pub indices_per_sixth_octave: u8,
    /// Prior of the bits model for key frames.
    pub key_law: BitsLaw,
    /// Prior of the bits model for inter frames.
    pub inter_law: BitsLaw,
    /// See [`crate::codec::Capabilities::pass_shares`].
    pub pass_shares: PassShares,
    /// Indexed by the number of temporal layers minus 1, then by layer: how many octaves of the step (16 fractional
    /// bits) finer than the highest layer it is coded, with constant and variable bitrate. The shares of the layers
    /// then follow the content, with 40 to 75 % for the base layer. `None` gives the layers fixed shares, 60:40 or
    /// 40:20:40.
    pub layer_boosts_q16: Option<[[i32; 3]; 3]>,
    /// Bits of an inter frame in which nothing has changed.
    pub overhead_bits: u64,
    /// Complexity below which an inter frame counts as static. The size of such a frame depends on
    /// the residual that earlier frames did not code, so the model does not apply and the quantiser
    /// index is lowered gradually.
    pub static_complexity: u64,
}

impl CodecModel {
    /// Creates the model of a codec with these quantiser `steps`, and priors that suit block-based
    /// codecs.
    #[must_use]
    pub const fn new(steps: &'static [u16]) -> Self {
        Self {
            steps,
            qindex_range: (0, u8::MAX),
            sharp_qindex: 0,
            indices_per_sixth_octave: 4,
            key_law: BitsLaw { alpha_q16: 3 * ONE_Q16 / 2, beta_q16: ONE_Q16 * 4 / 5 },
            inter_law: BitsLaw { alpha_q16: 3 * ONE_Q16, beta_q16: ONE_Q16 * 6 / 5 },
            pass_shares: PassShares::EQUAL,
            layer_boosts_q16: None,
            overhead_bits: 0,
            static_complexity: 0,
        }
    }
}

/// Settings of a [`super::RateController`] in their effective range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) mode: RateControl,
    pub(super) quality_fraction_q8: u8,
    /// Range without explicit limits, and the last index.
    default_qindex: (u8, u8),
    last_qindex: u8,
    pub(super) min_qindex: u8,
    pub(super) max_qindex: u8,
    pub(super) undershoot_pct: u8,
    pub(super) overshoot_pct: u8,
    pub(super) max_key_frame_pct: Option<u32>,
    pub(super) max_frame_bytes: Option<u32>,
    pub(super) drops: DropPolicy,
    pub(super) scalability: Scalability,
    /// Index below which screen content gains no visible quality, of the codec and within the range.
    codec_sharp_qindex: u8,
    pub(super) sharp_qindex: u8,
    pub(super) indices_per_sixth_octave: u8,
    pub(super) layer_boosts_q16: Option<[[i32; 3]; 3]>,
    pub(super) overhead_bits: u64,
    pub(super) static_complexity: u64,
}

impl Settings {
    /// Clamps the settings of `config` to the range of `codec`, whose last index is `last`.
    pub(super) fn new(config: &EncoderConfig, codec: &CodecModel, last: u8) -> Self {
        let rate = &config.rate;
        let mut settings = Self {
            mode: rate.mode,
            quality_fraction_q8: rate.quality_fraction_q8,
            default_qindex: codec.qindex_range,
            last_qindex: last,
            min_qindex: 0,
            max_qindex: last,
            undershoot_pct: rate.undershoot_pct.min(100),
            overshoot_pct: rate.overshoot_pct,
            max_key_frame_pct: rate.max_key_frame_pct,
            max_frame_bytes: rate.max_frame_bytes,
            drops: rate.drops,
            scalability: config.scalability,
            codec_sharp_qindex: codec.sharp_qindex,
            sharp_qindex: codec.sharp_qindex,
            indices_per_sixth_octave: codec.indices_per_sixth_octave.min(32),
            layer_boosts_q16: codec.layer_boosts_q16,
            overhead_bits: codec.overhead_bits,
            static_complexity: codec.static_complexity,
        };
        settings.set_qindex_range(rate.min_qindex, rate.max_qindex);
        settings
    }

    /// Sets the lowest and highest quantiser index; `None` is the default.
    pub(super) fn set_qindex_range(&mut self, min: Option<u8>, max: Option<u8>) {
        let (min, max) = qindex_range(min, max, self.default_qindex);
        self.max_qindex = max.min(self.last_qindex);
        self.min_qindex = min.min(self.max_qindex);
        self.sharp_qindex = self.codec_sharp_qindex.max(min);
    }
}
