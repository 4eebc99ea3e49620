//! Loads and stores of arrays: the only `unsafe` of the `AArch64` kernels.

use core::arch::aarch64::*;

use super::registers::{I16x8, U8x16};
use crate::view::{Window, WindowMut};

macro_rules! load_store {
    ($($load:ident, $store:ident, $mem:ty, $reg:ty, $load_op:ident, $store_op:ident;)*) => {
        $(
            #[doc = concat!("Loads all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = "neon")]
            pub(crate) fn $load(from: &$mem) -> $reg {
                const { assert!(size_of::<$mem>() == size_of::<$reg>()) };
                // SAFETY: the array is as long as the register, and aligned for its elements.
                unsafe { $load_op(from.as_ptr()) }
            }

            #[doc = concat!("Overwrites all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = "neon")]
            pub(crate) fn $store(to: &mut $mem, value: $reg) {
                const { assert!(size_of::<$mem>() == size_of::<$reg>()) };
                // SAFETY: the array is as long as the register, and aligned for its elements.
                unsafe { $store_op(to.as_mut_ptr(), value) }
            }
        )*
    };
}

load_store! {
    load_u8x16, store_u8x16, [u8; 16], U8x16, vld1q_u8, vst1q_u8;
    load_i16x8, store_i16x8, [i16; 8], I16x8, vld1q_s16, vst1q_s16;
    load_half, store_half, [u8; 8], uint8x8_t, vld1_u8, vst1_u8;
}

/// Loads a block of coefficients.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn load_block(from: &[i16; 16]) -> [I16x8; 2] {
    let zero = const { &[0; 8] };
    [load_i16x8(from.first_chunk().unwrap_or(zero)), load_i16x8(from.last_chunk().unwrap_or(zero))]
}

/// Overwrites a block of coefficients.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn store_block(to: &mut [i16; 16], block: [I16x8; 2]) {
    for (to, half) in to.as_chunks_mut().0.iter_mut().zip(block) {
        store_i16x8(to, half);
    }
}

/// Loads eight bytes into the low half; the rest is zero.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn load_u8x8(from: &[u8; 8]) -> U8x16 {
    vcombine_u8(load_half(from), vdup_n_u8(0))
}

/// Stores the low eight bytes.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn store_u8x8(to: &mut [u8; 8], value: U8x16) {
    store_half(to, vget_low_u8(value));
}

/// Loads two rows of eight pixels side by side.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn load_2x8(low: &[u8; 8], high: &[u8; 8]) -> U8x16 {
    vcombine_u8(load_half(low), load_half(high))
}

/// Stores the low and the high eight bytes.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn store_2x8(low: &mut [u8; 8], high: &mut [u8; 8], value: U8x16) {
    store_half(low, vget_low_u8(value));
    store_half(high, vget_high_u8(value));
}

/// Loads all sixteen pixels of a 4x4 block, row after row.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn load_4x4(from: Window<'_, 4, 4>) -> U8x16 {
    let row = |y| u32::from_le_bytes(*from.row(y));
    let rows = vsetq_lane_u32::<1>(row(1), vdupq_n_u32(row(0)));
    let rows = vsetq_lane_u32::<2>(row(2), rows);
    vreinterpretq_u8_u32(vsetq_lane_u32::<3>(row(3), rows))
}

/// Stores sixteen pixels as four rows of four.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn store_4x4(mut to: WindowMut<'_, 4, 4>, value: U8x16) {
    let value = vreinterpretq_u32_u8(value);
    *to.row_mut(0) = vgetq_lane_u32::<0>(value).to_le_bytes();
    *to.row_mut(1) = vgetq_lane_u32::<1>(value).to_le_bytes();
    *to.row_mut(2) = vgetq_lane_u32::<2>(value).to_le_bytes();
    *to.row_mut(3) = vgetq_lane_u32::<3>(value).to_le_bytes();
}
