//! The operations of `crate::lanes`, in `simd128` instructions. Relaxed SIMD is not used, because
//! its results depend on the machine.

use core::arch::wasm32::*;

/// Sixteen bytes: pixels, or signed numbers where an operation says `i8`.
pub(crate) type U8x16 = v128;
/// Eight numbers of 16 bits: signed, or unsigned where an operation says `u16`.
pub(crate) type I16x8 = v128;
/// Four sums.
pub(crate) type U32x4 = v128;

/// Each entry becomes a safe function; the result of the expression is its result.
macro_rules! ops {
    ($( $(#[$doc:meta])* fn $name:ident $(<const $n:ident: u32>)? ($($arg:ident: $ty:ty),*) -> $ret:ty
        $body:block)*) => {
        $(
            $(#[$doc])*
            #[inline]
            #[target_feature(enable = "simd128")]
            pub(crate) fn $name $(<const $n: u32>)? ($($arg: $ty),*) -> $ret $body
        )*
    };
}

// ---- bytes ----
ops! {
    fn splat_u8(x: u8) -> U8x16 { u8x16_splat(x) }
    fn and_u8(a: U8x16, b: U8x16) -> U8x16 { v128_and(a, b) }
    fn or_u8(a: U8x16, b: U8x16) -> U8x16 { v128_or(a, b) }
    fn xor_u8(a: U8x16, b: U8x16) -> U8x16 { v128_xor(a, b) }
    /// `a & !b`.
    fn without_u8(a: U8x16, b: U8x16) -> U8x16 { v128_andnot(a, b) }
    fn max_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_max(a, b) }
    fn min_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_min(a, b) }
    fn adds_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_add_sat(a, b) }
    fn subs_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_sub_sat(a, b) }
    fn abs_diff(a: U8x16, b: U8x16) -> U8x16 {
        v128_or(u8x16_sub_sat(a, b), u8x16_sub_sat(b, a))
    }
    /// Mean, rounded up.
    fn avg_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_avgr(a, b) }
    /// All ones if `a <= b`.
    fn le_u8(a: U8x16, b: U8x16) -> U8x16 { u8x16_le(a, b) }
    /// Whether a lane is not zero.
    fn any_u8(a: U8x16) -> bool { v128_any_true(a) }
    fn halve_u8(a: U8x16) -> U8x16 { u8x16_shr(a, 1) }
    fn sixteenth_u8(a: U8x16) -> U8x16 { u8x16_shr(a, 4) }
    fn adds_i8(a: U8x16, b: U8x16) -> U8x16 { i8x16_add_sat(a, b) }
    fn subs_i8(a: U8x16, b: U8x16) -> U8x16 { i8x16_sub_sat(a, b) }
    /// `a >> N`, signed.
    fn shr_i8<const N: u32>(a: U8x16) -> U8x16 { i8x16_shr(a, N) }
    /// `(a + 1) >> 1`, signed, of `a` below 127.
    fn halve_up_i8(a: U8x16) -> U8x16 { i8x16_shr(i8x16_sub(a, i8x16_splat(-1)), 1) }
    fn zip_low_u8(a: U8x16, b: U8x16) -> U8x16 {
        i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
    }
    fn zip_high_u8(a: U8x16, b: U8x16) -> U8x16 {
        i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
    }
    fn evens_u8(a: U8x16, b: U8x16) -> U8x16 {
        i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(a, b)
    }
    fn odds_u8(a: U8x16, b: U8x16) -> U8x16 {
        i8x16_shuffle::<1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31>(a, b)
    }
    /// `a` from byte 4 on, then `b`.
    fn from_byte_4(a: U8x16, b: U8x16) -> U8x16 { i32x4_shuffle::<1, 2, 3, 4>(a, b) }
    /// `a` from byte 8 on, then `b`.
    fn from_byte_8(a: U8x16, b: U8x16) -> U8x16 { i32x4_shuffle::<2, 3, 4, 5>(a, b) }
    /// `a` from byte 12 on, then `b`.
    fn from_byte_12(a: U8x16, b: U8x16) -> U8x16 { i32x4_shuffle::<3, 4, 5, 6>(a, b) }
    /// The bytes of `a` at the positions `at`; 0 for a position above 15.
    fn lookup(a: U8x16, at: U8x16) -> U8x16 { u8x16_swizzle(a, at) }
    /// Each byte one position up; the first stays.
    fn shifted_up(a: U8x16) -> U8x16 {
        i8x16_shuffle::<0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(a, a)
    }
    /// Each byte one position down; the last becomes 0.
    fn shifted_down(a: U8x16) -> U8x16 {
        i8x16_shuffle::<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16>(a, u8x16_splat(0))
    }
    fn sum_u8(a: U8x16) -> u32 { sum_u16(pair_sums(a)) }
}

