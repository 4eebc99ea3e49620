//! Scalar reference kernels: VP9, also for samples of more than 8 bits.

pub(crate) mod forward;
pub(crate) mod intra;
pub(crate) mod loop_filter;
pub(crate) mod motion;
pub(crate) mod transform;

pub(crate) use forward::{vp9_forward_transform, vp9_quantise};
pub(crate) use intra::vp9_predict_intra;
pub(crate) use loop_filter::{vp9_filter_h, vp9_filter_v};
pub(crate) use motion::{vp9_predict, vp9_predict_scaled};
pub(crate) use transform::vp9_inverse_transform;

/// A sample of 8 bits, or of 10 or 12 bits.
pub(crate) trait Sample: Copy + Into<i32> {
    /// Returns `value`, which is within the range of the type.
    fn from_value(value: i32) -> Self;

    /// Returns `value` clamped to `depth` bits.
    fn clipped(value: i32, depth: u8) -> Self {
        Self::from_value(value.clamp(0, (1 << depth) - 1))
    }
}

impl Sample for u8 {
    #[inline]
    fn from_value(value: i32) -> Self {
        value.to_le_bytes()[0]
    }
}

impl Sample for u16 {
    #[inline]
    fn from_value(value: i32) -> Self {
        let [low, high, ..] = value.to_le_bytes();
        Self::from_le_bytes([low, high])
    }
}
