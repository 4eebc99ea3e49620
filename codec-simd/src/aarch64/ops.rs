//! The operations of `crate::lanes`, in NEON instructions.

use core::arch::aarch64::*;

pub(crate) use super::registers::{I16x8, U8x16, U32x4};

/// Each entry becomes a safe function; the result of the expression is its result.
macro_rules! ops {
    ($( $(#[$doc:meta])* fn $name:ident $(<const $n:ident: i32>)? ($($arg:ident: $ty:ty),*) -> $ret:ty
        $body:block)*) => {
        $(
            $(#[$doc])*
            #[inline]
            #[target_feature(enable = "neon")]
            pub(crate) fn $name $(<const $n: i32>)? ($($arg: $ty),*) -> $ret $body
        )*
    };
}

// ---- bytes ----
ops! {
    fn splat_u8(x: u8) -> U8x16 { vdupq_n_u8(x) }
    fn and_u8(a: U8x16, b: U8x16) -> U8x16 { vandq_u8(a, b) }
    fn or_u8(a: U8x16, b: U8x16) -> U8x16 { vorrq_u8(a, b) }
    fn xor_u8(a: U8x16, b: U8x16) -> U8x16 { veorq_u8(a, b) }
    /// `a & !b`.
    fn without_u8(a: U8x16, b: U8x16) -> U8x16 { vbicq_u8(a, b) }
    fn max_u8(a: U8x16, b: U8x16) -> U8x16 { vmaxq_u8(a, b) }
    fn min_u8(a: U8x16, b: U8x16) -> U8x16 { vminq_u8(a, b) }
    fn adds_u8(a: U8x16, b: U8x16) -> U8x16 { vqaddq_u8(a, b) }
    fn subs_u8(a: U8x16, b: U8x16) -> U8x16 { vqsubq_u8(a, b) }
    fn abs_diff(a: U8x16, b: U8x16) -> U8x16 { vabdq_u8(a, b) }
    /// Mean, rounded up.
    fn avg_u8(a: U8x16, b: U8x16) -> U8x16 { vrhaddq_u8(a, b) }
    /// All ones if `a <= b`.
    fn le_u8(a: U8x16, b: U8x16) -> U8x16 { vcleq_u8(a, b) }
    /// Whether a lane is not zero.
    fn any_u8(a: U8x16) -> bool { vmaxvq_u8(a) != 0 }
    fn halve_u8(a: U8x16) -> U8x16 { vshrq_n_u8::<1>(a) }
    fn sixteenth_u8(a: U8x16) -> U8x16 { vshrq_n_u8::<4>(a) }
    fn adds_i8(a: U8x16, b: U8x16) -> U8x16 {
        vreinterpretq_u8_s8(vqaddq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b)))
    }
    fn subs_i8(a: U8x16, b: U8x16) -> U8x16 {
        vreinterpretq_u8_s8(vqsubq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b)))
    }
    /// `a >> N`, signed.
    fn shr_i8<const N: i32>(a: U8x16) -> U8x16 {
        vreinterpretq_u8_s8(vshrq_n_s8::<N>(vreinterpretq_s8_u8(a)))
    }
    /// `(a + 1) >> 1`, signed.
    fn halve_up_i8(a: U8x16) -> U8x16 {
        vreinterpretq_u8_s8(vrshrq_n_s8::<1>(vreinterpretq_s8_u8(a)))
    }
    fn zip_low_u8(a: U8x16, b: U8x16) -> U8x16 { vzip1q_u8(a, b) }
    fn zip_high_u8(a: U8x16, b: U8x16) -> U8x16 { vzip2q_u8(a, b) }
    fn evens_u8(a: U8x16, b: U8x16) -> U8x16 { vuzp1q_u8(a, b) }
    fn odds_u8(a: U8x16, b: U8x16) -> U8x16 { vuzp2q_u8(a, b) }
    /// `a` from byte 4 on, then `b`.
    fn from_byte_4(a: U8x16, b: U8x16) -> U8x16 { vextq_u8::<4>(a, b) }
    /// `a` from byte 8 on, then `b`.
    fn from_byte_8(a: U8x16, b: U8x16) -> U8x16 { vextq_u8::<8>(a, b) }
    /// `a` from byte 12 on, then `b`.
    fn from_byte_12(a: U8x16, b: U8x16) -> U8x16 { vextq_u8::<12>(a, b) }
    /// The bytes of `a` at the positions `at`; 0 for a position above 15.
    fn lookup(a: U8x16, at: U8x16) -> U8x16 { vqtbl1q_u8(a, at) }
    /// Each byte one position up; the first stays.
    fn shifted_up(a: U8x16) -> U8x16 { vextq_u8::<15>(vdupq_laneq_u8::<0>(a), a) }
    /// Each byte one position down; the last becomes 0.
    fn shifted_down(a: U8x16) -> U8x16 { vextq_u8::<1>(a, vdupq_n_u8(0)) }
    fn sum_u8(a: U8x16) -> u32 { u32::from(vaddlvq_u8(a)) }
}