// ---- between bytes and words ----
ops! {
    fn widen_low(a: U8x16) -> I16x8 { u16x8_extend_low_u8x16(a) }
    fn widen_high(a: U8x16) -> I16x8 { u16x8_extend_high_u8x16(a) }
    fn widen_low_i8(a: U8x16) -> I16x8 { i16x8_extend_low_i8x16(a) }
    fn widen_high_i8(a: U8x16) -> I16x8 { i16x8_extend_high_i8x16(a) }
    /// `a - b` of the low halves.
    fn difference_low(a: U8x16, b: U8x16) -> I16x8 { i16x8_sub(widen_low(a), widen_low(b)) }
    /// `a - b` of the high halves.
    fn difference_high(a: U8x16, b: U8x16) -> I16x8 { i16x8_sub(widen_high(a), widen_high(b)) }
    /// Sums of neighbours.
    fn pair_sums(a: U8x16) -> I16x8 { u16x8_extadd_pairwise_u8x16(a) }
    fn mul_low(a: U8x16, b: U8x16) -> I16x8 { u16x8_extmul_low_u8x16(a, b) }
    fn mul_high(a: U8x16, b: U8x16) -> I16x8 { u16x8_extmul_high_u8x16(a, b) }
    /// `sum + a * b`.
    fn mul_add_low(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 { i16x8_add(sum, mul_low(a, b)) }
    fn mul_add_high(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 { i16x8_add(sum, mul_high(a, b)) }
    /// `sum - a * b`.
    fn mul_sub_low(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 { i16x8_sub(sum, mul_low(a, b)) }
    fn mul_sub_high(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 { i16x8_sub(sum, mul_high(a, b)) }
    /// The filter 1, -5, 20, 20, -5, 1 over the low halves.
    fn six_tap_low(p: [U8x16; 6]) -> I16x8 {
        let (five, twenty) = (u8x16_splat(5), u8x16_splat(20));
        let outer = i16x8_add(widen_low(p[0]), widen_low(p[5]));
        let inner = mul_add_low(mul_add_low(outer, p[2], twenty), p[3], twenty);
        mul_sub_low(mul_sub_low(inner, p[1], five), p[4], five)
    }
    /// The filter 1, -5, 20, 20, -5, 1 over the high halves.
    fn six_tap_high(p: [U8x16; 6]) -> I16x8 {
        let (five, twenty) = (u8x16_splat(5), u8x16_splat(20));
        let outer = i16x8_add(widen_high(p[0]), widen_high(p[5]));
        let inner = mul_add_high(mul_add_high(outer, p[2], twenty), p[3], twenty);
        mul_sub_high(mul_sub_high(inner, p[1], five), p[4], five)
    }
    /// Clamped to bytes.
    fn narrow(low: I16x8, high: I16x8) -> U8x16 { u8x16_narrow_i16x8(low, high) }
    /// `(x + (1 << (N - 1))) >> N`, clamped to bytes, for `N` of at most 7: a saturated sum clamps
    /// anyway.
    fn round_narrow<const N: u32>(low: I16x8, high: I16x8) -> U8x16 {
        let half = i16x8_splat(1 << (N - 1));
        let (low, high) = (i16x8_add_sat(low, half), i16x8_add_sat(high, half));
        u8x16_narrow_i16x8(i16x8_shr(low, N), i16x8_shr(high, N))
    }
    /// `x >> N` as signed bytes; the results fit.
    fn narrow_i8<const N: u32>(low: I16x8, high: I16x8) -> U8x16 {
        i8x16_narrow_i16x8(i16x8_shr(low, N), i16x8_shr(high, N))
    }
}

// ---- words ----
ops! {
    fn splat_i16(x: i16) -> I16x8 { i16x8_splat(x) }
    fn and_i16(a: I16x8, b: I16x8) -> I16x8 { v128_and(a, b) }
    fn or_i16(a: I16x8, b: I16x8) -> I16x8 { v128_or(a, b) }
    /// All ones if `a > b`.
    fn gt_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_gt(a, b) }
    /// Whether a lane is not zero.
    fn any_i16(a: I16x8) -> bool { v128_any_true(a) }
    fn add_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_add(a, b) }
    fn sub_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_sub(a, b) }
    fn adds_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_add_sat(a, b) }
    fn subs_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_sub_sat(a, b) }
    fn max_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_max(a, b) }
    fn min_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_min(a, b) }
    fn abs_i16(a: I16x8) -> I16x8 { i16x8_abs(a) }
    /// The magnitude of -32768 is 32767.
    fn saturating_abs_i16(a: I16x8) -> I16x8 { i16x8_max(a, i16x8_sub_sat(i16x8_splat(0), a)) }
    /// The low halves of the products.
    fn mul_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_mul(a, b) }
    /// The high halves of the products.
    fn mulhi_i16(a: I16x8, b: I16x8) -> I16x8 {
        odds_i16(i32x4_extmul_low_i16x8(a, b), i32x4_extmul_high_i16x8(a, b))
    }
    /// The high halves of the products with a number.
    fn mulhi_by(a: I16x8, by: i16) -> I16x8 { mulhi_i16(a, i16x8_splat(by)) }
    /// `(a * b + (1 << 14)) >> 15`; `b` is above -32768.
    fn mul_round_q15(a: I16x8, b: I16x8) -> I16x8 { i16x8_q15mulr_sat(a, b) }
    /// `(a * by + round * unit) >> shift`, saturated, for values that are not negative.
    fn scale_i16(a: I16x8, by: I16x8, round: I16x8, unit: i16, shift: u8) -> I16x8 {
        let (unit, shift) = (i16x8_splat(unit), u32::from(shift));
        let low = i32x4_dot_i16x8(zip_low_i16(a, unit), zip_low_i16(by, round));
        let high = i32x4_dot_i16x8(zip_high_i16(a, unit), zip_high_i16(by, round));
        i16x8_narrow_i32x4(i32x4_shr(low, shift), i32x4_shr(high, shift))
    }
    fn shl_i16<const N: u32>(a: I16x8) -> I16x8 { i16x8_shl(a, N) }
    /// `a >> by`, signed.
    fn shr_by_i16(a: I16x8, by: u8) -> I16x8 { i16x8_shr(a, u32::from(by)) }
    fn shr_i16<const N: u32>(a: I16x8) -> I16x8 { i16x8_shr(a, N) }
    /// All ones if `a >= b`.
    fn ge_i16(a: I16x8, b: I16x8) -> I16x8 { i16x8_ge(a, b) }
    /// All ones if `a` is not zero.
    fn is_set_i16(a: I16x8) -> I16x8 { i16x8_ne(a, i16x8_splat(0)) }
    /// `a` if `sign` is positive, `-a` if it is negative, 0 if it is 0.
    fn with_sign_i16(a: I16x8, sign: I16x8) -> I16x8 {
        let negative = i16x8_shr(sign, 15);
        v128_and(i16x8_sub(v128_xor(a, negative), negative), is_set_i16(sign))
    }
    /// `(a * by[0] + b * by[1] + round) >> N`, which fits 16 bits.
    fn rotate_i16<const N: u32>(a: I16x8, b: I16x8, by: [i16; 2], round: i32) -> I16x8 {
        let by = i32x4_splat(i32::from(by[1]) << 16 | i32::from(by[0]) & 0xffff);
        let round = i32x4_splat(round);
        let low = i32x4_add(i32x4_dot_i16x8(zip_low_i16(a, b), by), round);
        let high = i32x4_add(i32x4_dot_i16x8(zip_high_i16(a, b), by), round);
        i16x8_narrow_i32x4(i32x4_shr(low, N), i32x4_shr(high, N))
    }
    /// `(a * by[0] - b * by[1] + round) >> N`, which fits 16 bits.
    fn rotate_back_i16<const N: u32>(a: I16x8, b: I16x8, by: [i16; 2], round: i32) -> I16x8 {
        rotate_i16::<N>(a, b, [by[0], -by[1]], round)
    }
    fn zip_low_i16(a: I16x8, b: I16x8) -> I16x8 {
        i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b)
    }
    fn zip_high_i16(a: I16x8, b: I16x8) -> I16x8 {
        i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b)
    }
    fn evens_i16(a: I16x8, b: I16x8) -> I16x8 {
        i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(a, b)
    }
    fn odds_i16(a: I16x8, b: I16x8) -> I16x8 {
        i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(a, b)
    }
    fn low_halves(a: I16x8, b: I16x8) -> I16x8 { i64x2_shuffle::<0, 2>(a, b) }
    fn high_halves(a: I16x8, b: I16x8) -> I16x8 { i64x2_shuffle::<1, 3>(a, b) }
    fn swap_halves(a: I16x8) -> I16x8 { i64x2_shuffle::<1, 0>(a, a) }
    /// Each half of the registers is a 4x4 matrix, whose rows become its columns.
    fn transpose_pairs(x: [I16x8; 4]) -> [I16x8; 4] {
        // Unpacking twice gives the columns of one matrix, two in each register.
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
    fn first_i16(a: I16x8) -> i16 { i16x8_extract_lane::<0>(a) }
    /// Raster order to zig-zag order.
    fn zigzag(block: [I16x8; 2]) -> [I16x8; 2] {
        [
            i16x8_shuffle::<0, 1, 4, 8, 5, 2, 3, 6>(block[0], block[1]),
            i16x8_shuffle::<9, 12, 13, 10, 7, 11, 14, 15>(block[0], block[1]),
        ]
    }
    /// A 4x4 block in columns to zig-zag order.
    fn in_scan_order(block: [I16x8; 2]) -> [I16x8; 2] {
        [
            i16x8_shuffle::<0, 4, 1, 2, 5, 8, 12, 9>(block[0], block[1]),
            i16x8_shuffle::<6, 3, 7, 10, 13, 14, 11, 15>(block[0], block[1]),
        ]
    }
    /// A bit for each lane, set if it is not zero.
    fn not_zero(x: [I16x8; 2]) -> u16 {
        i8x16_bitmask(i8x16_ne(i8x16_narrow_i16x8(x[0], x[1]), i8x16_splat(0)))
    }
    /// Position after the last level that is not zero.
    fn end_of_block(levels: [I16x8; 2]) -> u8 {
        let bytes = i8x16_narrow_i16x8(levels[0], levels[1]);
        let not_zero = u32::from(i8x16_bitmask(i8x16_ne(bytes, i8x16_splat(0))));
        (u32::BITS - not_zero.leading_zeros()).to_le_bytes()[0]
    }
}

