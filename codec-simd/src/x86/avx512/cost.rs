//! AVX-512 kernels: squared errors of blocks.

use core::arch::x86_64::*;

use crate::table::Kernels;
use crate::types::Block16;
use crate::view::Window;
use crate::x86::avx2::cost::fold_i32;
use crate::x86::memory::{load_4x16, load_u8x16, load_u8x64, rows_4x16};
use crate::x86::sse41::cost::{HALF, WHOLE, by_kind, sum_i32x4, sums_of_8, weights};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sse_16x16, sse_bilinear_16x16, sse_half_ring_16x16, ..base }
}

/// Rows `y` to `y + 3`, one in each 128-bit lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn four_rows(cur: &Block16, y: usize) -> __m512i {
    let (rows, _) = cur.0.as_flattened().as_chunks::<64>();
    load_u8x64(&rows[y / 4])
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn fold(v: __m512i) -> __m128i {
    let high = _mm512_extracti64x4_epi64::<1>(v);
    fold_i32(_mm256_add_epi32(_mm512_castsi512_si256(v), high))
}

// Squared differences by products of bytes: with x' = x - 128, which fits a signed byte, (p - c)^2
// = (p p' - 128 p) - 2 p c' + (c c' + 128 c). The first term depends on the prediction only and the
// last on the block only, so a further candidate costs one multiplication.

/// `x - 128` as signed bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn centred(x: __m512i) -> __m512i {
    _mm512_xor_si512(x, _mm512_set1_epi8(i8::MIN))
}

/// `sum` and the prediction's own term.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn add_own(sum: __m512i, p: __m512i) -> __m512i {
    let sum = _mm512_dpbusd_epi32(sum, p, centred(p));
    _mm512_dpbusd_epi32(sum, p, _mm512_set1_epi8(i8::MIN))
}

/// `sum` and the block's term.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn add_block(sum: __m512i, c: __m512i) -> __m512i {
    let half = _mm512_set1_epi8(64);
    let sum = _mm512_dpbusd_epi32(sum, c, centred(c));
    _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, c, half), c, half)
}

/// Sixteen partial sums of the squares of 64 differences.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn add_squares(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let signs = _mm512_set1_epi16(i16::from_le_bytes([1, 255]));
    let low = _mm512_maddubs_epi16(_mm512_unpacklo_epi8(a, b), signs);
    let high = _mm512_maddubs_epi16(_mm512_unpackhi_epi8(a, b), signs);
    _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, low, low), high, high)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    let mut sums = [_mm512_setzero_si512(); 2];
    for y in [0, 8] {
        sums[0] = add_squares(sums[0], four_rows(cur, y), load_4x16(rows_4x16(&refp, y)));
        sums[1] = add_squares(sums[1], four_rows(cur, y + 4), load_4x16(rows_4x16(&refp, y + 4)));
    }
    sum_i32x4(fold(_mm512_add_epi32(sums[0], sums[1])))
}

/// Pixels between the pixels of `a` and `b`; see the SSE4.1 version.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn between<const KIND: u8>(a: __m512i, b: __m512i, weights: __m512i) -> __m512i {
    match KIND {
        WHOLE => a,
        HALF => _mm512_avg_epu8(a, b),
        _ => {
            let shift = _mm512_set1_epi16(4096);
            let low = _mm512_maddubs_epi16(_mm512_unpacklo_epi8(a, b), weights);
            let high = _mm512_maddubs_epi16(_mm512_unpackhi_epi8(a, b), weights);
            let (low, high) = (_mm512_mulhrs_epi16(low, shift), _mm512_mulhrs_epi16(high, shift));
            _mm512_packus_epi16(low, high)
        }
    }
}

/// The lanes hold four rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn bilinear_sums<const X: u8, const Y: u8>(
    cur: &Block16,
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
) -> u32 {
    let (across, down) = (_mm512_set1_epi16(weights(fx)), _mm512_set1_epi16(weights(fy)));
    let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
    let first =
        |y| between::<X>(load_4x16(rows_4x16(&left, y)), load_4x16(rows_4x16(&right, y)), across);
    let single = |row| _mm512_castsi128_si512(load_u8x16(row));
    let mut sums = [_mm512_setzero_si512(); 2];
    let mut rows = first(0);
    for y in [0, 4, 8, 12] {
        let next = if y < 12 {
            first(y + 4)
        } else {
            between::<X>(single(left.row(16)), single(right.row(16)), across)
        };
        let below = _mm512_alignr_epi64::<2>(next, rows);
        let sum = &mut sums[y / 4 % 2];
        *sum = add_squares(*sum, four_rows(cur, y), between::<Y>(rows, below, down));
        rows = next;
    }
    sum_i32x4(fold(_mm512_add_epi32(sums[0], sums[1])))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
    by_kind!(fx, fy, bilinear_sums(cur, refp, fx, fy))
}

