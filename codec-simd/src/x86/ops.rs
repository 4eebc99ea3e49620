//! The operations that the kernels of `crate::lanes` use on x86-64, in SSE4.1 instructions. Higher
//! levels inline them, and the compiler then encodes them for that level (VEX or EVEX).

use core::arch::x86_64::*;

/// Sixteen bytes: pixels, or signed numbers where an operation says `i8`.
pub(crate) type U8x16 = __m128i;
/// Eight numbers of 16 bits: signed, or unsigned where an operation says `u16`.
pub(crate) type I16x8 = __m128i;

/// Four sums.
pub(crate) type U32x4 = __m128i;

/// Each entry becomes a safe function; the result of the expression is its result.
macro_rules! ops {
    ($( $(#[$doc:meta])* fn $name:ident $(<const $n:ident: i32>)? ($($arg:ident: $ty:ty),*) -> $ret:ty
        $body:block)*) => {
        $(
            $(#[$doc])*
            #[inline]
            #[target_feature(enable = "sse4.1,ssse3")]
            pub(crate) fn $name $(<const $n: i32>)? ($($arg: $ty),*) -> $ret $body
        )*
    };
}

// ---- bytes ----
ops! {
    fn splat_u8(x: u8) -> U8x16 { _mm_set1_epi8(x.cast_signed()) }
    fn and_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_and_si128(a, b) }
    fn or_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_or_si128(a, b) }
    /// `a & !b`.
    fn without_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_andnot_si128(b, a) }
    fn xor_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_xor_si128(a, b) }
    fn max_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_max_epu8(a, b) }
    fn min_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_min_epu8(a, b) }
    fn adds_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_adds_epu8(a, b) }
    fn halve_u8(a: U8x16) -> U8x16 { _mm_and_si128(_mm_srli_epi16::<1>(a), splat_u8(0x7f)) }
    fn adds_i8(a: U8x16, b: U8x16) -> U8x16 { _mm_adds_epi8(a, b) }
    fn subs_i8(a: U8x16, b: U8x16) -> U8x16 { _mm_subs_epi8(a, b) }
    /// `a >> N`, signed.
    fn shr_i8<const N: i32>(a: U8x16) -> U8x16 {
        // Of the numbers plus 128, which are not negative.
        let shifted = _mm_srli_epi16::<N>(_mm_xor_si128(a, splat_u8(0x80)));
        _mm_sub_epi8(_mm_and_si128(shifted, splat_u8(0xff >> N)), splat_u8(0x80 >> N))
    }
    /// `(a + 1) >> 1`, signed.
    fn halve_up_i8(a: U8x16) -> U8x16 {
        let sum = _mm_avg_epu8(_mm_xor_si128(a, splat_u8(0x80)), _mm_setzero_si128());
        _mm_sub_epi8(sum, splat_u8(0x40))
    }
    /// Whether a lane is not zero.
    fn any_u8(a: U8x16) -> bool { _mm_testz_si128(a, a) == 0 }
    fn subs_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_subs_epu8(a, b) }
    fn abs_diff(a: U8x16, b: U8x16) -> U8x16 {
        _mm_or_si128(_mm_subs_epu8(a, b), _mm_subs_epu8(b, a))
    }
    /// Mean, rounded up.
    fn avg_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_avg_epu8(a, b) }
    /// All ones if `a <= b`.
    fn le_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_cmpeq_epi8(_mm_min_epu8(a, b), a) }
    fn zip_low_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_unpacklo_epi8(a, b) }
    fn zip_high_u8(a: U8x16, b: U8x16) -> U8x16 { _mm_unpackhi_epi8(a, b) }
    /// `a` from byte 8 on, then `b`.
    fn from_byte_8(a: U8x16, b: U8x16) -> U8x16 { _mm_alignr_epi8::<8>(b, a) }
    /// The bytes of `a` at the positions `at`, which are below 16.
    fn lookup(a: U8x16, at: U8x16) -> U8x16 { _mm_shuffle_epi8(a, at) }
    /// Each byte one position down; the last becomes 0.
    fn shifted_down(a: U8x16) -> U8x16 { _mm_srli_si128::<1>(a) }
}

