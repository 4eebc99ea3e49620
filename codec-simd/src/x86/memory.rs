//! Loads and stores of arrays: the only `unsafe` of the x86-64 kernels.
#![expect(dead_code, reason = "the kernels are added one by one")]

use core::arch::x86_64::*;

use crate::view::{Window, WindowMut};

macro_rules! load_store {
    ($feature:literal, $reg:ty, $load_op:ident, $store_op:ident:
     $($load:ident, $store:ident, $mem:ty;)*) => {
        $(
            #[doc = concat!("Loads all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn $load(from: &$mem) -> $reg {
                const { assert!(size_of::<$mem>() == size_of::<$reg>()) };
                // SAFETY: the array is as long as the register; the load needs no alignment.
                unsafe { $load_op(core::ptr::from_ref(from).cast()) }
            }

            #[doc = concat!("Overwrites all of a `", stringify!($mem), "`.")]
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn $store(to: &mut $mem, value: $reg) {
                const { assert!(size_of::<$mem>() == size_of::<$reg>()) };
                // SAFETY: the array is as long as the register; the store needs no alignment.
                unsafe { $store_op(core::ptr::from_mut(to).cast(), value) }
            }
        )*
    };
}

load_store! {
    "sse2", __m128i, _mm_loadu_si128, _mm_storeu_si128:
    load_u8x16, store_u8x16, [u8; 16];
    load_i16x8, store_i16x8, [i16; 8];
}

load_store! {
    "avx", __m256i, _mm256_loadu_si256, _mm256_storeu_si256:
    load_u8x32, store_u8x32, [u8; 32];
    load_i16x16, store_i16x16, [i16; 16];
    load_u32x8, store_u32x8, [u32; 8];
}

load_store! {
    "avx512f", __m512i, _mm512_loadu_si512, _mm512_storeu_si512:
    load_u8x64, store_u8x64, [u8; 64];
    load_i16x32, store_i16x32, [[i16; 16]; 2];
}

/// Loads eight bytes into the low half; the rest is zero.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_u8x8(from: &[u8; 8]) -> __m128i {
    _mm_cvtsi64_si128(i64::from_le_bytes(*from))
}

/// Stores the low eight bytes.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn store_u8x8(to: &mut [u8; 8], value: __m128i) {
    *to = _mm_cvtsi128_si64(value).to_le_bytes();
}

/// Loads four bytes into the low lane; the rest is zero.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_u8x4(from: &[u8; 4]) -> __m128i {
    _mm_cvtsi32_si128(i32::from_le_bytes(*from))
}

/// Stores the low four bytes.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn store_u8x4(to: &mut [u8; 4], value: __m128i) {
    *to = _mm_cvtsi128_si32(value).to_le_bytes();
}

/// Loads the low half of a `[i16; 16]`.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_low_i16x8(from: &[i16; 16]) -> __m128i {
    load_i16x8(from.first_chunk().unwrap_or(const { &[0; 8] }))
}

/// Loads the high half of a `[i16; 16]`.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_high_i16x8(from: &[i16; 16]) -> __m128i {
    load_i16x8(from.last_chunk().unwrap_or(const { &[0; 8] }))
}

/// Loads a block of coefficients.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_block(from: &[i16; 16]) -> [__m128i; 2] {
    [load_low_i16x8(from), load_high_i16x8(from)]
}

/// Stores both halves of a `[i16; 16]`.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn store_halves_i16x16(to: &mut [i16; 16], low: __m128i, high: __m128i) {
    let (halves, _) = to.as_chunks_mut::<8>();
    if let [to_low, to_high] = halves {
        store_i16x8(to_low, low);
        store_i16x8(to_high, high);
    }
}

/// Overwrites a block of coefficients.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn store_block(to: &mut [i16; 16], [low, high]: [__m128i; 2]) {
    store_halves_i16x16(to, low, high);
}

/// Loads two rows of eight pixels side by side.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_2x8(low: &[u8; 8], high: &[u8; 8]) -> __m128i {
    _mm_unpacklo_epi64(load_u8x8(low), load_u8x8(high))
}

/// Stores the low and the high eight bytes.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn store_2x8(low: &mut [u8; 8], high: &mut [u8; 8], value: __m128i) {
    store_u8x8(low, value);
    store_u8x8(high, _mm_unpackhi_epi64(value, value));
}

/// Loads all sixteen pixels of a 4x4 block, row after row.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn load_4x4(from: Window<'_, 4, 4>) -> __m128i {
    let row = |y| i32::from_le_bytes(*from.row(y));
    _mm_set_epi32(row(3), row(2), row(1), row(0))
}

/// Loads two rows of sixteen pixels, one into each 128-bit lane.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load_2x16(low: &[u8; 16], high: &[u8; 16]) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load_u8x16(low)), load_u8x16(high))
}

/// Stores the 128-bit lanes as rows `y` and `y + 1`.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn store_2x16<const H: usize>(to: &mut WindowMut<'_, 16, H>, y: usize, value: __m256i) {
    store_u8x16(to.row_mut(y), _mm256_castsi256_si128(value));
    store_u8x16(to.row_mut(y + 1), _mm256_extracti128_si256::<1>(value));
}

/// Stores sixteen pixels as four rows of four.
#[inline]
#[target_feature(enable = "sse4.1")]
pub(crate) fn store_4x4(mut to: WindowMut<'_, 4, 4>, value: __m128i) {
    *to.row_mut(0) = _mm_cvtsi128_si32(value).to_le_bytes();
    *to.row_mut(1) = _mm_extract_epi32::<1>(value).to_le_bytes();
    *to.row_mut(2) = _mm_extract_epi32::<2>(value).to_le_bytes();
    *to.row_mut(3) = _mm_extract_epi32::<3>(value).to_le_bytes();
}

/// Loads four rows of sixteen pixels, one into each 128-bit lane.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
pub(crate) fn load_4x16([a, b, c, d]: [&[u8; 16]; 4]) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(load_2x16(a, b)), load_2x16(c, d))
}

/// Rows `y` to `y + 3`. Inlining is forced: out of line, its bounds are checked and cost more than
/// the loads.
#[inline(always)]
pub(crate) fn rows_4x16<'a, const H: usize>(
    from: &Window<'a, 16, H>,
    y: usize,
) -> [&'a [u8; 16]; 4] {
    [from.row(y), from.row(y + 1), from.row(y + 2), from.row(y + 3)]
}