// ---- sums ----
ops! {
    fn zero_u32() -> U32x4 { u32x4_splat(0) }
    /// `sums` of 16 bits with the absolute differences of neighbours added.
    fn add_abs_diff(sums: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        i16x8_add(sums, pair_sums(abs_diff(a, b)))
    }
    /// `sums` with the squares of the sixteen differences added.
    fn add_squares(sums: U32x4, a: U8x16, b: U8x16) -> U32x4 {
        let difference = abs_diff(a, b);
        let (low, high) = (widen_low(difference), widen_high(difference));
        i32x4_add(sums, i32x4_add(i32x4_dot_i16x8(low, low), i32x4_dot_i16x8(high, high)))
    }
    /// `sums` with the squares of the differences added; differences saturate at 16 bits, sums at
    /// 32.
    fn add_errors(sums: U32x4, a: I16x8, b: I16x8) -> U32x4 {
        let error = i16x8_sub_sat(a, b);
        // At most 2^31, as an unsigned number.
        let squares = i32x4_dot_i16x8(error, error);
        i32x4_add(sums, u32x4_min(squares, v128_not(sums)))
    }
    fn add_u32(a: U32x4, b: U32x4) -> U32x4 { i32x4_add(a, b) }
    fn sum_u32(a: U32x4) -> u32 {
        let a = i32x4_add(a, i64x2_shuffle::<1, 0>(a, a));
        u32x4_extract_lane::<0>(i32x4_add(a, i32x4_shuffle::<1, 0, 3, 2>(a, a)))
    }
    fn wide_sum_u32(a: U32x4) -> u64 {
        let a = i64x2_add(u64x2_extend_low_u32x4(a), u64x2_extend_high_u32x4(a));
        u64x2_extract_lane::<0>(a) + u64x2_extract_lane::<1>(a)
    }
    fn sum_u16(a: I16x8) -> u32 { sum_u32(u32x4_extadd_pairwise_u16x8(a)) }
    /// The sums of the low and of the high half.
    fn sums_of_halves_u16(a: I16x8) -> [u32; 2] {
        let a = u32x4_extadd_pairwise_u16x8(a);
        let sums = i32x4_add(a, i32x4_shuffle::<1, 0, 3, 2>(a, a));
        [u32x4_extract_lane::<0>(sums), u32x4_extract_lane::<2>(sums)]
    }
    /// The signed sums of the low and of the high half.
    fn sums_of_halves_i16(a: I16x8) -> [i32; 2] {
        let a = i32x4_extadd_pairwise_i16x8(a);
        let sums = i32x4_add(a, i32x4_shuffle::<1, 0, 3, 2>(a, a));
        [i32x4_extract_lane::<0>(sums), i32x4_extract_lane::<2>(sums)]
    }
    /// The sum of each of four registers.
    fn sums_u16(x: [I16x8; 4]) -> [u32; 4] {
        let [a, b] = [u32x4_extadd_pairwise_u16x8(x[0]), u32x4_extadd_pairwise_u16x8(x[1])];
        let [c, d] = [u32x4_extadd_pairwise_u16x8(x[2]), u32x4_extadd_pairwise_u16x8(x[3])];
        let (even_ab, odd_ab) =
            (i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b));
        let (even_cd, odd_cd) =
            (i32x4_shuffle::<0, 2, 4, 6>(c, d), i32x4_shuffle::<1, 3, 5, 7>(c, d));
        let (ab, cd) = (i32x4_add(even_ab, odd_ab), i32x4_add(even_cd, odd_cd));
        let (even, odd) =
            (i32x4_shuffle::<0, 2, 4, 6>(ab, cd), i32x4_shuffle::<1, 3, 5, 7>(ab, cd));
        let sums = i32x4_add(even, odd);
        [
            u32x4_extract_lane::<0>(sums),
            u32x4_extract_lane::<1>(sums),
            u32x4_extract_lane::<2>(sums),
            u32x4_extract_lane::<3>(sums),
        ]
    }
}

