//! AVX2 kernels: SAD, SATD and squared errors of blocks.

use core::arch::x86_64::*;

use crate::table::Kernels;
use crate::types::{Block16, BlockUv, Error8x8};
use crate::view::Window;
use crate::x86::memory::{load_2x8, load_2x16, load_u8x8, load_u8x16};
use crate::x86::sse41::cost::{
    HALF, WHOLE, by_kind, lanes_u32x4, signs_8, sum_i16x8, sum_i32x4, sum_i64x2, sums_i64x2,
    sums_of_8, weights,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        sad_16x16,
        sad_16x16_x4,
        sad_8x8_x4,
        sad_mean_16x16,
        satd_mean_16x16,
        satd_mean_8x8,
        sse_16x16,
        sse_16x16_quads,
        sse_8x8,
        errors_16x16,
        errors_8x8,
        sse_uv,
        moments_16x16,
        satd_16x16,
        satd_8x8,
        sse_bilinear_16x16,
        sse_bilinear_16x16_quads,
        sse_half_ring_16x16,
        ..base
    }
}

/// Rows `y` and `y + 1`, one in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn two_rows(cur: &Block16, y: usize) -> __m256i {
    load_2x16(&cur.0[y], &cur.0[y + 1])
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn fold_i32(v: __m256i) -> __m128i {
    _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    for y in (0..16).step_by(4) {
        for (half, sums) in sums.iter_mut().enumerate() {
            let y = y + 2 * half;
            let sad = _mm256_sad_epu8(two_rows(cur, y), load_2x16(refp.row(y), refp.row(y + 1)));
            *sums = _mm256_add_epi32(*sums, sad);
        }
    }
    sum_i64x2(fold_i32(_mm256_add_epi32(sums[0], sums[1])))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sad_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    for y in (0..16).step_by(4) {
        for (half, sums) in sums.iter_mut().enumerate() {
            let y = y + 2 * half;
            let a = load_2x16(a.row(y), a.row(y + 1));
            let mean = _mm256_avg_epu8(a, load_2x16(b.row(y), b.row(y + 1)));
            *sums = _mm256_add_epi32(*sums, _mm256_sad_epu8(two_rows(cur, y), mean));
        }
    }
    sum_i64x2(fold_i32(_mm256_add_epi32(sums[0], sums[1])))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sad_16x16_x4(cur: &Block16, refs: [Window<'_, 16, 16>; 4]) -> [u32; 4] {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, pair) in rows.iter_mut().enumerate() {
        *pair = two_rows(cur, 2 * y);
    }
    // One candidate after the other: with four strides at a time no register would be left for
    // addresses.
    let mut totals = [_mm_setzero_si128(); 4];
    for (total, refp) in totals.iter_mut().zip(refs) {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (y, &pair) in rows.iter().enumerate() {
            let sad = _mm256_sad_epu8(pair, load_2x16(refp.row(2 * y), refp.row(2 * y + 1)));
            sums[y % 2] = _mm256_add_epi32(sums[y % 2], sad);
        }
        *total = fold_i32(_mm256_add_epi32(sums[0], sums[1]));
    }
    sums_i64x2(totals)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4] {
    let mut rows = [_mm_setzero_si128(); 4];
    for (y, pair) in rows.iter_mut().enumerate() {
        *pair = load_2x8(cur.row(2 * y), cur.row(2 * y + 1));
    }
    let mut totals = [_mm_setzero_si128(); 4];
    for (total, refp) in totals.iter_mut().zip(refs) {
        for (y, &pair) in rows.iter().enumerate() {
            let sad = _mm_sad_epu8(pair, load_2x8(refp.row(2 * y), refp.row(2 * y + 1)));
            *total = _mm_add_epi32(*total, sad);
        }
    }
    sums_i64x2(totals)
}

/// Eight partial sums of the squares of sixteen differences.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn squares_16(a: __m256i, b: __m256i) -> __m256i {
    let difference = _mm256_sub_epi16(a, b);
    _mm256_madd_epi16(difference, difference)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn widen(row: &[u8; 16]) -> __m256i {
    _mm256_cvtepu8_epi16(load_u8x16(row))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    for y in (0..16).step_by(2) {
        for (half, sums) in sums.iter_mut().enumerate() {
            let squares = squares_16(widen(&cur.0[y + half]), widen(refp.row(y + half)));
            *sums = _mm256_add_epi32(*sums, squares);
        }
    }
    sum_i32x4(fold_i32(_mm256_add_epi32(sums[0], sums[1])))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    // Of the upper and of the lower rows; the lanes have the left and the right columns.
    let mut sums = [_mm256_setzero_si256(); 2];
    for y in 0..8 {
        for (half, sums) in sums.iter_mut().enumerate() {
            let y = y + 8 * half;
            let squares = squares_16(widen(&cur.0[y]), widen(refp.row(y)));
            *sums = _mm256_add_epi32(*sums, squares);
        }
    }
    let pairs = _mm256_hadd_epi32(sums[0], sums[1]);
    let quads = _mm256_hadd_epi32(pairs, pairs);
    let (left, right) = (_mm256_castsi256_si128(quads), _mm256_extracti128_si256::<1>(quads));
    lanes_u32x4(_mm_unpacklo_epi32(left, right))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    let mut sums = _mm256_setzero_si256();
    for y in [0, 2, 4, 6] {
        let a = _mm_unpacklo_epi64(load_u8x8(cur.row(y)), load_u8x8(cur.row(y + 1)));
        let b = _mm_unpacklo_epi64(load_u8x8(refp.row(y)), load_u8x8(refp.row(y + 1)));
        let squares = squares_16(_mm256_cvtepu8_epi16(a), _mm256_cvtepu8_epi16(b));
        sums = _mm256_add_epi32(sums, squares);
    }
    sum_i32x4(fold_i32(sums))
}

/// The sums and the differences of neighbouring lanes of 32 bits: of two pairs in each half of 128 bits.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sums_and_differences(x: __m256i) -> __m256i {
    _mm256_blend_epi32::<0b1100_1100>(_mm256_hadd_epi32(x, x), _mm256_hsub_epi32(x, x))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn errors_16x16(cur: &Block16, pred: Window<'_, 16, 16>) -> [Error8x8; 4] {
    let ones = _mm256_set1_epi16(1);
    let mut squares = [_mm256_setzero_si256(); 2];
    // The largest sums of the left and of the right quadrant.
    let mut lowest = [_mm256_setzero_si256(); 2];
    for half in 0..2 {
        let mut sums = [_mm256_setzero_si256(); 2];
        for y in 0..8 {
            let at = 8 * half + y;
            let error = _mm256_sub_epi16(widen(&cur.0[at]), widen(pred.row(at)));
            sums[y / 4] = _mm256_add_epi16(sums[y / 4], error);
            squares[half] = _mm256_add_epi32(squares[half], _mm256_madd_epi16(error, error));
        }
        // In both halves of the register: top left, top right, bottom left, bottom right.
        let [top, bottom] = [_mm256_madd_epi16(sums[0], ones), _mm256_madd_epi16(sums[1], ones)];
        let across = sums_and_differences(_mm256_hadd_epi32(top, bottom));
        let down = _mm256_abs_epi32(sums_and_differences(across));
        lowest[half] = _mm256_max_epi32(down, _mm256_shuffle_epi32::<0b10_11_00_01>(down));
        lowest[half] =
            _mm256_max_epi32(lowest[half], _mm256_shuffle_epi32::<0b01_00_11_10>(lowest[half]));
    }
    let pairs = _mm256_hadd_epi32(squares[0], squares[1]);
    let quads = _mm256_hadd_epi32(pairs, pairs);
    // Of the upper and of the lower quadrant: the squares, the largest sums.
    let lowest = _mm256_unpacklo_epi32(lowest[0], lowest[1]);
    let all = _mm256_unpacklo_epi64(quads, lowest);
    let left = lanes_u32x4(_mm256_castsi256_si128(all));
    let right = lanes_u32x4(_mm256_extracti128_si256::<1>(all));
    let error = |from: [u32; 4], at: usize| Error8x8 { squares: from[at], lowest: from[at + 2] };
    [error(left, 0), error(right, 0), error(left, 1), error(right, 1)]
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn errors_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>) -> Error8x8 {
    let (mut squares, mut sums) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for y in 0..4 {
        let rows = |from: Window<'_, 8, 8>| {
            let both = _mm_unpacklo_epi64(load_u8x8(from.row(y)), load_u8x8(from.row(y + 4)));
            _mm256_cvtepu8_epi16(both)
        };
        let error = _mm256_sub_epi16(rows(cur), rows(pred));
        sums = _mm256_add_epi16(sums, error);
        squares = _mm256_add_epi32(squares, _mm256_madd_epi16(error, error));
    }
    // The halves of the register are the upper and the lower rows.
    let quads = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    let quads = _mm256_hadd_epi32(quads, quads);
    let (top, bottom) = (_mm256_castsi256_si128(quads), _mm256_extracti128_si256::<1>(quads));
    let both = _mm_unpacklo_epi64(_mm_add_epi32(top, bottom), _mm_sub_epi32(top, bottom));
    let lowest = _mm_unpacklo_epi64(_mm_hadd_epi32(both, both), _mm_hsub_epi32(both, both));
    let lowest = _mm_abs_epi32(lowest);
    let lowest = _mm_max_epi32(lowest, _mm_shuffle_epi32::<0b01_00_11_10>(lowest));
    let lowest = _mm_max_epi32(lowest, _mm_shuffle_epi32::<0b10_11_00_01>(lowest));
    let lowest = _mm_cvtsi128_si32(lowest).cast_unsigned();
    Error8x8 { squares: sum_i32x4(fold_i32(squares)), lowest }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32 {
    let mut sums = _mm256_setzero_si256();
    for (a, b) in cur.0.iter().zip(&refp.0) {
        sums = _mm256_add_epi32(sums, squares_16(widen(a), widen(b)));
    }
    sum_i32x4(fold_i32(sums))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn moments_16x16(cur: &Block16) -> (u32, u32) {
    let zero = _mm256_setzero_si256();
    let (mut sum, mut sum_of_squares) = (zero, zero);
    for y in (0..16).step_by(2) {
        sum = _mm256_add_epi32(sum, _mm256_sad_epu8(two_rows(cur, y), zero));
        let (a, b) = (widen(&cur.0[y]), widen(&cur.0[y + 1]));
        let squares = _mm256_add_epi32(_mm256_madd_epi16(a, a), _mm256_madd_epi16(b, b));
        sum_of_squares = _mm256_add_epi32(sum_of_squares, squares);
    }
    (sum_i64x2(fold_i32(sum)), sum_i32x4(fold_i32(sum_of_squares)))
}

/// The maxima of neighbouring magnitudes of two registers.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn maxima(a: __m256i, b: __m256i) -> __m256i {
    let (a, b) = (_mm256_abs_epi16(a), _mm256_abs_epi16(b));
    let even = _mm256_blend_epi16::<0b1010_1010>(a, _mm256_slli_epi32::<16>(b));
    let odd = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(a), b);
    _mm256_max_epi16(even, odd)
}