// ---- between bytes and words ----
ops! {
    fn widen_low(a: U8x16) -> I16x8 { vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a))) }
    fn widen_high(a: U8x16) -> I16x8 { vreinterpretq_s16_u16(vmovl_high_u8(a)) }
    fn widen_low_i8(a: U8x16) -> I16x8 { vmovl_s8(vget_low_s8(vreinterpretq_s8_u8(a))) }
    fn widen_high_i8(a: U8x16) -> I16x8 { vmovl_high_s8(vreinterpretq_s8_u8(a)) }
    /// `a - b` of the low halves.
    fn difference_low(a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(a), vget_low_u8(b)))
    }
    /// `a - b` of the high halves.
    fn difference_high(a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vsubl_high_u8(a, b))
    }
    /// Sums of neighbours.
    fn pair_sums(a: U8x16) -> I16x8 { vreinterpretq_s16_u16(vpaddlq_u8(a)) }
    fn mul_low(a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vmull_u8(vget_low_u8(a), vget_low_u8(b)))
    }
    fn mul_high(a: U8x16, b: U8x16) -> I16x8 { vreinterpretq_s16_u16(vmull_high_u8(a, b)) }
    /// `sum + a * b`.
    fn mul_add_low(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        let sum = vreinterpretq_u16_s16(sum);
        vreinterpretq_s16_u16(vmlal_u8(sum, vget_low_u8(a), vget_low_u8(b)))
    }
    fn mul_add_high(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vmlal_high_u8(vreinterpretq_u16_s16(sum), a, b))
    }
    /// `sum - a * b`.
    fn mul_sub_low(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        let sum = vreinterpretq_u16_s16(sum);
        vreinterpretq_s16_u16(vmlsl_u8(sum, vget_low_u8(a), vget_low_u8(b)))
    }
    fn mul_sub_high(sum: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vmlsl_high_u8(vreinterpretq_u16_s16(sum), a, b))
    }
    /// The filter 1, -5, 20, 20, -5, 1 over the low halves.
    fn six_tap_low(p: [U8x16; 6]) -> I16x8 {
        let (five, twenty) = (vdupq_n_u8(5), vdupq_n_u8(20));
        let outer = vreinterpretq_s16_u16(vaddl_u8(vget_low_u8(p[0]), vget_low_u8(p[5])));
        let inner = mul_add_low(mul_add_low(outer, p[2], twenty), p[3], twenty);
        mul_sub_low(mul_sub_low(inner, p[1], five), p[4], five)
    }
    /// The filter 1, -5, 20, 20, -5, 1 over the high halves.
    fn six_tap_high(p: [U8x16; 6]) -> I16x8 {
        let (five, twenty) = (vdupq_n_u8(5), vdupq_n_u8(20));
        let outer = vreinterpretq_s16_u16(vaddl_high_u8(p[0], p[5]));
        let inner = mul_add_high(mul_add_high(outer, p[2], twenty), p[3], twenty);
        mul_sub_high(mul_sub_high(inner, p[1], five), p[4], five)
    }
    /// Clamped to bytes.
    fn narrow(low: I16x8, high: I16x8) -> U8x16 {
        vqmovun_high_s16(vqmovun_s16(low), high)
    }
    /// `(x + (1 << (N - 1))) >> N`, clamped to bytes.
    fn round_narrow<const N: i32>(low: I16x8, high: I16x8) -> U8x16 {
        vqrshrun_high_n_s16::<N>(vqrshrun_n_s16::<N>(low), high)
    }
    /// `x >> N` as signed bytes; the results fit.
    fn narrow_i8<const N: i32>(low: I16x8, high: I16x8) -> U8x16 {
        vreinterpretq_u8_s8(vshrn_high_n_s16::<N>(vshrn_n_s16::<N>(low), high))
    }
}

