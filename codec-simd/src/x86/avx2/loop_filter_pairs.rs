//! AVX2 kernels: VP8's loop filter of two macroblocks. The first is in the lower 128-bit lane, the
//! second in the upper one.
//!
//! Pixels stay in registers from one edge to the next. The kernel never loads data that it has just
//! stored in another width, because store forwarding fails for such a load: it waits until the
//! stores have left the pipeline.

use core::arch::x86_64::*;

use crate::table::Kernels;
use crate::types::{EdgeLimits, MbLimits, YuvWindows};
use crate::view::WindowMut;
use crate::x86::memory::{load_2x8, load_2x16, load_4x4, store_2x8, store_4x4, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { filter_mbs_x2, ..base }
}

/// `p3 p2 p1 p0 q0 q1 q2 q3` of sixteen segments of each macroblock.
type Segments = [__m256i; 8];

/// [`EdgeLimits`] in every byte of the macroblock's lane.
#[derive(Clone, Copy)]
struct Limits {
    edge: __m256i,
    interior: __m256i,
    hev: __m256i,
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn splat(x: u8) -> __m256i {
    _mm256_set1_epi8(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn splat_limits([a, b]: [EdgeLimits; 2]) -> Limits {
    let lane = |x: u8| _mm_set1_epi8(x.cast_signed());
    let both = |a, b| _mm256_set_m128i(lane(b), lane(a));
    Limits {
        edge: both(a.edge, b.edge),
        interior: both(a.interior, b.interior),
        hev: both(a.hev, b.hev),
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn abs_diff(a: __m256i, b: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a))
}

/// Masks: segments to be filtered, and segments without high edge variance.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn thresholds(s: &Segments, limits: Limits) -> (__m256i, __m256i) {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *s;
    let zero = _mm256_setzero_si256();
    let near = _mm256_max_epu8(abs_diff(p1, p0), abs_diff(q1, q0));
    let far_p = _mm256_max_epu8(abs_diff(p3, p2), abs_diff(p2, p1));
    let far_q = _mm256_max_epu8(abs_diff(q3, q2), abs_diff(q2, q1));
    let all = _mm256_max_epu8(near, _mm256_max_epu8(far_p, far_q));
    let (across, outer) = (abs_diff(p0, q0), abs_diff(p1, q1));
    let half = _mm256_and_si256(_mm256_srli_epi16::<1>(outer), splat(0x7f));
    let edge = _mm256_adds_epu8(_mm256_adds_epu8(across, across), half);
    let over = _mm256_or_si256(
        _mm256_subs_epu8(all, limits.interior),
        _mm256_subs_epu8(edge, limits.edge),
    );
    let smooth = _mm256_cmpeq_epi8(_mm256_subs_epu8(near, limits.hev), zero);
    (_mm256_cmpeq_epi8(over, zero), smooth)
}

/// Pixels to signed numbers and back.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn flip(x: __m256i) -> __m256i {
    _mm256_xor_si256(x, splat(0x80))
}

/// `clamp(outer + 3 * (q0 - p0))`; the three sums may saturate one by one.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn edge_weight(outer: __m256i, p0: __m256i, q0: __m256i) -> __m256i {
    let d = _mm256_subs_epi8(q0, p0);
    _mm256_adds_epi8(_mm256_adds_epi8(_mm256_adds_epi8(outer, d), d), d)
}

/// `clamp(w + rounding) >> 3`, plus 16: 0..=31.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn eighth_plus_16(flipped_w: __m256i, rounding: u8) -> __m256i {
    let sum = _mm256_adds_epu8(flipped_w, splat(rounding));
    _mm256_and_si256(_mm256_srli_epi16::<3>(sum), splat(0x1f))
}