/// The Hadamard kernel's vertical steps over four rows, and the last horizontal one: see SSE4.1.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn finish_4_rows([a, b, c, d]: [__m256i; 4]) -> __m256i {
    let (ab, cd) = (_mm256_add_epi16(a, b), _mm256_add_epi16(c, d));
    let (ab_less, cd_less) = (_mm256_sub_epi16(a, b), _mm256_sub_epi16(c, d));
    _mm256_add_epi16(
        maxima(_mm256_add_epi16(ab, cd), _mm256_sub_epi16(ab, cd)),
        maxima(_mm256_add_epi16(ab_less, cd_less), _mm256_sub_epi16(ab_less, cd_less)),
    )
}

/// A row in both lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn twice_16(row: &[u8; 16]) -> __m256i {
    _mm256_broadcastsi128_si256(load_u8x16(row))
}

/// A row lies in both lanes: the lower one takes the sums of neighbours, the upper one their
/// differences.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn step_16(a: __m256i, b: __m256i) -> __m256i {
    let ones = _mm_set1_epi8(1);
    let signs = _mm256_set_m128i(_mm_set1_epi16(i16::from_le_bytes([1, 255])), ones);
    _mm256_sub_epi16(_mm256_maddubs_epi16(a, signs), _mm256_maddubs_epi16(b, signs))
}

