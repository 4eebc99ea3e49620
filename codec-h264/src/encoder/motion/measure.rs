//! Distortion measures by which the search compares predictions.

use codec_simd::{Kernels, Window};

/// Distortion of a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Sum of absolute differences.
    Sad,
    /// Sum of absolute transformed differences: closer to the bits of the residual.
    #[default]
    Satd,
}

impl Measure {
    #[inline]
    pub(super) fn of_8x8(
        self,
        kernels: &Kernels,
        cur: Window<'_, 8, 8>,
        refp: Window<'_, 8, 8>,
    ) -> u32 {
        match self {
            Self::Sad => kernels.sad_8x8(cur, refp),
            Self::Satd => kernels.satd_8x8(cur, refp),
        }
    }
}