/// The signed `p0` and `q0` moved by `w`, and the change of `q0` plus 16.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn adjust(w: __m256i, p0: __m256i, q0: __m256i) -> (__m256i, __m256i, __m256i) {
    let w = flip(w);
    let (for_q, for_p) = (eighth_plus_16(w, 4), eighth_plus_16(w, 3));
    let p0 = _mm256_adds_epi8(p0, _mm256_sub_epi8(for_p, splat(16)));
    let q0 = _mm256_subs_epi8(q0, _mm256_sub_epi8(for_q, splat(16)));
    (p0, q0, for_q)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn inner_segments(s: &mut Segments, limits: Limits) {
    let (filtered, smooth) = thresholds(s, limits);
    let [p1, p0, q0, q1] = [flip(s[2]), flip(s[3]), flip(s[4]), flip(s[5])];
    let outer = _mm256_andnot_si256(smooth, _mm256_subs_epi8(p1, q1));
    let w = _mm256_and_si256(edge_weight(outer, p0, q0), filtered);
    let (p0, q0, for_q) = adjust(w, p0, q0);
    // The mean with 0 is half of the change, rounded up, plus 8.
    let half = _mm256_sub_epi8(_mm256_avg_epu8(for_q, _mm256_setzero_si256()), splat(8));
    let half = _mm256_and_si256(half, smooth);
    s[2] = flip(_mm256_adds_epi8(p1, half));
    s[3] = flip(p0);
    s[4] = flip(q0);
    s[5] = flip(_mm256_subs_epi8(q1, half));
}

/// `(weight * w + 63) >> 7`, where the bytes of `w` are interleaved with ones.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fraction(w_low: __m256i, w_high: __m256i, weight: u8) -> __m256i {
    let factors = _mm256_set1_epi16(i16::from_le_bytes([weight, 63]));
    _mm256_packs_epi16(
        _mm256_srai_epi16::<7>(_mm256_maddubs_epi16(factors, w_low)),
        _mm256_srai_epi16::<7>(_mm256_maddubs_epi16(factors, w_high)),
    )
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn mb_segments(s: &mut Segments, limits: Limits) {
    let (filtered, smooth) = thresholds(s, limits);
    let [p2, p1, p0] = [flip(s[1]), flip(s[2]), flip(s[3])];
    let [q0, q1, q2] = [flip(s[4]), flip(s[5]), flip(s[6])];
    let w = edge_weight(_mm256_subs_epi8(p1, q1), p0, q0);
    let w = _mm256_and_si256(w, filtered);
    // Each segment takes one of the two branches; the other has no effect, because its w is 0.
    let (p0, q0, _) = adjust(_mm256_andnot_si256(smooth, w), p0, q0);
    let w = _mm256_and_si256(w, smooth);
    let low = _mm256_unpacklo_epi8(w, splat(1));
    let high = _mm256_unpackhi_epi8(w, splat(1));
    let change = [fraction(low, high, 27), fraction(low, high, 18), fraction(low, high, 9)];
    s[1] = flip(_mm256_adds_epi8(p2, change[2]));
    s[2] = flip(_mm256_adds_epi8(p1, change[1]));
    s[3] = flip(_mm256_adds_epi8(p0, change[0]));
    s[4] = flip(_mm256_subs_epi8(q0, change[0]));
    s[5] = flip(_mm256_subs_epi8(q1, change[1]));
    s[6] = flip(_mm256_subs_epi8(q2, change[2]));
}

/// The inner edge before position `E` of runs of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn inner_edge<const E: usize>(runs: &mut [__m256i; 16], limits: Limits) {
    let mut s = [_mm256_setzero_si256(); 8];
    s.copy_from_slice(&runs[E - 4..E + 4]);
    inner_segments(&mut s, limits);
    runs[E - 2..E + 2].copy_from_slice(&s[2..6]);
}

/// One step of a transposition in each lane: the address of a byte, register number first,
/// rotates by one bit.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rotate<const N: usize, const HALF: usize>(x: &[__m256i; N]) -> [__m256i; N] {
    let mut out = [_mm256_setzero_si256(); N];
    for i in 0..HALF {
        out[2 * i] = _mm256_unpacklo_epi8(x[i], x[i + HALF]);
        out[2 * i + 1] = _mm256_unpackhi_epi8(x[i], x[i + HALF]);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transpose_16x16(x: &[__m256i; 16]) -> [__m256i; 16] {
    let x = rotate::<16, 8>(x);
    let x = rotate::<16, 8>(&x);
    let x = rotate::<16, 8>(&x);
    rotate::<16, 8>(&x)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn load_rows<const N: usize>(a: &WindowMut<'_, 16, N>, b: &WindowMut<'_, 16, N>) -> [__m256i; N] {
    let mut rows = [_mm256_setzero_si256(); N];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = load_2x16(a.row(y), b.row(y));
    }
    rows
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_row(a: &mut [u8; 16], b: &mut [u8; 16], value: __m256i) {
    store_u8x16(a, _mm256_castsi256_si128(value));
    store_u8x16(b, _mm256_extracti128_si256::<1>(value));
}

/// Runs of eight pixels: two of the first macroblock, two of the second.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn load_4x8([a, b, c, d]: [&[u8; 8]; 4]) -> __m256i {
    _mm256_set_m128i(load_2x8(c, d), load_2x8(a, b))
}

/// Sixteen rows of eight pixels in each lane to eight columns. Each register holds two rows, eight
/// apart.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rows_to_columns(rows: &Segments) -> Segments {
    let zip = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,
    ));
    let mut x = *rows;
    for x in &mut x {
        *x = _mm256_shuffle_epi8(*x, zip);
    }
    let x = rotate::<8, 4>(&x);
    let x = rotate::<8, 4>(&x);
    rotate::<8, 4>(&x)
}