/// The cost of a prediction; `prediction` gives a row in both lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_of_rows(cur: &Block16, prediction: impl Fn(usize) -> __m256i) -> u32 {
    let mut sums = _mm256_setzero_si256();
    for y in (0..4).map(|quarter| 4 * quarter) {
        let step = |k: usize| step_16(twice_16(&cur.0[y + k]), prediction(y + k));
        sums = _mm256_add_epi16(sums, finish_4_rows([step(0), step(1), step(2), step(3)]));
    }
    // Sixteen lanes of at most 16320.
    let sums = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    sum_i32x4(fold_i32(sums))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    satd_of_rows(
        cur,
        #[inline]
        |y| twice_16(refp.row(y)),
    )
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
    satd_of_rows(
        cur,
        #[inline]
        |y| _mm256_avg_epu8(twice_16(a.row(y)), twice_16(b.row(y))),
    )
}

/// Row `y` twice in the lower lane, row `y + 4` twice in the upper one.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rows_apart(from: Window<'_, 8, 8>, y: usize) -> __m256i {
    let twice = |row: &[u8; 8]| _mm256_set1_epi64x(i64::from_le_bytes(*row));
    _mm256_blend_epi32::<0b1111_0000>(twice(from.row(y)), twice(from.row(y + 4)))
}

