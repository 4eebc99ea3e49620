//! Distortion and rate of coded residuals, and their weighted sum.

use super::quant::MbQuantisers;

/// Distortion and rate of a coded residual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RateDistortion {
    /// Squared error in pixels.
    pub(super) sse: u32,
    /// Estimated bits of the coefficients, in 1/256.
    pub(super) bits_q8: u32,
}

impl RateDistortion {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            sse: self.sse.saturating_add(other.sse),
            bits_q8: self.bits_q8.saturating_add(other.bits_q8),
        }
    }
}

/// Returns the rate-distortion cost: squared error plus weighted bits.
pub(super) fn cost(set: MbQuantisers<'_>, coded: RateDistortion, mode_bits: u32) -> u32 {
    coded.sse.saturating_add(set.lambda.cost(coded.bits_q8.saturating_add(mode_bits)))
}
