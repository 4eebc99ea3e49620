//! SSE4.1 kernels: SAD, SATD and squared errors of blocks.

use core::arch::x86_64::*;

use crate::lanes::replace_entries;
use crate::table::Kernels;
use crate::types::{Block16, BlockUv};
use crate::view::Window;
use crate::x86::memory::{load_2x8, load_4x4, load_u8x4, load_u8x8, load_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, cost)
}

/// Sum of the four 32-bit lanes.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sum_i32x4(v: __m128i) -> u32 {
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b01_00_11_10>(v));
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b10_11_00_01>(v));
    _mm_cvtsi128_si32(v).cast_unsigned()
}

/// The four 32-bit lanes, lowest first.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn lanes_u32x4(v: __m128i) -> [u32; 4] {
    [
        _mm_cvtsi128_si32(v).cast_unsigned(),
        _mm_extract_epi32::<1>(v).cast_unsigned(),
        _mm_extract_epi32::<2>(v).cast_unsigned(),
        _mm_extract_epi32::<3>(v).cast_unsigned(),
    ]
}

/// Sum of both 64-bit lanes, each below 2^31.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sum_i64x2(v: __m128i) -> u32 {
    _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_unpackhi_epi64(v, v))).cast_unsigned()
}

/// The sums of both 64-bit lanes of each of four registers.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sums_i64x2([a, b, c, d]: [__m128i; 4]) -> [u32; 4] {
    let ab = _mm_or_si128(a, _mm_slli_epi64::<32>(b));
    let cd = _mm_or_si128(c, _mm_slli_epi64::<32>(d));
    lanes_u32x4(_mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd)))
}

