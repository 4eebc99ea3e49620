//! Quantisers of coefficients.

/// Quantiser of the coefficients of a transform: for the first one (DC) and for all others.
///
/// The level of a coefficient `c` is `((|c| + round) * reciprocal) >> 16`, where the sum saturates at
/// 32767, with the sign of `c`; its dequantised value is `level * step`, halved towards zero if
/// `is_halved`, and saturated at 32767.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Vp9Quantiser {
    pub round: [u16; 2],
    /// At most 16384.
    pub reciprocal: [u16; 2],
    /// At most 1828.
    pub step: [u16; 2],
    /// Whether dequantised values are halved: 32x32 transforms.
    pub is_halved: bool,
}

/// Result of quantisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Quantised {
    /// Number of levels that are not zero.
    pub count: u32,
    /// Sum of the squared differences of coefficients and dequantised values. Coefficients count as at
    /// most 32767.
    pub error: u64,
    /// Sum of the squares of the coefficients, which also count as at most 32767. This sum and `error`
    /// must be below 2^32, which coefficients of sample differences never reach.
    pub energy: u64,
}
