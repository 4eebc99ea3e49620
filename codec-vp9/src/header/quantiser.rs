//! Quantiser fields of the uncompressed header.

use codec_core::error::Corrupt;

use super::bits::BitReader;

/// Quantiser indices of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuantiserHeader {
    /// Index of luma AC coefficients, 0..=255.
    pub base: u8,
    /// Difference of the index of luma DC coefficients.
    pub luma_dc: i16,
    /// Difference of the index of chroma DC coefficients.
    pub chroma_dc: i16,
    /// Difference of the index of chroma AC coefficients.
    pub chroma_ac: i16,
}

impl QuantiserHeader {
    pub(super) fn parse(bits: &mut BitReader<'_>) -> Result<Self, Corrupt> {
        let base = bits.byte(8)?;
        let mut delta =
            || -> Result<i16, Corrupt> { Ok(bits.optional(|bits| bits.signed(4))?.unwrap_or(0)) };
        Ok(Self { base, luma_dc: delta()?, chroma_dc: delta()?, chroma_ac: delta()? })
    }

    /// Whether the frame is lossless. It does not depend on the segments.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        *self == Self::default()
    }
}