/// Sums of products: of the lower and of the upper half.
pub(crate) type Sums = [v128; 2];

// ---- sums of products ----
ops! {
    /// `a * x + b * y`.
    fn products(a: I16x8, x: i16, b: I16x8, y: i16) -> Sums {
        let factors = zip_low_i16(splat_i16(x), splat_i16(y));
        [
            i32x4_dot_i16x8(zip_low_i16(a, b), factors),
            i32x4_dot_i16x8(zip_high_i16(a, b), factors),
        ]
    }
    fn add_sums(a: Sums, b: Sums) -> Sums { [i32x4_add(a[0], b[0]), i32x4_add(a[1], b[1])] }
    fn sub_sums(a: Sums, b: Sums) -> Sums { [i32x4_sub(a[0], b[0]), i32x4_sub(a[1], b[1])] }
    /// Divided by 16384, rounded, and clamped to 16 bits.
    fn rounded(x: Sums) -> I16x8 {
        let half = i32x4_splat(1 << 13);
        let [low, high] = [i32x4_add(x[0], half), i32x4_add(x[1], half)];
        i16x8_narrow_i32x4(i32x4_shr(low, 14), i32x4_shr(high, 14))
    }
    /// Divided by 128, rounded, and clamped to 16 bits.
    fn rounded_7(x: Sums) -> I16x8 {
        let half = i32x4_splat(1 << 6);
        let [low, high] = [i32x4_add(x[0], half), i32x4_add(x[1], half)];
        i16x8_narrow_i32x4(i32x4_shr(low, 7), i32x4_shr(high, 7))
    }
    /// `a * x / 16384`, rounded; `x` is above -16384 and below 16384.
    fn scaled(a: I16x8, x: i16) -> I16x8 { i16x8_q15mulr_sat(a, splat_i16(2 * x)) }
}