/// 64-bit lanes: sums over the left and the right half of `ROWS` rows from `from`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn sad_rows<const ROWS: usize>(cur: &Block16, refp: Window<'_, 16, 16>, from: usize) -> __m128i {
    let mut sums = _mm_setzero_si128();
    for y in from..from + ROWS {
        let sad = _mm_sad_epu8(load_u8x16(&cur.0[y]), load_u8x16(refp.row(y)));
        sums = _mm_add_epi32(sums, sad);
    }
    sums
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    sum_i64x2(sad_rows::<16>(cur, refp, 0))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_16x16_x4(cur: &Block16, [a, b, c, d]: [Window<'_, 16, 16>; 4]) -> [u32; 4] {
    let mut sums = [_mm_setzero_si128(); 4];
    for y in (0..16).step_by(2) {
        for y in [y, y + 1] {
            let row = load_u8x16(&cur.0[y]);
            sums[0] = _mm_add_epi32(sums[0], _mm_sad_epu8(row, load_u8x16(a.row(y))));
            sums[1] = _mm_add_epi32(sums[1], _mm_sad_epu8(row, load_u8x16(b.row(y))));
            sums[2] = _mm_add_epi32(sums[2], _mm_sad_epu8(row, load_u8x16(c.row(y))));
            sums[3] = _mm_add_epi32(sums[3], _mm_sad_epu8(row, load_u8x16(d.row(y))));
        }
    }
    sums_i64x2(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    let (top, bottom) = (sad_rows::<8>(cur, refp, 0), sad_rows::<8>(cur, refp, 8));
    lanes_u32x4(_mm_unpacklo_epi64(
        _mm_shuffle_epi32::<0b11_01_10_00>(top),
        _mm_shuffle_epi32::<0b11_01_10_00>(bottom),
    ))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    let mut sums = _mm_setzero_si128();
    for y in [0, 2, 4, 6] {
        let a = load_2x8(cur.row(y), cur.row(y + 1));
        let b = load_2x8(refp.row(y), refp.row(y + 1));
        sums = _mm_add_epi32(sums, _mm_sad_epu8(a, b));
    }
    sum_i64x2(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4] {
    let mut sums = [_mm_setzero_si128(); 4];
    for y in [0, 2, 4, 6] {
        let a = load_2x8(cur.row(y), cur.row(y + 1));
        for (sum, refp) in sums.iter_mut().zip(&refs) {
            let b = load_2x8(refp.row(y), refp.row(y + 1));
            *sum = _mm_add_epi32(*sum, _mm_sad_epu8(a, b));
        }
    }
    sums_i64x2(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    sum_i64x2(_mm_sad_epu8(load_4x4(cur), load_4x4(refp)))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
    let mut sums = _mm_setzero_si128();
    for y in 0..16 {
        let mean = _mm_avg_epu8(load_u8x16(a.row(y)), load_u8x16(b.row(y)));
        sums = _mm_add_epi32(sums, _mm_sad_epu8(load_u8x16(&cur.0[y]), mean));
    }
    sum_i64x2(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sad_mean_8x8(cur: Window<'_, 8, 8>, [a, b]: [Window<'_, 8, 8>; 2]) -> u32 {
    let mut sums = _mm_setzero_si128();
    for y in [0, 2, 4, 6] {
        let two = |from: Window<'_, 8, 8>| load_2x8(from.row(y), from.row(y + 1));
        sums = _mm_add_epi32(sums, _mm_sad_epu8(two(cur), _mm_avg_epu8(two(a), two(b))));
    }
    sum_i64x2(sums)
}

/// Four partial sums of the squared differences of sixteen pixels.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn squares(a: __m128i, b: __m128i) -> __m128i {
    // Bytes of `a` and `b` side by side; times 1 and -1 that is their difference in 16 bits.
    let signs = _mm_set1_epi16(i16::from_le_bytes([1, 255]));
    let low = _mm_maddubs_epi16(_mm_unpacklo_epi8(a, b), signs);
    let high = _mm_maddubs_epi16(_mm_unpackhi_epi8(a, b), signs);
    _mm_add_epi32(_mm_madd_epi16(low, low), _mm_madd_epi16(high, high))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    let mut sums = _mm_setzero_si128();
    for y in 0..16 {
        sums = _mm_add_epi32(sums, squares(load_u8x16(&cur.0[y]), load_u8x16(refp.row(y))));
    }
    sum_i32x4(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    let mut sums = _mm_setzero_si128();
    for y in 0..8 {
        let a = _mm_cvtepu8_epi16(load_u8x8(cur.row(y)));
        let difference = _mm_sub_epi16(a, _mm_cvtepu8_epi16(load_u8x8(refp.row(y))));
        sums = _mm_add_epi32(sums, _mm_madd_epi16(difference, difference));
    }
    sum_i32x4(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    [
        sse_8x8(cur.sub(0, 0), refp.sub(0, 0)),
        sse_8x8(cur.sub(8, 0), refp.sub(8, 0)),
        sse_8x8(cur.sub(0, 8), refp.sub(0, 8)),
        sse_8x8(cur.sub(8, 8), refp.sub(8, 8)),
    ]
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    sum_i32x4(squares(load_4x4(cur), load_4x4(refp)))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32 {
    let mut sums = _mm_setzero_si128();
    for (a, b) in cur.0.iter().zip(&refp.0) {
        sums = _mm_add_epi32(sums, squares(load_u8x16(a), load_u8x16(b)));
    }
    sum_i32x4(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn moments_16x16(cur: &Block16) -> (u32, u32) {
    let zero = _mm_setzero_si128();
    let (mut sum, mut sum_of_squares) = (zero, zero);
    for row in &cur.0 {
        let row = load_u8x16(row);
        sum = _mm_add_epi32(sum, _mm_sad_epu8(row, zero));
        let (low, high) = (_mm_unpacklo_epi8(row, zero), _mm_unpackhi_epi8(row, zero));
        let squares = _mm_add_epi32(_mm_madd_epi16(low, low), _mm_madd_epi16(high, high));
        sum_of_squares = _mm_add_epi32(sum_of_squares, squares);
    }
    (sum_i64x2(sum), sum_i32x4(sum_of_squares))
}

// The Hadamard kernels. A row of pixels lies twice in a register: alternately multiplied by (1, 1)
// and (1, -1) it gives the sums and the differences of neighbours, the first horizontal step. Then
// come the two vertical steps across registers. The last horizontal step combines neighbouring
// lanes p and r:
// |p + r| + |p - r| = 2 max(|p|, |r|), so that the halved cost is the sum of the maxima.

/// Signs of a register that holds the same eight pixels in both halves.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn signs_8() -> __m128i {
    _mm_set_epi64x(i64::from_le_bytes([1, 255, 1, 255, 1, 255, 1, 255]), 0x0101_0101_0101_0101)
}

/// A row of eight pixels in both halves.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn twice_8(row: &[u8; 8]) -> __m128i {
    _mm_set1_epi64x(i64::from_le_bytes(*row))
}

/// The first horizontal step of eight differences, of pixels in both halves.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn step_8(a: __m128i, b: __m128i) -> __m128i {
    _mm_sub_epi16(_mm_maddubs_epi16(a, signs_8()), _mm_maddubs_epi16(b, signs_8()))
}

/// The maxima of neighbouring magnitudes of two registers.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn maxima(a: __m128i, b: __m128i) -> __m128i {
    let (a, b) = (_mm_abs_epi16(a), _mm_abs_epi16(b));
    let even = _mm_blend_epi16::<0b1010_1010>(a, _mm_slli_epi32::<16>(b));
    let odd = _mm_blend_epi16::<0b1010_1010>(_mm_srli_epi32::<16>(a), b);
    _mm_max_epi16(even, odd)
}

/// The vertical steps over four rows, and the last horizontal one: eight sums of two maxima, each
/// at most 4080.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn finish_4_rows([a, b, c, d]: [__m128i; 4]) -> __m128i {
    let (ab, cd) = (_mm_add_epi16(a, b), _mm_add_epi16(c, d));
    let (ab_less, cd_less) = (_mm_sub_epi16(a, b), _mm_sub_epi16(c, d));
    _mm_add_epi16(
        maxima(_mm_add_epi16(ab, cd), _mm_sub_epi16(ab, cd)),
        maxima(_mm_add_epi16(ab_less, cd_less), _mm_sub_epi16(ab_less, cd_less)),
    )
}

/// Sum of eight lanes of 16 bits, none negative.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sum_i16x8(v: __m128i) -> u32 {
    sum_i32x4(_mm_madd_epi16(v, _mm_set1_epi16(1)))
}

/// The results of [`finish_4_rows`] for columns of eight pixels, `ROWS` rows; `prediction` gives a
/// row in both halves.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn satd_rows<const ROWS: usize>(
    cur: Window<'_, 8, ROWS>,
    prediction: impl Fn(usize) -> __m128i,
) -> __m128i {
    let mut sums = _mm_setzero_si128();
    for y in (0..ROWS).step_by(4) {
        let step = |k: usize| step_8(twice_8(cur.row(y + k)), prediction(y + k));
        sums = _mm_add_epi16(sums, finish_4_rows([step(0), step(1), step(2), step(3)]));
    }
    sums
}

#[target_feature(enable = "sse4.1,ssse3")]
fn satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    // Eight results of at most 4080 in each lane.
    let mut sums = _mm_setzero_si128();
    for x in [0, 8] {
        let (cur, refp) = (cur.sub::<8, 16>(x, 0), refp.sub::<8, 16>(x, 0));
        let half = satd_rows(
            cur,
            #[inline]
            |y| twice_8(refp.row(y)),
        );
        sums = _mm_add_epi16(sums, half);
    }
    sum_i16x8(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn satd_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
    let mut sums = _mm_setzero_si128();
    for x in [0, 8] {
        let (cur, a, b) = (cur.sub::<8, 16>(x, 0), a.sub::<8, 16>(x, 0), b.sub::<8, 16>(x, 0));
        let half = satd_rows(
            cur,
            #[inline]
            |y| _mm_avg_epu8(twice_8(a.row(y)), twice_8(b.row(y))),
        );
        sums = _mm_add_epi16(sums, half);
    }
    sum_i16x8(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    sum_i16x8(satd_rows(
        cur,
        #[inline]
        |y| twice_8(refp.row(y)),
    ))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn satd_mean_8x8(cur: Window<'_, 8, 8>, [a, b]: [Window<'_, 8, 8>; 2]) -> u32 {
    sum_i16x8(satd_rows(
        cur,
        #[inline]
        |y| _mm_avg_epu8(twice_8(a.row(y)), twice_8(b.row(y))),
    ))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn satd_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    let sums_then_differences = i64::from_le_bytes([1, 1, 1, 1, 1, 255, 1, 255]);
    let signs = _mm_set1_epi64x(sums_then_differences);
    let step = |a, b| _mm_sub_epi16(_mm_maddubs_epi16(a, signs), _mm_maddubs_epi16(b, signs));
    // Rows `y` and `y + 1`, each twice.
    let twice = |from: Window<'_, 4, 4>, y: usize| {
        let rows = _mm_unpacklo_epi32(load_u8x4(from.row(y)), load_u8x4(from.row(y + 1)));
        _mm_unpacklo_epi32(rows, rows)
    };
    let rows_01 = step(twice(cur, 0), twice(refp, 0));
    let rows_23 = step(twice(cur, 2), twice(refp, 2));
    let (sum, less) = (_mm_add_epi16(rows_01, rows_23), _mm_sub_epi16(rows_01, rows_23));
    let (even, odd) = (_mm_unpacklo_epi64(sum, less), _mm_unpackhi_epi64(sum, less));
    sum_i16x8(maxima(_mm_add_epi16(even, odd), _mm_sub_epi16(even, odd)))
}

/// How a pass of the bilinear filter is computed: skipped, as a rounded mean, or by its taps.
pub(in crate::x86) const WHOLE: u8 = 0;
pub(in crate::x86) const HALF: u8 = 1;
pub(in crate::x86) const TAPS: u8 = 2;

pub(in crate::x86) const fn kind(fraction: u8) -> u8 {
    match fraction {
        0 => WHOLE,
        4 => HALF,
        _ => TAPS,
    }
}

/// Weights of a pixel and its neighbour, side by side.
pub(in crate::x86) fn weights(fraction: u8) -> i16 {
    i16::from_le_bytes([8 - (fraction & 7), fraction & 7])
}

/// Sixteen pixels between the pixels of `a` and `b`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn between<const KIND: u8>(a: __m128i, b: __m128i, weights: __m128i) -> __m128i {
    match KIND {
        WHOLE => a,
        HALF => _mm_avg_epu8(a, b),
        _ => {
            // x * 4096 rounded at bit 15 is (x + 4) >> 3.
            let shift = _mm_set1_epi16(4096);
            let low = _mm_maddubs_epi16(_mm_unpacklo_epi8(a, b), weights);
            let high = _mm_maddubs_epi16(_mm_unpackhi_epi8(a, b), weights);
            _mm_packus_epi16(_mm_mulhrs_epi16(low, shift), _mm_mulhrs_epi16(high, shift))
        }
    }
}

/// Calls `$kernel::<X, Y>` with the kinds of both fractions.
macro_rules! by_kind {
    ($fx:expr, $fy:expr, $kernel:ident($($arg:expr),*)) => {{
        use crate::x86::sse41::cost::{HALF, TAPS, WHOLE, kind};
        match (kind($fx), kind($fy)) {
            (WHOLE, WHOLE) => $kernel::<WHOLE, WHOLE>($($arg),*),
            (WHOLE, HALF) => $kernel::<WHOLE, HALF>($($arg),*),
            (WHOLE, _) => $kernel::<WHOLE, TAPS>($($arg),*),
            (HALF, WHOLE) => $kernel::<HALF, WHOLE>($($arg),*),
            (HALF, HALF) => $kernel::<HALF, HALF>($($arg),*),
            (HALF, _) => $kernel::<HALF, TAPS>($($arg),*),
            (_, WHOLE) => $kernel::<TAPS, WHOLE>($($arg),*),
            (_, HALF) => $kernel::<TAPS, HALF>($($arg),*),
            (_, _) => $kernel::<TAPS, TAPS>($($arg),*),
        }
    }};
}
pub(in crate::x86) use by_kind;

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_sums<const X: u8, const Y: u8>(
    cur: &Block16,
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
) -> u32 {
    let (across, down) = (_mm_set1_epi16(weights(fx)), _mm_set1_epi16(weights(fy)));
    let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
    let first = |y| between::<X>(load_u8x16(left.row(y)), load_u8x16(right.row(y)), across);
    let (mut sums, mut above) = (_mm_setzero_si128(), first(0));
    for y in 0..16 {
        let below = first(y + 1);
        let prediction = between::<Y>(above, below, down);
        sums = _mm_add_epi32(sums, squares(load_u8x16(&cur.0[y]), prediction));
        above = below;
    }
    sum_i32x4(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
    by_kind!(fx, fy, bilinear_sums(cur, refp, fx, fy))
}

/// Two rows of eight pixels, of eight columns and their right neighbours.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn first_pass_2x8<const X: u8>(
    refp: Window<'_, 16, 9>,
    y: usize,
    across: __m128i,
) -> __m128i {
    let (left, right) = (refp.sub::<8, 9>(0, 0), refp.sub::<8, 9>(1, 0));
    let a = load_2x8(left.row(y), left.row(y + 1));
    between::<X>(a, load_2x8(right.row(y), right.row(y + 1)), across)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_sums_8<const X: u8, const Y: u8>(
    cur: Window<'_, 8, 8>,
    refp: Window<'_, 16, 9>,
    fx: u8,
    fy: u8,
) -> u32 {
    let (across, down) = (_mm_set1_epi16(weights(fx)), _mm_set1_epi16(weights(fy)));
    let mut sums = _mm_setzero_si128();
    let mut above = first_pass_2x8::<X>(refp, 0, across);
    for y in (0..8).step_by(2) {
        // Rows y + 1 and y + 2; the first is known already.
        let next = first_pass_2x8::<X>(refp, if y == 6 { 7 } else { y + 2 }, across);
        let below = if y == 6 { next } else { _mm_alignr_epi8::<8>(next, above) };
        let pixels = load_2x8(cur.row(y), cur.row(y + 1));
        sums = _mm_add_epi32(sums, squares(pixels, between::<Y>(above, below, down)));
        above = next;
    }
    sum_i32x4(sums)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_bilinear_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 16, 9>, fx: u8, fy: u8) -> u32 {
    by_kind!(fx, fy, bilinear_sums_8(cur, refp, fx, fy))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_bilinear_16x16_quads(cur: &Block16, refp: Window<'_, 24, 17>, fx: u8, fy: u8) -> [u32; 4] {
    [
        sse_bilinear_8x8(cur.sub(0, 0), refp.sub(0, 0), fx, fy),
        sse_bilinear_8x8(cur.sub(8, 0), refp.sub(8, 0), fx, fy),
        sse_bilinear_8x8(cur.sub(0, 8), refp.sub(0, 8), fx, fy),
        sse_bilinear_8x8(cur.sub(8, 8), refp.sub(8, 8), fx, fy),
    ]
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
    let [left, middle, right] =
        [refp.sub::<16, 18>(0, 0), refp.sub::<16, 18>(1, 0), refp.sub::<16, 18>(2, 0)];
    let across = |y| {
        let middle = load_u8x16(middle.row(y));
        let left = _mm_avg_epu8(load_u8x16(left.row(y)), middle);
        [left, middle, _mm_avg_epu8(middle, load_u8x16(right.row(y)))]
    };
    let down = |above: [__m128i; 3], below: [__m128i; 3]| {
        [
            _mm_avg_epu8(above[0], below[0]),
            _mm_avg_epu8(above[1], below[1]),
            _mm_avg_epu8(above[2], below[2]),
        ]
    };
    let add = |sum: &mut __m128i, a, b| *sum = _mm_add_epi32(*sum, squares(a, b));
    let mut sums = [_mm_setzero_si128(); 8];
    let mut row = across(1);
    let mut over = down(across(0), row);
    for y in 0..16 {
        let pixels = load_u8x16(&cur.0[y]);
        let below = across(y + 2);
        let under = down(row, below);
        add(&mut sums[0], pixels, over[0]);
        add(&mut sums[1], pixels, over[1]);
        add(&mut sums[2], pixels, over[2]);
        add(&mut sums[3], pixels, row[0]);
        add(&mut sums[4], pixels, row[2]);
        add(&mut sums[5], pixels, under[0]);
        add(&mut sums[6], pixels, under[1]);
        add(&mut sums[7], pixels, under[2]);
        (row, over) = (below, under);
    }
    sums_of_8(sums)
}

/// The sums of the four lanes of each of eight registers.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sums_of_8([a, b, c, d, e, f, g, h]: [__m128i; 8]) -> [u32; 8] {
    let low = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
    let high = _mm_hadd_epi32(_mm_hadd_epi32(e, f), _mm_hadd_epi32(g, h));
    let ([a, b, c, d], [e, f, g, h]) = (lanes_u32x4(low), lanes_u32x4(high));
    [a, b, c, d, e, f, g, h]
}