/// Eight columns to sixteen rows of eight pixels, two successive ones in each register.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn columns_to_rows(columns: &Segments) -> Segments {
    let x = rotate::<8, 4>(columns);
    let x = rotate::<8, 4>(&x);
    rotate::<8, 4>(&x)
}

/// The four columns of sixteen rows of four pixels, four rows in each register, or back.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn to_columns(rows: [__m256i; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = rows;
    let (a, b, c, d) = (transpose_4x4(a), transpose_4x4(b), transpose_4x4(c), transpose_4x4(d));
    let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    [
        _mm256_unpacklo_epi64(ab_low, cd_low),
        _mm256_unpackhi_epi64(ab_low, cd_low),
        _mm256_unpacklo_epi64(ab_high, cd_high),
        _mm256_unpackhi_epi64(ab_high, cd_high),
    ]
}

/// The inverse of [`to_columns`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn to_rows([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    [
        transpose_4x4(_mm256_unpacklo_epi64(ab_low, cd_low)),
        transpose_4x4(_mm256_unpackhi_epi64(ab_low, cd_low)),
        transpose_4x4(_mm256_unpacklo_epi64(ab_high, cd_high)),
        transpose_4x4(_mm256_unpackhi_epi64(ab_high, cd_high)),
    ]
}

/// Four rows of four pixels to four columns, in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transpose_4x4(x: __m256i) -> __m256i {
    let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(order))
}