// ---- between bytes and words ----
ops! {
    fn widen_low(a: U8x16) -> I16x8 { _mm_cvtepu8_epi16(a) }
    fn widen_high(a: U8x16) -> I16x8 { _mm_unpackhi_epi8(a, _mm_setzero_si128()) }
    /// `a - b` of the low halves.
    fn difference_low(a: U8x16, b: U8x16) -> I16x8 {
        _mm_sub_epi16(widen_low(a), widen_low(b))
    }
    /// `a - b` of the high halves.
    fn difference_high(a: U8x16, b: U8x16) -> I16x8 {
        _mm_sub_epi16(widen_high(a), widen_high(b))
    }
    fn mul_low(a: U8x16, b: U8x16) -> I16x8 { _mm_mullo_epi16(widen_low(a), widen_low(b)) }
    /// `sum + a * b`.
    fn mul_add_low(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 { _mm_add_epi16(sum, mul_low(a, b)) }
    /// The filter 1, -5, 20, 20, -5, 1 over the low halves.
    fn six_tap_low(p: [U8x16; 6]) -> I16x8 {
        let outer = _mm_maddubs_epi16(_mm_unpacklo_epi8(p[0], p[1]), _mm_set1_epi16(-0x4ff));
        let middle = _mm_maddubs_epi16(_mm_unpacklo_epi8(p[2], p[3]), _mm_set1_epi16(0x1414));
        let inner = _mm_maddubs_epi16(_mm_unpacklo_epi8(p[4], p[5]), _mm_set1_epi16(0x1fb));
        _mm_add_epi16(middle, _mm_add_epi16(outer, inner))
    }
    /// The filter 1, -5, 20, 20, -5, 1 over the high halves.
    fn six_tap_high(p: [U8x16; 6]) -> I16x8 {
        let outer = _mm_maddubs_epi16(_mm_unpackhi_epi8(p[0], p[1]), _mm_set1_epi16(-0x4ff));
        let middle = _mm_maddubs_epi16(_mm_unpackhi_epi8(p[2], p[3]), _mm_set1_epi16(0x1414));
        let inner = _mm_maddubs_epi16(_mm_unpackhi_epi8(p[4], p[5]), _mm_set1_epi16(0x1fb));
        _mm_add_epi16(middle, _mm_add_epi16(outer, inner))
    }
    /// Clamped to bytes.
    fn narrow(low: I16x8, high: I16x8) -> U8x16 { _mm_packus_epi16(low, high) }
    /// `(x + (1 << (N - 1))) >> N`, clamped to bytes, for `N` of at most 7: a saturated sum clamps
    /// anyway.
    fn round_narrow<const N: i32>(low: I16x8, high: I16x8) -> U8x16 {
        let half = _mm_set1_epi16(1 << (N - 1));
        let (low, high) = (_mm_adds_epi16(low, half), _mm_adds_epi16(high, half));
        _mm_packus_epi16(_mm_srai_epi16::<N>(low), _mm_srai_epi16::<N>(high))
    }
}

// ---- words ----
ops! {
    fn splat_i16(x: i16) -> I16x8 { _mm_set1_epi16(x) }
    fn and_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_and_si128(a, b) }
    fn or_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_or_si128(a, b) }
    /// All ones if `a > b`.
    fn gt_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_cmpgt_epi16(a, b) }
    /// Whether a lane is not zero.
    fn any_i16(a: I16x8) -> bool { _mm_testz_si128(a, a) == 0 }
    /// The magnitude of -32768 is 32767.
    fn saturating_abs_i16(a: I16x8) -> I16x8 {
        _mm_max_epi16(a, _mm_subs_epi16(_mm_setzero_si128(), a))
    }
    /// `a` if `sign` is positive, `-a` if it is negative, 0 if it is 0.
    fn with_sign_i16(a: I16x8, sign: I16x8) -> I16x8 { _mm_sign_epi16(a, sign) }
    fn add_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_add_epi16(a, b) }
    fn sub_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_sub_epi16(a, b) }
    fn adds_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_adds_epi16(a, b) }
    fn subs_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_subs_epi16(a, b) }
    fn max_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_max_epi16(a, b) }
    fn min_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_min_epi16(a, b) }
    /// The low halves of the products.
    fn mul_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_mullo_epi16(a, b) }
    /// The upper halves of the products.
    fn mulhi_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_mulhi_epi16(a, b) }
    /// `(a * b + (1 << 14)) >> 15`; `b` is above -32768.
    fn mul_round_q15(a: I16x8, b: I16x8) -> I16x8 { _mm_mulhrs_epi16(a, b) }
    /// `(a * by + round * unit) >> shift`, saturated, for values that are not negative.
    fn scale_i16(a: I16x8, by: I16x8, round: I16x8, unit: i16, shift: u8) -> I16x8 {
        let (unit, shift) = (_mm_set1_epi16(unit), _mm_cvtsi32_si128(i32::from(shift)));
        let (low, high) = (_mm_unpacklo_epi16(a, unit), _mm_unpackhi_epi16(a, unit));
        let low = _mm_madd_epi16(low, _mm_unpacklo_epi16(by, round));
        let high = _mm_madd_epi16(high, _mm_unpackhi_epi16(by, round));
        _mm_packs_epi32(_mm_sra_epi32(low, shift), _mm_sra_epi32(high, shift))
    }
    fn shl_i16<const N: i32>(a: I16x8) -> I16x8 { _mm_slli_epi16::<N>(a) }
    fn shr_i16<const N: i32>(a: I16x8) -> I16x8 { _mm_srai_epi16::<N>(a) }
    /// `a >> by`, signed.
    fn shr_by_i16(a: I16x8, by: u8) -> I16x8 {
        _mm_sra_epi16(a, _mm_cvtsi32_si128(i32::from(by)))
    }
    fn zip_low_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_unpacklo_epi16(a, b) }
    fn zip_high_i16(a: I16x8, b: I16x8) -> I16x8 { _mm_unpackhi_epi16(a, b) }
    fn low_halves(a: I16x8, b: I16x8) -> I16x8 { _mm_unpacklo_epi64(a, b) }
    fn high_halves(a: I16x8, b: I16x8) -> I16x8 { _mm_unpackhi_epi64(a, b) }
    fn swap_halves(a: I16x8) -> I16x8 { _mm_shuffle_epi32::<0b01_00_11_10>(a) }
    fn first_i16(a: I16x8) -> i16 {
        let [low, high, ..] = _mm_cvtsi128_si32(a).to_le_bytes();
        i16::from_le_bytes([low, high])
    }
    /// A 4x4 block in columns to zig-zag order.
    fn in_scan_order(block: [I16x8; 2]) -> [I16x8; 2] {
        let take = |from: I16x8, at: [i8; 16]| {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = at;
            _mm_shuffle_epi8(from, _mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p))
        };
        // Positions 0, 4, 1, 2, 5, 8, 12, 9 and 6, 3, 7, 10, 13, 14, 11, 15.
        let first = take(block[0], [0, 1, 8, 9, 2, 3, 4, 5, 10, 11, -1, -1, -1, -1, -1, -1]);
        let second = take(block[0], [12, 13, 6, 7, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1]);
        [
            _mm_or_si128(
                first,
                take(block[1], [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 8, 9, 2, 3]),
            ),
            _mm_or_si128(
                second,
                take(block[1], [-1, -1, -1, -1, -1, -1, 4, 5, 10, 11, 12, 13, 6, 7, 14, 15]),
            ),
        ]
    }
    /// A bit for each lane, set if it is not zero.
    fn not_zero(x: [I16x8; 2]) -> u16 {
        let is_zero = _mm_cmpeq_epi8(_mm_packs_epi16(x[0], x[1]), _mm_setzero_si128());
        let [low, high, ..] = (!_mm_movemask_epi8(is_zero)).to_le_bytes();
        u16::from_le_bytes([low, high])
    }
    /// Each half of the registers is a 4x4 matrix, whose rows become its columns.
    fn transpose_pairs(x: [I16x8; 4]) -> [I16x8; 4] {
        let (a, b) = (zip_low_i16(x[0], x[2]), zip_low_i16(x[1], x[3]));
        let (c, d) = (zip_high_i16(x[0], x[2]), zip_high_i16(x[1], x[3]));
        let left = [zip_low_i16(a, b), zip_high_i16(a, b)];
        let right = [zip_low_i16(c, d), zip_high_i16(c, d)];
        [
            low_halves(left[0], right[0]),
            high_halves(left[0], right[0]),
            low_halves(left[1], right[1]),
            high_halves(left[1], right[1]),
        ]
    }
}

