//! The operations of `crate::lanes` that kernels for registers of any width use, in AVX2
//! instructions. Operations that interleave, widen or narrow work in each 128-bit lane separately.

use core::arch::x86_64::*;

use crate::x86::ops::pair;

/// Bytes: samples, or signed numbers where an operation says `i8`.
pub(crate) type U8x32 = __m256i;
/// Signed numbers of 16 bits.
pub(crate) type I16x16 = __m256i;

/// Each entry becomes a safe function; the result of the expression is its result.
macro_rules! ops {
    ($( $(#[$doc:meta])* fn $name:ident $(<const $n:ident: i32>)? ($($arg:ident: $ty:ty),*) -> $ret:ty
        $body:block)*) => {
        $(
            $(#[$doc])*
            #[inline]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
            pub(crate) fn $name $(<const $n: i32>)? ($($arg: $ty),*) -> $ret $body
        )*
    };
}

ops! {
    fn splat_u8(x: u8) -> U8x32 { _mm256_set1_epi8(x.cast_signed()) }
    fn and_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_and_si256(a, b) }
    fn or_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_or_si256(a, b) }
    /// `a & !b`.
    fn without_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_andnot_si256(b, a) }
    fn xor_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_xor_si256(a, b) }
    fn max_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_max_epu8(a, b) }
    fn adds_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_adds_epu8(a, b) }
    fn halve_u8(a: U8x32) -> U8x32 {
        _mm256_and_si256(_mm256_srli_epi16::<1>(a), _mm256_set1_epi8(0x7f))
    }
    fn abs_diff(a: U8x32, b: U8x32) -> U8x32 {
        _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a))
    }
    /// All ones if `a <= b`.
    fn le_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_cmpeq_epi8(_mm256_min_epu8(a, b), a) }
    /// Whether a lane is not zero.
    fn any_u8(a: U8x32) -> bool { _mm256_testz_si256(a, a) == 0 }
    fn zip_low_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_unpacklo_epi8(a, b) }
    fn zip_high_u8(a: U8x32, b: U8x32) -> U8x32 { _mm256_unpackhi_epi8(a, b) }
    fn adds_i8(a: U8x32, b: U8x32) -> U8x32 { _mm256_adds_epi8(a, b) }
    fn subs_i8(a: U8x32, b: U8x32) -> U8x32 { _mm256_subs_epi8(a, b) }
    fn shr_i8<const N: i32>(a: U8x32) -> U8x32 {
        // Of the numbers plus 128, which are not negative.
        let shifted = _mm256_srli_epi16::<N>(_mm256_xor_si256(a, splat_u8(0x80)));
        _mm256_sub_epi8(_mm256_and_si256(shifted, splat_u8(0xff >> N)), splat_u8(0x80 >> N))
    }
    /// `(a + 1) >> 1`.
    fn halve_up_i8(a: U8x32) -> U8x32 {
        let sum = _mm256_avg_epu8(_mm256_xor_si256(a, splat_u8(0x80)), _mm256_setzero_si256());
        _mm256_sub_epi8(sum, splat_u8(0x40))
    }
    fn widen_low(a: U8x32) -> I16x16 { _mm256_unpacklo_epi8(a, _mm256_setzero_si256()) }
    fn widen_high(a: U8x32) -> I16x16 { _mm256_unpackhi_epi8(a, _mm256_setzero_si256()) }
    /// Clamped to bytes.
    fn narrow(low: I16x16, high: I16x16) -> U8x32 { _mm256_packus_epi16(low, high) }
    fn splat_i16(x: i16) -> I16x16 { _mm256_set1_epi16(x) }
    fn add_i16(a: I16x16, b: I16x16) -> I16x16 { _mm256_add_epi16(a, b) }
    fn sub_i16(a: I16x16, b: I16x16) -> I16x16 { _mm256_sub_epi16(a, b) }
    fn shl_i16<const N: i32>(a: I16x16) -> I16x16 { _mm256_slli_epi16::<N>(a) }
    fn shr_i16<const N: i32>(a: I16x16) -> I16x16 { _mm256_srai_epi16::<N>(a) }
}

/// Sums of products: of the lower and of the upper half of each lane.
pub(crate) type I32x16 = [__m256i; 2];

ops! {
    fn adds_i16(a: I16x16, b: I16x16) -> I16x16 { _mm256_adds_epi16(a, b) }
    fn subs_i16(a: I16x16, b: I16x16) -> I16x16 { _mm256_subs_epi16(a, b) }
    /// `a * x + b * y`.
    fn products(a: I16x16, x: i16, b: I16x16, y: i16) -> I32x16 {
        let factors = _mm256_set1_epi32(pair(x, y));
        [
            _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factors),
            _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factors),
        ]
    }
    fn add_sums(a: I32x16, b: I32x16) -> I32x16 {
        [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
    }
    fn sub_sums(a: I32x16, b: I32x16) -> I32x16 {
        [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])]
    }
    /// Divided by 16384, rounded, and clamped to 16 bits.
    fn rounded(x: I32x16) -> I16x16 {
        let half = _mm256_set1_epi32(1 << 13);
        let [low, high] = [_mm256_add_epi32(x[0], half), _mm256_add_epi32(x[1], half)];
        _mm256_packs_epi32(_mm256_srai_epi32::<14>(low), _mm256_srai_epi32::<14>(high))
    }
    /// `a * x / 16384`, rounded; `x` is above -16384 and below 16384.
    fn scaled(a: I16x16, x: i16) -> I16x16 { _mm256_mulhrs_epi16(a, _mm256_set1_epi16(2 * x)) }
}