// ---- words ----
ops! {
    fn splat_i16(x: i16) -> I16x8 { vdupq_n_s16(x) }
    fn and_i16(a: I16x8, b: I16x8) -> I16x8 { vandq_s16(a, b) }
    fn or_i16(a: I16x8, b: I16x8) -> I16x8 { vorrq_s16(a, b) }
    /// All ones if `a > b`.
    fn gt_i16(a: I16x8, b: I16x8) -> I16x8 { vreinterpretq_s16_u16(vcgtq_s16(a, b)) }
    /// Whether a lane is not zero.
    fn any_i16(a: I16x8) -> bool { vmaxvq_u16(vreinterpretq_u16_s16(a)) != 0 }
    fn add_i16(a: I16x8, b: I16x8) -> I16x8 { vaddq_s16(a, b) }
    fn sub_i16(a: I16x8, b: I16x8) -> I16x8 { vsubq_s16(a, b) }
    fn adds_i16(a: I16x8, b: I16x8) -> I16x8 { vqaddq_s16(a, b) }
    fn subs_i16(a: I16x8, b: I16x8) -> I16x8 { vqsubq_s16(a, b) }
    fn max_i16(a: I16x8, b: I16x8) -> I16x8 { vmaxq_s16(a, b) }
    fn min_i16(a: I16x8, b: I16x8) -> I16x8 { vminq_s16(a, b) }
    fn abs_i16(a: I16x8) -> I16x8 { vabsq_s16(a) }
    /// The magnitude of -32768 is 32767.
    fn saturating_abs_i16(a: I16x8) -> I16x8 { vqabsq_s16(a) }
    /// The low halves of the products.
    fn mul_i16(a: I16x8, b: I16x8) -> I16x8 { vmulq_s16(a, b) }
    /// The high halves of the products.
    fn mulhi_i16(a: I16x8, b: I16x8) -> I16x8 {
        let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
        let high = vmull_high_s16(a, b);
        vuzp2q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high))
    }
    /// The high halves of the products with a number above -32768.
    fn mulhi_by(a: I16x8, by: i16) -> I16x8 { vshrq_n_s16::<1>(vqdmulhq_n_s16(a, by)) }
    /// `(a * b + (1 << 14)) >> 15`; `b` is above -32768.
    fn mul_round_q15(a: I16x8, b: I16x8) -> I16x8 { vqrdmulhq_s16(a, b) }
    /// `(a * by + round * unit) >> shift`, saturated, for values that are not negative.
    fn scale_i16(a: I16x8, by: I16x8, round: I16x8, unit: i16, shift: u8) -> I16x8 {
        let shift = vdupq_n_s32(-i32::from(shift));
        let low = vmull_n_s16(vget_low_s16(round), unit);
        let low = vmlal_s16(low, vget_low_s16(a), vget_low_s16(by));
        let high = vmlal_high_s16(vmull_high_n_s16(round, unit), a, by);
        vqmovn_high_s32(vqmovn_s32(vshlq_s32(low, shift)), vshlq_s32(high, shift))
    }
    fn shl_i16<const N: i32>(a: I16x8) -> I16x8 { vshlq_n_s16::<N>(a) }
    /// `a >> by`, signed.
    fn shr_by_i16(a: I16x8, by: u8) -> I16x8 {
        vshlq_s16(a, vdupq_n_s16(-i16::from(by)))
    }
    fn shr_i16<const N: i32>(a: I16x8) -> I16x8 { vshrq_n_s16::<N>(a) }
    /// All ones if `a >= b`.
    fn ge_i16(a: I16x8, b: I16x8) -> I16x8 { vreinterpretq_s16_u16(vcgeq_s16(a, b)) }
    /// All ones if `a` is not zero.
    fn is_set_i16(a: I16x8) -> I16x8 { vreinterpretq_s16_u16(vtstq_s16(a, a)) }
    /// `a` if `sign` is positive, `-a` if it is negative, 0 if it is 0.
    fn with_sign_i16(a: I16x8, sign: I16x8) -> I16x8 {
        let negative = vshrq_n_s16::<15>(sign);
        and_i16(vsubq_s16(veorq_s16(a, negative), negative), is_set_i16(sign))
    }
    /// `(a * by[0] + b * by[1] + round) >> N`, which fits 16 bits.
    fn rotate_i16<const N: i32>(a: I16x8, b: I16x8, by: [i16; 2], round: i32) -> I16x8 {
        let round = vdupq_n_s32(round);
        let low = vmlal_n_s16(round, vget_low_s16(a), by[0]);
        let low = vmlal_n_s16(low, vget_low_s16(b), by[1]);
        let high = vmlal_high_n_s16(round, a, by[0]);
        let high = vmlal_high_n_s16(high, b, by[1]);
        vshrn_high_n_s32::<N>(vshrn_n_s32::<N>(low), high)
    }
    /// `(a * by[0] - b * by[1] + round) >> N`, which fits 16 bits.
    fn rotate_back_i16<const N: i32>(a: I16x8, b: I16x8, by: [i16; 2], round: i32) -> I16x8 {
        let round = vdupq_n_s32(round);
        let low = vmlal_n_s16(round, vget_low_s16(a), by[0]);
        let low = vmlsl_n_s16(low, vget_low_s16(b), by[1]);
        let high = vmlal_high_n_s16(round, a, by[0]);
        let high = vmlsl_high_n_s16(high, b, by[1]);
        vshrn_high_n_s32::<N>(vshrn_n_s32::<N>(low), high)
    }
    fn zip_low_i16(a: I16x8, b: I16x8) -> I16x8 { vzip1q_s16(a, b) }
    fn zip_high_i16(a: I16x8, b: I16x8) -> I16x8 { vzip2q_s16(a, b) }
    fn evens_i16(a: I16x8, b: I16x8) -> I16x8 { vuzp1q_s16(a, b) }
    fn odds_i16(a: I16x8, b: I16x8) -> I16x8 { vuzp2q_s16(a, b) }
    fn low_halves(a: I16x8, b: I16x8) -> I16x8 {
        vreinterpretq_s16_s64(vzip1q_s64(vreinterpretq_s64_s16(a), vreinterpretq_s64_s16(b)))
    }
    fn high_halves(a: I16x8, b: I16x8) -> I16x8 {
        vreinterpretq_s16_s64(vzip2q_s64(vreinterpretq_s64_s16(a), vreinterpretq_s64_s16(b)))
    }
    fn swap_halves(a: I16x8) -> I16x8 { vextq_s16::<4>(a, a) }
    /// Each half of the registers is a 4x4 matrix, whose rows become its columns.
    fn transpose_pairs(x: [I16x8; 4]) -> [I16x8; 4] {
        let wide = |a| vreinterpretq_s32_s16(a);
        let (a, b) = (wide(vtrn1q_s16(x[0], x[1])), wide(vtrn2q_s16(x[0], x[1])));
        let (c, d) = (wide(vtrn1q_s16(x[2], x[3])), wide(vtrn2q_s16(x[2], x[3])));
        let narrow = |a| vreinterpretq_s16_s32(a);
        [
            narrow(vtrn1q_s32(a, c)),
            narrow(vtrn1q_s32(b, d)),
            narrow(vtrn2q_s32(a, c)),
            narrow(vtrn2q_s32(b, d)),
        ]
    }
    fn first_i16(a: I16x8) -> i16 { vgetq_lane_s16::<0>(a) }
    /// Raster order to zig-zag order.
    fn zigzag(block: [I16x8; 2]) -> [I16x8; 2] {
        let block = uint8x16x2_t(vreinterpretq_u8_s16(block[0]), vreinterpretq_u8_s16(block[1]));
        let take = |at: &[u8; 16]| {
            vreinterpretq_s16_u8(vqtbl2q_u8(block, super::memory::load_u8x16(at)))
        };
        [
            take(&[0, 1, 2, 3, 8, 9, 16, 17, 10, 11, 4, 5, 6, 7, 12, 13]),
            take(&[18, 19, 24, 25, 26, 27, 20, 21, 14, 15, 22, 23, 28, 29, 30, 31]),
        ]
    }
    /// A 4x4 block in columns to zig-zag order.
    fn in_scan_order(block: [I16x8; 2]) -> [I16x8; 2] {
        let block = uint8x16x2_t(vreinterpretq_u8_s16(block[0]), vreinterpretq_u8_s16(block[1]));
        let take = |at: &[u8; 16]| {
            vreinterpretq_s16_u8(vqtbl2q_u8(block, super::memory::load_u8x16(at)))
        };
        [
            take(&[0, 1, 8, 9, 2, 3, 4, 5, 10, 11, 16, 17, 24, 25, 18, 19]),
            take(&[12, 13, 6, 7, 14, 15, 20, 21, 26, 27, 28, 29, 22, 23, 30, 31]),
        ]
    }
    /// A bit for each lane, set if it is not zero.
    fn not_zero(x: [I16x8; 2]) -> u16 {
        let bytes = vqmovn_high_s16(vqmovn_s16(x[0]), x[1]);
        let bits = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
        let set = vandq_u8(vtstq_s8(bytes, bytes), super::memory::load_u8x16(&bits));
        u16::from_le_bytes([vaddv_u8(vget_low_u8(set)), vaddv_u8(vget_high_u8(set))])
    }
    /// Position after the last level that is not zero.
    fn end_of_block(levels: [I16x8; 2]) -> u8 {
        let bytes = vqmovn_high_s16(vqmovn_s16(levels[0]), levels[1]);
        let positions = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        vmaxvq_u8(vandq_u8(vtstq_s8(bytes, bytes), super::memory::load_u8x16(&positions)))
    }
}