/// Four columns of four rows from `y` on of both macroblocks.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn load_block<const W: usize, const H: usize>(
    [a, b]: [&WindowMut<'_, W, H>; 2],
    x: usize,
    y: usize,
) -> __m256i {
    let block = |from: &WindowMut<'_, W, H>| load_4x4(from.as_ref().sub(x, y));
    _mm256_set_m128i(block(b), block(a))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_block<const W: usize, const H: usize>(
    a: &mut WindowMut<'_, W, H>,
    b: &mut WindowMut<'_, W, H>,
    x: usize,
    y: usize,
    block: __m256i,
) {
    store_4x4(a.sub(x, y), _mm256_castsi256_si128(block));
    store_4x4(b.sub(x, y), _mm256_extracti128_si256::<1>(block));
}

/// Luma of a macroblock with the four columns to its left.
type Luma<'a> = WindowMut<'a, 20, 16>;

/// Filters the edges between columns and returns the rows of the macroblocks, which are not yet
/// stored; without inner edges, only the first four.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_luma_columns<const INNER: bool>(
    a: &mut Luma<'_>,
    b: &mut Luma<'_>,
    left: Limits,
    inner: Limits,
) -> [__m256i; 16] {
    let mut rows = [_mm256_setzero_si256(); 16];
    for (y, row) in rows.iter_mut().enumerate() {
        if INNER || y < 4 {
            let (a, b) = (a.as_ref().sub::<16, 16>(4, 0), b.as_ref().sub::<16, 16>(4, 0));
            *row = load_2x16(a.row(y), b.row(y));
        }
    }
    let four = |x| [0, 4, 8, 12].map(|y| load_block([&*a, &*b], x, y));
    let [p3, p2, p1, p0] = to_columns(four(0));
    let mut columns = [_mm256_setzero_si256(); 16];
    if INNER {
        columns = transpose_16x16(&rows);
    } else {
        columns[..4].copy_from_slice(&to_columns(four(4)));
    }
    let mut s = [p3, p2, p1, p0, columns[0], columns[1], columns[2], columns[3]];
    mb_segments(&mut s, left);
    let [p3, p2, p1, p0, q0, q1, q2, q3] = s;
    for (i, block) in to_rows([p3, p2, p1, p0]).into_iter().enumerate() {
        store_block(a, b, 0, 4 * i, block);
    }
    if INNER {
        columns[..4].copy_from_slice(&[q0, q1, q2, q3]);
        inner_edge::<4>(&mut columns, inner);
        inner_edge::<8>(&mut columns, inner);
        inner_edge::<12>(&mut columns, inner);
        return transpose_16x16(&columns);
    }
    let blocks = to_rows([q0, q1, q2, q3]);
    for (i, &block) in blocks.iter().enumerate() {
        store_block(a, b, 4, 4 * i, block);
    }
    rows[0] = _mm256_blend_epi32::<0x11>(rows[0], blocks[0]);
    rows[1] = _mm256_blend_epi32::<0x11>(rows[1], _mm256_bsrli_epi128::<4>(blocks[0]));
    rows[2] = _mm256_blend_epi32::<0x11>(rows[2], _mm256_bsrli_epi128::<8>(blocks[0]));
    rows[3] = _mm256_blend_epi32::<0x11>(rows[3], _mm256_bsrli_epi128::<12>(blocks[0]));
    rows
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_luma<const INNER: bool>(
    [mut above_a, mut above_b]: [WindowMut<'_, 16, 4>; 2],
    [mut a, mut b]: [Luma<'_>; 2],
    [left, upper, inner]: [Limits; 3],
) {
    let mut rows = filter_luma_columns::<INNER>(&mut a, &mut b, left, inner);
    let [p3, p2, p1, p0] = load_rows(&above_a, &above_b);
    let mut s = [p3, p2, p1, p0, rows[0], rows[1], rows[2], rows[3]];
    mb_segments(&mut s, upper);
    for (i, &row) in s.iter().enumerate() {
        if (1..4).contains(&i) {
            store_row(above_a.row_mut(i), above_b.row_mut(i), row);
        }
    }
    rows[..4].copy_from_slice(&s[4..]);
    if INNER {
        inner_edge::<4>(&mut rows, inner);
        inner_edge::<8>(&mut rows, inner);
        inner_edge::<12>(&mut rows, inner);
    }
    let (mut a, mut b) = (a.into_sub::<16, 16>(4, 0), b.into_sub::<16, 16>(4, 0));
    for (y, &row) in rows.iter().enumerate() {
        if INNER || y < 3 {
            store_row(a.row_mut(y), b.row_mut(y), row);
        }
    }
}

/// One chroma block of each macroblock with the four columns to their left.
type Chroma<'a> = [WindowMut<'a, 12, 8>; 2];

/// As [`filter_luma_columns`]: eight rows of U and V side by side, four without inner edges.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_chroma_columns<const INNER: bool>(
    [u_a, u_b]: &mut Chroma<'_>,
    [v_a, v_b]: &mut Chroma<'_>,
    left: Limits,
    inner: Limits,
) -> Segments {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        if INNER || y < 4 {
            let part = |from: &WindowMut<'_, 12, 8>| *from.as_ref().sub::<8, 8>(4, 0).row(y);
            *row = load_4x8([&part(u_a), &part(v_a), &part(u_b), &part(v_b)]);
        }
    }
    let four = |x| {
        let (u, v) = ([&*u_a, &*u_b], [&*v_a, &*v_b]);
        [load_block(u, x, 0), load_block(u, x, 4), load_block(v, x, 0), load_block(v, x, 4)]
    };
    let [p3, p2, p1, p0] = to_columns(four(0));
    let mut columns = [_mm256_setzero_si256(); 8];
    if INNER {
        columns = rows_to_columns(&rows);
    } else {
        columns[..4].copy_from_slice(&to_columns(four(4)));
    }
    let mut s = [p3, p2, p1, p0, columns[0], columns[1], columns[2], columns[3]];
    mb_segments(&mut s, left);
    let [p3, p2, p1, p0, q0, q1, q2, q3] = s;
    let mut store = |x, [u_0, u_4, v_0, v_4]: [__m256i; 4]| {
        store_block(u_a, u_b, x, 0, u_0);
        store_block(u_a, u_b, x, 4, u_4);
        store_block(v_a, v_b, x, 0, v_0);
        store_block(v_a, v_b, x, 4, v_4);
    };
    store(0, to_rows([p3, p2, p1, p0]));
    if INNER {
        columns[..4].copy_from_slice(&[q0, q1, q2, q3]);
        inner_segments(&mut columns, inner);
        let [u_0, u_2, u_4, u_6, v_0, v_2, v_4, v_6] = columns_to_rows(&columns);
        let low = |u, v| _mm256_unpacklo_epi64(u, v);
        let high = |u, v| _mm256_unpackhi_epi64(u, v);
        return [
            low(u_0, v_0),
            high(u_0, v_0),
            low(u_2, v_2),
            high(u_2, v_2),
            low(u_4, v_4),
            high(u_4, v_4),
            low(u_6, v_6),
            high(u_6, v_6),
        ];
    }
    let blocks = to_rows([q0, q1, q2, q3]);
    store(4, blocks);
    // The first four pixels of each row of U and of V.
    let (rows_01, rows_23) =
        (_mm256_unpacklo_epi32(blocks[0], blocks[2]), _mm256_unpackhi_epi32(blocks[0], blocks[2]));
    let even = |rows| _mm256_shuffle_epi32::<0b01_01_00_00>(rows);
    let odd = |rows| _mm256_shuffle_epi32::<0b11_11_10_10>(rows);
    let starts = [even(rows_01), odd(rows_01), even(rows_23), odd(rows_23)];
    for (row, start) in rows.iter_mut().zip(starts) {
        *row = _mm256_blend_epi32::<0x55>(*row, start);
    }
    rows
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_chroma<const INNER: bool>(
    [above_u, above_v]: [[WindowMut<'_, 8, 4>; 2]; 2],
    [mut u, mut v]: [Chroma<'_>; 2],
    [left, upper, inner]: [Limits; 3],
) {
    let mut rows = filter_chroma_columns::<INNER>(&mut u, &mut v, left, inner);
    let ([mut above_u_a, mut above_u_b], [mut above_v_a, mut above_v_b]) = (above_u, above_v);
    let mut s = rows;
    for y in 0..4 {
        let (u_a, v_a) = (above_u_a.row(y), above_v_a.row(y));
        s[y] = load_4x8([u_a, v_a, above_u_b.row(y), above_v_b.row(y)]);
        s[y + 4] = rows[y];
    }
    mb_segments(&mut s, upper);
    for (i, &row) in s.iter().enumerate() {
        if (1..4).contains(&i) {
            let (of_a, of_b) = (_mm256_castsi256_si128(row), _mm256_extracti128_si256::<1>(row));
            store_2x8(above_u_a.row_mut(i), above_v_a.row_mut(i), of_a);
            store_2x8(above_u_b.row_mut(i), above_v_b.row_mut(i), of_b);
        }
    }
    rows[..4].copy_from_slice(&s[4..]);
    if INNER {
        inner_segments(&mut rows, inner);
    }
    let ([u_a, u_b], [v_a, v_b]) = (u, v);
    let (mut u_a, mut u_b) = (u_a.into_sub::<8, 8>(4, 0), u_b.into_sub::<8, 8>(4, 0));
    let (mut v_a, mut v_b) = (v_a.into_sub::<8, 8>(4, 0), v_b.into_sub::<8, 8>(4, 0));
    for (y, &row) in rows.iter().enumerate() {
        if INNER || y < 3 {
            let (of_a, of_b) = (_mm256_castsi256_si128(row), _mm256_extracti128_si256::<1>(row));
            store_2x8(u_a.row_mut(y), v_a.row_mut(y), of_a);
            store_2x8(u_b.row_mut(y), v_b.row_mut(y), of_b);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_mbs_x2(
    [above_a, above_b]: [YuvWindows<'_, 16, 4, 8, 4>; 2],
    [a, b]: [YuvWindows<'_, 20, 16, 12, 8>; 2],
    limits: [&MbLimits; 2],
) {
    let [of_a, of_b] = limits;
    let splat = [
        splat_limits([of_a.left, of_b.left]),
        splat_limits([of_a.upper, of_b.upper]),
        splat_limits([of_a.inner, of_b.inner]),
    ];
    let (above_luma, luma) = ([above_a.y, above_b.y], [a.y, b.y]);
    let above_chroma = [[above_a.u, above_b.u], [above_a.v, above_b.v]];
    let chroma = [[a.u, b.u], [a.v, b.v]];
    if of_a.inner == EdgeLimits::OFF && of_b.inner == EdgeLimits::OFF {
        filter_luma::<false>(above_luma, luma, splat);
        filter_chroma::<false>(above_chroma, chroma, splat);
    } else {
        filter_luma::<true>(above_luma, luma, splat);
        filter_chroma::<true>(above_chroma, chroma, splat);
    }
}
