//! AVX-512 kernels: loop filters of VP8. For a macroblock edge, each register holds one side of 16
//! segments, with the pixels next to the edge in the lowest 128-bit lane.
//!
//! The kernel for two macroblocks is the AVX2 version, which keeps their pixels in registers. The
//! single-edge filters in this file would take longer, because each waits for the stores of the one
//! before.

use core::arch::x86_64::*;

use crate::lanes::{lanes_loop_filter_edges, replace_entries};
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::x86::loop_filter_128::loop_filter_128;
use crate::x86::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, load_u8x64, store_2x8, store_4x4, store_u8x8,
    store_u8x16,
};
use crate::x86::ops::{U8x16, abs_diff, from_byte_8, splat_u8, xor_u8, zip_high_u8, zip_low_u8};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, loop_filter)
}

lanes_loop_filter_edges!("avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni");
loop_filter_128!("avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni");

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn abs_diff_512(a: __m512i, b: __m512i) -> __m512i {
    _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn flip_512(x: __m512i) -> __m512i {
    _mm512_xor_si512(x, _mm512_set1_epi8(-128))
}

/// Filters a macroblock edge between `[p0, p1, p2, p3]` and `[q0, q1, q2, q3]`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn mb_sides(p: __m512i, q: __m512i, limits: EdgeLimits) -> [__m512i; 2] {
    let limits = splat_limits(limits);
    // Each pixel's difference to the next one away from the edge; no difference in lane 3.
    let away = |x| abs_diff_512(x, _mm512_shuffle_i32x4::<0b11_11_10_01>(x, x));
    let steps = _mm512_max_epu8(away(p), away(q));
    let near = _mm512_castsi512_si128(steps);
    let half =
        _mm256_max_epu8(_mm512_castsi512_si256(steps), _mm512_extracti64x4_epi64::<1>(steps));
    let all = _mm_max_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
    let across = abs_diff_512(p, q);
    let twice = _mm512_castsi512_si128(across);
    let twice = _mm_adds_epu8(twice, twice);
    let outer = _mm256_extracti128_si256::<1>(_mm512_castsi512_si256(across));
    let edge = _mm_adds_epu8(twice, _mm_and_si128(_mm_srli_epi16::<1>(outer), splat_u8(0x7f)));
    let over = _mm_or_si128(_mm_subs_epu8(all, limits.interior), _mm_subs_epu8(edge, limits.edge));
    let filtered = _mm_testn_epi8_mask(over, over);
    let smooth = _mm_mask_cmple_epu8_mask(filtered, near, limits.hev);

    let (p, q) = (flip_512(p), flip_512(q));
    let outer = _mm256_subs_epi8(_mm512_castsi512_si256(p), _mm512_castsi512_si256(q));
    let outer = _mm256_extracti128_si256::<1>(outer);
    let w = edge_weight(outer, _mm512_castsi512_si128(p), _mm512_castsi512_si128(q));
    // Each segment takes one of the two branches; the other has no effect, because its w is 0.
    let rough = flip(_mm_maskz_mov_epi8(filtered & !smooth, w));
    let for_q = _mm_sub_epi8(eighth_plus_16(rough, 4), splat_u8(16));
    let for_p = _mm_sub_epi8(eighth_plus_16(rough, 3), splat_u8(16));
    let w = _mm512_broadcast_i32x4(_mm_maskz_mov_epi8(smooth, w));
    let weights = |weight| _mm_set1_epi16(i16::from_le_bytes([weight, 63]));
    let weights = join([weights(27), weights(18), weights(9), weights(0)]);
    let one = _mm512_set1_epi8(1);
    let change = _mm512_packs_epi16(
        _mm512_srai_epi16::<7>(_mm512_maddubs_epi16(weights, _mm512_unpacklo_epi8(w, one))),
        _mm512_srai_epi16::<7>(_mm512_maddubs_epi16(weights, _mm512_unpackhi_epi8(w, one))),
    );
    let for_p = _mm512_or_si512(change, _mm512_zextsi128_si512(for_p));
    let for_q = _mm512_or_si512(change, _mm512_zextsi128_si512(for_q));
    [flip_512(_mm512_adds_epi8(p, for_p)), flip_512(_mm512_subs_epi8(q, for_q))]
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn join([a, b, c, d]: [__m128i; 4]) -> __m512i {
    let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
    let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn split(x: __m512i) -> [__m128i; 4] {
    [
        _mm512_castsi512_si128(x),
        _mm512_extracti32x4_epi32::<1>(x),
        _mm512_extracti32x4_epi32::<2>(x),
        _mm512_extracti32x4_epi32::<3>(x),
    ]
}

/// From two registers, each of eight rows of eight pixels, the columns left of the edge (the
/// nearest first) and those right of it.
static COLUMNS: [[u8; 64]; 2] = {
    let mut order = [[0; 64]; 2];
    let mut i: u8 = 0;
    while i < 64 {
        let (away, y) = (i / 16, i % 16);
        order[0][i as usize] = y * 8 + 3 - away;
        order[1][i as usize] = y * 8 + 4 + away;
        i += 1;
    }
    order
};

/// The inverse of [`COLUMNS`].
static ROWS: [[u8; 64]; 2] = invert(&COLUMNS);

/// The inverse permutation of 128 bytes.
const fn invert(order: &[[u8; 64]; 2]) -> [[u8; 64]; 2] {
    let mut inverse = [[0; 64]; 2];
    let mut i: u8 = 0;
    while i < 128 {
        let to = order[i as usize / 64][i as usize % 64] as usize;
        inverse[to / 64][to % 64] = i;
        i += 1;
    }
    inverse
}

/// Selects bytes of `a`, then `b`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn gather(a: __m512i, order: &[u8; 64], b: __m512i) -> __m512i {
    _mm512_permutex2var_epi8(a, load_u8x64(order), b)
}

/// Filters the edge in the middle of sixteen rows of eight pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn mb_rows(upper: __m512i, lower: __m512i, limits: EdgeLimits) -> [__m512i; 2] {
    let (p, q) = (gather(upper, &COLUMNS[0], lower), gather(upper, &COLUMNS[1], lower));
    let [p, q] = mb_sides(p, q, limits);
    [gather(p, &ROWS[0], q), gather(p, &ROWS[1], q)]
}