/// The cost of a prediction; `prediction` gives rows as [`rows_apart`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_of_rows_8(cur: Window<'_, 8, 8>, prediction: impl Fn(usize) -> __m256i) -> u32 {
    let signs = _mm256_broadcastsi128_si256(signs_8());
    let step = |y: usize| {
        let a = _mm256_maddubs_epi16(rows_apart(cur, y), signs);
        _mm256_sub_epi16(a, _mm256_maddubs_epi16(prediction(y), signs))
    };
    let sums = finish_4_rows([step(0), step(1), step(2), step(3)]);
    let (low, high) = (_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    sum_i16x8(_mm_add_epi16(low, high))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    satd_of_rows_8(
        cur,
        #[inline]
        |y| rows_apart(refp, y),
    )
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn satd_mean_8x8(cur: Window<'_, 8, 8>, [a, b]: [Window<'_, 8, 8>; 2]) -> u32 {
    satd_of_rows_8(
        cur,
        #[inline]
        |y| _mm256_avg_epu8(rows_apart(a, y), rows_apart(b, y)),
    )
}

/// Pixels between the pixels of `a` and `b`; see the SSE4.1 version.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn between<const KIND: u8>(a: __m256i, b: __m256i, weights: __m256i) -> __m256i {
    match KIND {
        WHOLE => a,
        HALF => _mm256_avg_epu8(a, b),
        _ => {
            let [low, high] = between_wide::<KIND>(a, b, weights);
            _mm256_packus_epi16(low, high)
        }
    }
}

/// As [`between`], in 16 bits: the low and the high halves of the lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn between_wide<const KIND: u8>(a: __m256i, b: __m256i, weights: __m256i) -> [__m256i; 2] {
    if KIND == WHOLE || KIND == HALF {
        let (bytes, zero) = (between::<KIND>(a, b, weights), _mm256_setzero_si256());
        return [_mm256_unpacklo_epi8(bytes, zero), _mm256_unpackhi_epi8(bytes, zero)];
    }
    let shift = _mm256_set1_epi16(4096);
    let low = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), weights);
    let high = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), weights);
    [_mm256_mulhrs_epi16(low, shift), _mm256_mulhrs_epi16(high, shift)]
}

/// Rows `y` and `y + 1` of the first pass, one in each lane; the last row has no partner.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn first_rows_of_17<const X: u8>(
    refp: Window<'_, 17, 17>,
    y: usize,
    across: __m256i,
) -> __m256i {
    let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
    if y < 16 {
        let left = load_2x16(left.row(y), left.row(y + 1));
        between::<X>(left, load_2x16(right.row(y), right.row(y + 1)), across)
    } else {
        let single = |row| _mm256_castsi128_si256(load_u8x16(row));
        between::<X>(single(left.row(16)), single(right.row(16)), across)
    }
}