// ---- sums ----
ops! {
    fn zero_u32() -> U32x4 { vdupq_n_u32(0) }
    /// `sums` of 16 bits with the absolute differences of neighbours added.
    fn add_abs_diff(sums: I16x8, a: U8x16, b: U8x16) -> I16x8 {
        vreinterpretq_s16_u16(vpadalq_u8(vreinterpretq_u16_s16(sums), vabdq_u8(a, b)))
    }
    /// `sums` with the squares of the sixteen differences added.
    fn add_squares(sums: U32x4, a: U8x16, b: U8x16) -> U32x4 {
        let difference = vabdq_u8(a, b);
        let low = vget_low_u8(difference);
        let sums = vpadalq_u16(sums, vmull_u8(low, low));
        vpadalq_u16(sums, vmull_high_u8(difference, difference))
    }
    /// `sums` with the squares of the differences added; differences saturate at 16 bits, sums at
    /// 32.
    fn add_errors(sums: U32x4, a: I16x8, b: I16x8) -> U32x4 {
        let error = vqsubq_s16(a, b);
        let low = vget_low_s16(error);
        let sums = vqaddq_u32(sums, vreinterpretq_u32_s32(vmull_s16(low, low)));
        vqaddq_u32(sums, vreinterpretq_u32_s32(vmull_high_s16(error, error)))
    }
    fn add_u32(a: U32x4, b: U32x4) -> U32x4 { vaddq_u32(a, b) }
    fn sum_u32(a: U32x4) -> u32 { vaddvq_u32(a) }
    fn wide_sum_u32(a: U32x4) -> u64 { vaddlvq_u32(a) }
    fn sum_u16(a: I16x8) -> u32 { vaddlvq_u16(vreinterpretq_u16_s16(a)) }
    /// The sums of the low and of the high half.
    fn sums_of_halves_u16(a: I16x8) -> [u32; 2] {
        let sums = vpaddlq_u16(vreinterpretq_u16_s16(a));
        let sums = vpaddq_u32(sums, sums);
        [vgetq_lane_u32::<0>(sums), vgetq_lane_u32::<1>(sums)]
    }
    /// The signed sums of the low and of the high half.
    fn sums_of_halves_i16(a: I16x8) -> [i32; 2] {
        let sums = vpaddlq_s16(a);
        let sums = vpaddq_s32(sums, sums);
        [vgetq_lane_s32::<0>(sums), vgetq_lane_s32::<1>(sums)]
    }
    /// The sum of each of four registers, each below 65536 in pairs of pairs.
    fn sums_u16(x: [I16x8; 4]) -> [u32; 4] {
        let [a, b, c, d] = [
            vreinterpretq_u16_s16(x[0]),
            vreinterpretq_u16_s16(x[1]),
            vreinterpretq_u16_s16(x[2]),
            vreinterpretq_u16_s16(x[3]),
        ];
        let sums = vpaddlq_u16(vpaddq_u16(vpaddq_u16(a, b), vpaddq_u16(c, d)));
        [
            vgetq_lane_u32::<0>(sums),
            vgetq_lane_u32::<1>(sums),
            vgetq_lane_u32::<2>(sums),
            vgetq_lane_u32::<3>(sums),
        ]
    }
}

