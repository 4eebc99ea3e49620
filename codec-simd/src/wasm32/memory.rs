//! Loads and stores of arrays: the only `unsafe` of the `WebAssembly` kernels.

use core::arch::wasm32::*;

use super::ops::{I16x8, U8x16};
use crate::view::{Window, WindowMut};

macro_rules! load_store {
    ($($load:ident, $store:ident, $mem:ty;)*) => {
        $(
            #[doc = concat!("Loads all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = "simd128")]
            pub(crate) fn $load(from: &$mem) -> v128 {
                const { assert!(size_of::<$mem>() == size_of::<v128>()) };
                // SAFETY: the array is as long as the register; the load needs no alignment.
                unsafe { v128_load(core::ptr::from_ref(from).cast()) }
            }

            #[doc = concat!("Overwrites all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = "simd128")]
            pub(crate) fn $store(to: &mut $mem, value: v128) {
                const { assert!(size_of::<$mem>() == size_of::<v128>()) };
                // SAFETY: the array is as long as the register; the store needs no alignment.
                unsafe { v128_store(core::ptr::from_mut(to).cast(), value) }
            }
        )*
    };
}

load_store! {
    load_u8x16, store_u8x16, [u8; 16];
    load_i16x8, store_i16x8, [i16; 8];
}

/// Loads a block of coefficients.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn load_block(from: &[i16; 16]) -> [I16x8; 2] {
    let zero = const { &[0; 8] };
    [load_i16x8(from.first_chunk().unwrap_or(zero)), load_i16x8(from.last_chunk().unwrap_or(zero))]
}

/// Overwrites a block of coefficients.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn store_block(to: &mut [i16; 16], block: [I16x8; 2]) {
    for (to, half) in to.as_chunks_mut().0.iter_mut().zip(block) {
        store_i16x8(to, half);
    }
}

/// Loads eight bytes into the low half; the rest is zero.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn load_u8x8(from: &[u8; 8]) -> U8x16 {
    // SAFETY: the array is as long as the load, which needs no alignment.
    unsafe { v128_load64_zero(core::ptr::from_ref(from).cast()) }
}

/// Stores the low eight bytes.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn store_u8x8(to: &mut [u8; 8], value: U8x16) {
    *to = u64x2_extract_lane::<0>(value).to_le_bytes();
}

/// Loads two rows of eight pixels side by side.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn load_2x8(low: &[u8; 8], high: &[u8; 8]) -> U8x16 {
    u64x2_replace_lane::<1>(load_u8x8(low), u64::from_le_bytes(*high))
}

/// Stores the low and the high eight bytes.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn store_2x8(low: &mut [u8; 8], high: &mut [u8; 8], value: U8x16) {
    *low = u64x2_extract_lane::<0>(value).to_le_bytes();
    *high = u64x2_extract_lane::<1>(value).to_le_bytes();
}

/// Loads all sixteen pixels of a 4x4 block, row after row.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn load_4x4(from: Window<'_, 4, 4>) -> U8x16 {
    let row = |y| u32::from_le_bytes(*from.row(y));
    u32x4(row(0), row(1), row(2), row(3))
}

/// Stores sixteen pixels as four rows of four.
#[inline]
#[target_feature(enable = "simd128")]
pub(crate) fn store_4x4(mut to: WindowMut<'_, 4, 4>, value: U8x16) {
    *to.row_mut(0) = u32x4_extract_lane::<0>(value).to_le_bytes();
    *to.row_mut(1) = u32x4_extract_lane::<1>(value).to_le_bytes();
    *to.row_mut(2) = u32x4_extract_lane::<2>(value).to_le_bytes();
    *to.row_mut(3) = u32x4_extract_lane::<3>(value).to_le_bytes();
}