/// Sums over the upper and the lower eight rows, each of the left and of the right eight columns.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bilinear_parts<const X: u8, const Y: u8>(
    cur: &Block16,
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
) -> [[__m256i; 2]; 2] {
    let (across, down) = (_mm256_set1_epi16(weights(fx)), _mm256_set1_epi16(weights(fy)));
    let zero = _mm256_setzero_si256();
    let mut sums = [[zero; 2]; 2];
    let mut above = first_rows_of_17::<X>(refp, 0, across);
    for y in (0..16).step_by(2) {
        let next = first_rows_of_17::<X>(refp, y + 2, across);
        let below = _mm256_permute2x128_si256::<0x21>(above, next);
        let pixels = two_rows(cur, y);
        let low = _mm256_unpacklo_epi8(pixels, zero);
        let high = _mm256_unpackhi_epi8(pixels, zero);
        let [p_low, p_high] = between_wide::<Y>(above, below, down);
        let [left, right] = &mut sums[y / 8];
        *left = _mm256_add_epi32(*left, squares_16(low, p_low));
        *right = _mm256_add_epi32(*right, squares_16(high, p_high));
        above = next;
    }
    sums
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bilinear_sums<const X: u8, const Y: u8>(
    cur: &Block16,
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
) -> u32 {
    let [upper, lower] = bilinear_parts::<X, Y>(cur, refp, fx, fy);
    let sum = |[left, right]: [__m256i; 2]| _mm256_add_epi32(left, right);
    sum_i32x4(fold_i32(_mm256_add_epi32(sum(upper), sum(lower))))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bilinear_quads<const X: u8, const Y: u8>(
    cur: &Block16,
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
) -> [u32; 4] {
    let [[a, b], [c, d]] = bilinear_parts::<X, Y>(cur, refp, fx, fy);
    let upper = _mm_hadd_epi32(fold_i32(a), fold_i32(b));
    let lower = _mm_hadd_epi32(fold_i32(c), fold_i32(d));
    lanes_u32x4(_mm_hadd_epi32(upper, lower))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_bilinear_16x16_quads(cur: &Block16, refp: Window<'_, 24, 17>, fx: u8, fy: u8) -> [u32; 4] {
    by_kind!(fx, fy, bilinear_quads(cur, refp.sub(0, 0), fx, fy))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
    by_kind!(fx, fy, bilinear_sums(cur, refp, fx, fy))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
    let [left, middle, right] =
        [refp.sub::<16, 18>(0, 0), refp.sub::<16, 18>(1, 0), refp.sub::<16, 18>(2, 0)];
    // Bytes between columns, and as 16 bits; bytes between rows as 16 bits.
    let across = |y| {
        let middle = load_u8x16(middle.row(y));
        let left = _mm_avg_epu8(load_u8x16(left.row(y)), middle);
        [left, middle, _mm_avg_epu8(middle, load_u8x16(right.row(y)))]
    };
    let down = |above: [__m128i; 3], below: [__m128i; 3]| {
        [
            _mm256_cvtepu8_epi16(_mm_avg_epu8(above[0], below[0])),
            _mm256_cvtepu8_epi16(_mm_avg_epu8(above[1], below[1])),
            _mm256_cvtepu8_epi16(_mm_avg_epu8(above[2], below[2])),
        ]
    };
    let add = |sum: &mut __m256i, a, b| *sum = _mm256_add_epi32(*sum, squares_16(a, b));
    let mut sums = [_mm256_setzero_si256(); 8];
    let mut row = across(1);
    let mut over = down(across(0), row);
    for y in 0..16 {
        let pixels = widen(&cur.0[y]);
        let below = across(y + 2);
        let under = down(row, below);
        add(&mut sums[0], pixels, over[0]);
        add(&mut sums[1], pixels, over[1]);
        add(&mut sums[2], pixels, over[2]);
        add(&mut sums[3], pixels, _mm256_cvtepu8_epi16(row[0]));
        add(&mut sums[4], pixels, _mm256_cvtepu8_epi16(row[2]));
        add(&mut sums[5], pixels, under[0]);
        add(&mut sums[6], pixels, under[1]);
        add(&mut sums[7], pixels, under[2]);
        (row, over) = (below, under);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    sums_of_8([
        fold_i32(a),
        fold_i32(b),
        fold_i32(c),
        fold_i32(d),
        fold_i32(e),
        fold_i32(f),
        fold_i32(g),
        fold_i32(h),
    ])
}