/// Sums of products: of the lower and of the upper half.
pub(crate) type Sums = [int32x4_t; 2];

// ---- sums of products ----
ops! {
    /// `a * x + b * y`.
    fn products(a: I16x8, x: i16, b: I16x8, y: i16) -> Sums {
        [
            vmlal_n_s16(vmull_n_s16(vget_low_s16(a), x), vget_low_s16(b), y),
            vmlal_high_n_s16(vmull_high_n_s16(a, x), b, y),
        ]
    }
    fn add_sums(a: Sums, b: Sums) -> Sums { [vaddq_s32(a[0], b[0]), vaddq_s32(a[1], b[1])] }
    fn sub_sums(a: Sums, b: Sums) -> Sums { [vsubq_s32(a[0], b[0]), vsubq_s32(a[1], b[1])] }
    /// Divided by 16384, rounded, and clamped to 16 bits.
    fn rounded(x: Sums) -> I16x8 {
        vqrshrn_high_n_s32::<14>(vqrshrn_n_s32::<14>(x[0]), x[1])
    }
    /// Divided by 128, rounded, and clamped to 16 bits.
    fn rounded_7(x: Sums) -> I16x8 {
        vqrshrn_high_n_s32::<7>(vqrshrn_n_s32::<7>(x[0]), x[1])
    }
    /// `a * x / 16384`, rounded; `x` is above -16384 and below 16384.
    fn scaled(a: I16x8, x: i16) -> I16x8 { vqrdmulhq_n_s16(a, 2 * x) }
}