/// The lanes hold four rows. The predictions below row `y` are those above row `y + 1`: they are
/// computed once and compared with the block twice, the second time moved up by a row. Those above
/// row 0 and below row 15 are handled at the end.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
    let [left, middle, right] =
        [refp.sub::<16, 18>(0, 0), refp.sub::<16, 18>(1, 0), refp.sub::<16, 18>(2, 0)];
    let rows = |y| {
        let middle = load_4x16(rows_4x16(&middle, y));
        let beside = [load_4x16(rows_4x16(&left, y)), load_4x16(rows_4x16(&right, y))];
        [_mm512_avg_epu8(beside[0], middle), middle, _mm512_avg_epu8(middle, beside[1])]
    };
    let row = |y| {
        let middle = load_u8x16(middle.row(y));
        let beside = [load_u8x16(left.row(y)), load_u8x16(right.row(y))];
        [_mm_avg_epu8(beside[0], middle), middle, _mm_avg_epu8(middle, beside[1])]
    };
    let zero = _mm512_setzero_si512();
    // Of the predictions at the left, middle and right.
    let (mut own, mut over, mut under) = ([zero; 3], [zero; 3], [zero; 3]);
    let (mut own_beside, mut beside) = ([zero; 2], [zero; 2]);
    let mut block = zero;
    let mut here = rows(1);
    let mut c = four_rows(cur, 0);
    let (first, first_c) = (here, c);
    let mut last = here;
    for y in (0..16).step_by(4) {
        let (next, next_c) = if y < 12 {
            (rows(y + 5), four_rows(cur, y + 4))
        } else {
            let [left, middle, right] = row(17);
            let wide = |row| _mm512_castsi128_si512(row);
            ([wide(left), wide(middle), wide(right)], zero)
        };
        block = add_block(block, c);
        let moved = _mm512_alignr_epi64::<2>(next_c, c);
        let c_centred = centred(c);
        // Beyond the last row the block counts as nothing, not as 0 - 128.
        let moved = if y < 12 {
            centred(moved)
        } else {
            _mm512_maskz_xor_epi64(0x3f, moved, _mm512_set1_epi8(i8::MIN))
        };
        for k in 0..3 {
            let below = _mm512_alignr_epi64::<2>(next[k], here[k]);
            let prediction = _mm512_avg_epu8(here[k], below);
            own[k] = add_own(own[k], prediction);
            under[k] = _mm512_dpbusd_epi32(under[k], prediction, c_centred);
            over[k] = _mm512_dpbusd_epi32(over[k], prediction, moved);
            last[k] = prediction;
        }
        for (k, here) in [here[0], here[2]].into_iter().enumerate() {
            own_beside[k] = add_own(own_beside[k], here);
            beside[k] = _mm512_dpbusd_epi32(beside[k], here, c_centred);
        }
        (here, c) = (next, next_c);
    }
    let total = |own, cross| {
        let twice = _mm512_slli_epi32::<1>(cross);
        fold(_mm512_add_epi32(_mm512_sub_epi32(own, twice), block))
    };
    let mut sums = [_mm_setzero_si128(); 8];
    let top = row(0);
    for k in 0..3 {
        sums[5 + k] = total(own[k], under[k]);
        // Above row 0, in the lowest lane only; and without the part below row 15.
        let above = _mm_avg_epu8(top[k], _mm512_castsi512_si128(first[k]));
        let above = _mm512_zextsi128_si512(above);
        let below = _mm512_maskz_mov_epi64(0b1100_0000, last[k]);
        let own = _mm512_sub_epi32(add_own(own[k], above), add_own(zero, below));
        sums[k] = total(own, _mm512_dpbusd_epi32(over[k], above, centred(first_c)));
    }
    sums[3] = total(own_beside[0], beside[0]);
    sums[4] = total(own_beside[1], beside[1]);
    sums_of_8(sums)
}