/// Eight rows of eight pixels, from row `Y`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn load_eight<const H: usize>(from: &WindowMut<'_, 8, H>, first: usize) -> __m512i {
    let pair =
        |y| _mm_unpacklo_epi64(load_u8x8(from.row(first + y)), load_u8x8(from.row(first + y + 1)));
    join([pair(0), pair(2), pair(4), pair(6)])
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn store_eight<const H: usize>(to: &mut WindowMut<'_, 8, H>, first: usize, pixels: __m512i) {
    for (i, rows) in split(pixels).into_iter().enumerate() {
        store_u8x8(to.row_mut(first + 2 * i), rows);
        store_u8x8(to.row_mut(first + 2 * i + 1), _mm_unpackhi_epi64(rows, rows));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn filter_mb_edge_v_16(mut pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits) {
    let [upper, lower] = mb_rows(load_eight(&pixels, 0), load_eight(&pixels, 8), limits);
    store_eight(&mut pixels, 0, upper);
    store_eight(&mut pixels, 8, lower);
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn filter_mb_edge_v_uv(mut u: WindowMut<'_, 8, 8>, mut v: WindowMut<'_, 8, 8>, limits: EdgeLimits) {
    let [of_u, of_v] = mb_rows(load_eight(&u, 0), load_eight(&v, 0), limits);
    store_eight(&mut u, 0, of_u);
    store_eight(&mut v, 0, of_v);
}

/// Rows (or columns) `k`, `k + 4`, `k + 8` and `k + 12` of a macroblock in register `k`.
type Interleaved = [__m512i; 4];

/// Filters the three inner edges at once: lane `n` holds edge `n`; lane 3 is not used.
///
/// An edge changes four pixels, two of which (its `p3` and `p2`) the next edge reads, but only to
/// decide whether to filter. Both decisions are computed, and selected when the result of the
/// previous edge is known.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn inner_edges(z: Interleaved, limits: EdgeLimits) -> Interleaved {
    let limits = splat_limits(limits);
    let interior = _mm512_broadcast_i32x4(limits.interior);
    let next = |x| _mm512_shuffle_i32x4::<0b00_11_10_01>(x, x);
    let back = |x| _mm512_shuffle_i32x4::<0b10_01_00_11>(x, x);
    let [z0, z1, z2, z3] = z;
    let (p1, p0, q0, q1, q2) = (z2, z3, next(z0), next(z1), next(z2));

    // Steps within each run of four pixels.
    let (d01, d12, d23) = (abs_diff_512(z0, z1), abs_diff_512(z1, z2), abs_diff_512(z2, z3));
    let far_p = _mm512_max_epu8(d01, d12);
    let all_q = next(_mm512_max_epu8(far_p, d23));
    let near = _mm512_max_epu8(d23, next(d01));
    let smooth = _mm512_cmple_epu8_mask(near, _mm512_broadcast_i32x4(limits.hev));
    let (across, outer) = (abs_diff_512(p0, q0), abs_diff_512(p1, q1));
    let half = _mm512_and_si512(_mm512_srli_epi16::<1>(outer), _mm512_set1_epi8(0x7f));
    let edge = _mm512_adds_epu8(_mm512_adds_epu8(across, across), half);
    let early = _mm512_cmple_epu8_mask(_mm512_max_epu8(d23, all_q), interior) & THREE_LANES;
    let edge_limit = _mm512_broadcast_i32x4(limits.edge);
    let early = _mm512_mask_cmple_epu8_mask(early, edge, edge_limit);

    let [p1, p0] = [flip_512(p1), flip_512(p0)];
    let [signed_q0, signed_q1] = [flip_512(q0), flip_512(q1)];
    let d = _mm512_subs_epi8(signed_q0, p0);
    let w = _mm512_maskz_subs_epi8(!smooth, p1, signed_q1);
    let w = _mm512_adds_epi8(_mm512_adds_epi8(_mm512_adds_epi8(w, d), d), d);
    let w = flip_512(w);
    // `clamp(w + rounding) >> 3`, plus 16.
    let eighth = |rounding| {
        let sum = _mm512_adds_epu8(w, _mm512_set1_epi8(rounding));
        _mm512_and_si512(_mm512_srli_epi16::<3>(sum), _mm512_set1_epi8(0x1f))
    };
    let (for_q, for_p) = (eighth(4), eighth(3));
    // The mean with 0 is half of the change, rounded up, plus 8.
    let half = _mm512_avg_epu8(for_q, _mm512_setzero_si512());
    let half = _mm512_maskz_sub_epi8(smooth, half, _mm512_set1_epi8(8));
    let sixteen = _mm512_set1_epi8(16);
    let (for_q, for_p) = (_mm512_sub_epi8(for_q, sixteen), _mm512_sub_epi8(for_p, sixteen));
    let new_q0 = flip_512(_mm512_subs_epi8(signed_q0, for_q));
    let new_q1 = flip_512(_mm512_subs_epi8(signed_q1, half));

    // Whether `p3` and `p2` permit it: with the original values, and with those after the previous
    // edge.
    let far_new = _mm512_max_epu8(abs_diff_512(new_q0, new_q1), abs_diff_512(new_q1, q2));
    let if_kept = early & _mm512_cmple_epu8_mask(far_p, interior);
    let if_changed = early & _mm512_cmple_epu8_mask(far_new, interior) << 16;
    let differ = if_kept ^ if_changed;
    let first_two = if_kept ^ (differ & if_kept << 16);
    let filtered = if_kept ^ (differ & first_two << 16);

    [
        back(_mm512_mask_mov_epi8(q0, filtered, new_q0)),
        back(_mm512_mask_mov_epi8(q1, filtered, new_q1)),
        flip_512(_mm512_mask_adds_epi8(p1, filtered, p1, half)),
        flip_512(_mm512_mask_adds_epi8(p0, filtered, p0, for_p)),
    ]
}

/// The bytes of the lanes that hold an edge.
const THREE_LANES: u64 = u64::MAX >> 16;

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn filter_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    let r: [__m128i; 16] = load_rows(&mb);
    let z = [
        join([r[0], r[4], r[8], r[12]]),
        join([r[1], r[5], r[9], r[13]]),
        join([r[2], r[6], r[10], r[14]]),
        join([r[3], r[7], r[11], r[15]]),
    ];
    let [z0, z1, z2, z3] = inner_edges(z, limits).map(
        #[inline]
        |x| split(x),
    );
    // The first two and the last two rows have not changed.
    for i in 0..3 {
        store_u8x16(mb.row_mut(4 * i + 2), z2[i]);
        store_u8x16(mb.row_mut(4 * i + 3), z3[i]);
        store_u8x16(mb.row_mut(4 * i + 4), z0[i + 1]);
        store_u8x16(mb.row_mut(4 * i + 5), z1[i + 1]);
    }
}

/// From two registers of four rows of sixteen pixels each: columns `k`, `k + 4`, `k + 8` and
/// `k + 12` in the low halves of the lanes, the columns after these in the high halves; for
/// `k` = 0 and 2.
static EVERY_FOURTH: [[u8; 64]; 2] = {
    let mut order = [[0; 64]; 2];
    let mut i: u8 = 0;
    while i < 64 {
        let (lane, column, y) = (i / 16, i % 16 / 8, i % 8);
        order[0][i as usize] = y * 16 + 4 * lane + column;
        order[1][i as usize] = y * 16 + 4 * lane + column + 2;
        i += 1;
    }
    order
};

/// The inverse of [`EVERY_FOURTH`].
static FOUR_ROWS: [[u8; 64]; 2] = invert(&EVERY_FOURTH);

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn filter_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    let r: [__m128i; 16] = load_rows(&mb);
    let rows = [
        join([r[0], r[1], r[2], r[3]]),
        join([r[4], r[5], r[6], r[7]]),
        join([r[8], r[9], r[10], r[11]]),
        join([r[12], r[13], r[14], r[15]]),
    ];
    let columns = |k: usize| {
        let upper = gather(rows[0], &EVERY_FOURTH[k], rows[1]);
        let lower = gather(rows[2], &EVERY_FOURTH[k], rows[3]);
        [_mm512_unpacklo_epi64(upper, lower), _mm512_unpackhi_epi64(upper, lower)]
    };
    let ([z0, z1], [z2, z3]) = (columns(0), columns(1));
    let [z0, z1, z2, z3] = inner_edges([z0, z1, z2, z3], limits);
    let upper = [_mm512_unpacklo_epi64(z0, z1), _mm512_unpacklo_epi64(z2, z3)];
    let lower = [_mm512_unpackhi_epi64(z0, z1), _mm512_unpackhi_epi64(z2, z3)];
    for (first, [a, b]) in [(0, upper), (8, lower)] {
        for (y, order) in [(first, &FOUR_ROWS[0]), (first + 4, &FOUR_ROWS[1])] {
            for (i, row) in split(gather(a, order, b)).into_iter().enumerate() {
                store_u8x16(mb.row_mut(y + i), row);
            }
        }
    }
}