// ---- sums ----
ops! {
    fn zero_u32() -> U32x4 { _mm_setzero_si128() }
    /// `sums` with the squares of the differences added; differences saturate at 16 bits, sums at
    /// 32.
    fn add_errors(sums: U32x4, a: I16x8, b: I16x8) -> U32x4 {
        let error = _mm_subs_epi16(a, b);
        let squares = _mm_madd_epi16(error, error);
        let room = _mm_xor_si128(sums, _mm_set1_epi32(-1));
        _mm_add_epi32(sums, _mm_min_epu32(squares, room))
    }
    fn wide_sum_u32(a: U32x4) -> u64 {
        let even = _mm_and_si128(a, _mm_set1_epi64x(0xffff_ffff));
        let pairs = _mm_add_epi64(even, _mm_srli_epi64::<32>(a));
        let sum = _mm_add_epi64(pairs, _mm_unpackhi_epi64(pairs, pairs));
        _mm_cvtsi128_si64(sum).cast_unsigned()
    }
}

/// Sums of products: of the lower and of the upper half.
pub(crate) type Sums = [__m128i; 2];

// ---- sums of products ----
ops! {
    /// `a * x + b * y`.
    fn products(a: I16x8, x: i16, b: I16x8, y: i16) -> Sums {
        let factors = _mm_set1_epi32(pair(x, y));
        [
            _mm_madd_epi16(_mm_unpacklo_epi16(a, b), factors),
            _mm_madd_epi16(_mm_unpackhi_epi16(a, b), factors),
        ]
    }
    fn add_sums(a: Sums, b: Sums) -> Sums { [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])] }
    fn sub_sums(a: Sums, b: Sums) -> Sums { [_mm_sub_epi32(a[0], b[0]), _mm_sub_epi32(a[1], b[1])] }
    /// Divided by 16384, rounded, and clamped to 16 bits.
    fn rounded(x: Sums) -> I16x8 {
        let half = _mm_set1_epi32(1 << 13);
        let [low, high] = [_mm_add_epi32(x[0], half), _mm_add_epi32(x[1], half)];
        _mm_packs_epi32(_mm_srai_epi32::<14>(low), _mm_srai_epi32::<14>(high))
    }
    /// Divided by 128, rounded, and clamped to 16 bits.
    fn rounded_7(x: Sums) -> I16x8 {
        let half = _mm_set1_epi32(1 << 6);
        let [low, high] = [_mm_add_epi32(x[0], half), _mm_add_epi32(x[1], half)];
        _mm_packs_epi32(_mm_srai_epi32::<7>(low), _mm_srai_epi32::<7>(high))
    }
    /// `a * x / 16384`, rounded; `x` is above -16384 and below 16384.
    fn scaled(a: I16x8, x: i16) -> I16x8 { _mm_mulhrs_epi16(a, _mm_set1_epi16(2 * x)) }
}

/// Two factors as one lane of 32 bits, the first one in the low half.
#[inline(always)]
pub(crate) fn pair(x: i16, y: i16) -> i32 {
    let ([a, b], [c, d]) = (x.to_le_bytes(), y.to_le_bytes());
    i32::from_le_bytes([a, b, c, d])
}
