//! AVX2 kernels: prediction of VP8.

use core::arch::x86_64::*;

use super::cost::{between, first_rows_of_17};
use crate::origins::Origins;
use crate::pairs::sixtap_pair;
use crate::table::Kernels;
use crate::types::{Edges4, SubblockMode};
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_2x16, load_4x4, load_u8x8, load_u8x16, load_u8x32, store_2x16, store_u8x8, store_u8x32,
};
use crate::x86::sse41::cost::{by_kind, lanes_u32x4, weights};
use crate::x86::sse41::predict::{by_taps, edge_values, pairs_of_8};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sixtap_16x16, sixtap_8x8, sixtap_8x8_x2, bilinear_16x16, intra_4x4_all, ..base }
}

/// The three pairs of taps in every lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn taps(pairs: &[i16; 3]) -> [__m256i; 3] {
    [_mm256_set1_epi16(pairs[0]), _mm256_set1_epi16(pairs[1]), _mm256_set1_epi16(pairs[2])]
}

/// Sixteen sums, rounded: pairs of pixels in `inner` and `outer` times their taps. The SSE4.1
/// kernels explain the pairing.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter<const SIX: bool>(inner: [__m256i; 2], outer: __m256i, taps: [__m256i; 3]) -> __m256i {
    let a = _mm256_maddubs_epi16(inner[0], taps[0]);
    let sum = _mm256_adds_epi16(a, _mm256_maddubs_epi16(inner[1], taps[1]));
    let sum = if SIX { _mm256_adds_epi16(sum, _mm256_maddubs_epi16(outer, taps[2])) } else { sum };
    // x * 256 rounded at bit 15 is (x + 64) >> 7.
    _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(256))
}

/// [`pairs_of_8`] for both lanes.
pub(in crate::x86) const fn pairs_of_16(first: u8, second: u8, offset: u8) -> [u8; 32] {
    let halves = [pairs_of_8(first, second, 0), pairs_of_8(first, second, offset)];
    let mut at = [0; 32];
    let mut i = 0;
    while i < 32 {
        at[i] = halves[i / 16][i % 16];
        i += 1;
    }
    at
}

/// Eight results in each lane, not yet clamped; the results of the upper lane start `OFFSET` pixels
/// after its first.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_row<const OFFSET: u8, const SIX: bool>(row: __m256i, taps: [__m256i; 3]) -> __m256i {
    let pair = |at: &[u8; 32]| _mm256_shuffle_epi8(row, load_u8x32(at));
    let inner =
        [pair(const { &pairs_of_16(1, 2, OFFSET) }), pair(const { &pairs_of_16(3, 4, OFFSET) })];
    filter::<SIX>(inner, pair(const { &pairs_of_16(0, 5, OFFSET) }), taps)
}

/// Row `y` of the first pass: columns 0 to 7 in the lower lane, 8 to 15 in the upper one.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn first_row<const SIX: bool>(refp: Window<'_, 21, 21>, y: usize, taps: [__m256i; 3]) -> __m256i {
    // The last sixteen of 21 pixels: the first tap of the eighth result is the fourth of them.
    let row = load_2x16(refp.sub::<16, 21>(0, 0).row(y), refp.sub::<16, 21>(5, 0).row(y));
    filter_row::<3, SIX>(row, taps)
}

/// Stores rows `y` and `y + 1` from the results of [`first_row`]'s shape.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_rows(dst: &mut WindowMut<'_, 16, 16>, y: usize, upper: __m256i, lower: __m256i) {
    let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(upper, lower));
    store_2x16(dst, y, rows);
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn across_16<const SIX: bool>(
    refp: Window<'_, 21, 21>,
    x: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    let taps = taps(x);
    for y in (0..16).step_by(2) {
        let row = |y| first_row::<SIX>(refp, y, taps);
        store_rows(&mut dst, y, row(y + 2), row(y + 3));
    }
}

/// Each register holds two rows of bytes between the passes, eight columns in each lane.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn both_16<const SIX_X: bool, const SIX_Y: bool>(
    refp: Window<'_, 21, 21>,
    x: &[i16; 3],
    y: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    let (x, taps_y) = (taps(x), taps(y));
    let row = |y| first_row::<SIX_X>(refp, y, x);
    let rows = |y| _mm256_packus_epi16(row(y), row(y + 1));
    let swap = |rows| _mm256_shuffle_epi32::<0b01_00_11_10>(rows);
    // Rows y and y + 1, y + 2 and y + 3, ...; swapped, the later row comes first.
    let second = row(1);
    let first = if SIX_Y { row(0) } else { second };
    let (mut rows_0, mut rows_2, mut rows_4) =
        (_mm256_packus_epi16(first, second), rows(2), rows(4));
    let mut inner_1 = _mm256_unpacklo_epi8(swap(rows_0), rows_2);
    let mut inner_2 = _mm256_unpacklo_epi8(rows_2, swap(rows_2));
    for y in (0..16).step_by(2) {
        let inner_3 = _mm256_unpacklo_epi8(swap(rows_2), rows_4);
        let inner_4 = _mm256_unpacklo_epi8(rows_4, swap(rows_4));
        let rows_6 = if y < 14 {
            rows(y + 6)
        } else if SIX_Y {
            let last = row(20);
            _mm256_packus_epi16(last, last)
        } else {
            rows_4
        };
        let outer_0 = _mm256_unpacklo_epi8(rows_0, swap(rows_4));
        let outer_1 = _mm256_unpacklo_epi8(swap(rows_0), rows_6);
        let upper = filter::<SIX_Y>([inner_1, inner_3], outer_0, taps_y);
        let lower = filter::<SIX_Y>([inner_2, inner_4], outer_1, taps_y);
        store_rows(&mut dst, y, upper, lower);
        (rows_0, rows_2, rows_4) = (rows_2, rows_4, rows_6);
        (inner_1, inner_2) = (inner_3, inner_4);
    }
}

/// Two rows at once, one in each lane.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn down_16<const SIX: bool>(
    refp: Window<'_, 21, 21>,
    y: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    let taps = taps(y);
    let refp = refp.sub::<16, 21>(2, 0);
    let low = |a, b| _mm256_unpacklo_epi8(a, b);
    let high = |a, b| _mm256_unpackhi_epi8(a, b);
    for y in (0..16).step_by(2) {
        let rows = |k: usize| load_2x16(refp.row(y + k), refp.row(y + k + 1));
        let (rows_1, rows_2, rows_3, rows_4) = (rows(1), rows(2), rows(3), rows(4));
        let (rows_0, rows_5) = if SIX { (rows(0), rows(5)) } else { (rows_1, rows_4) };
        let inner = [low(rows_1, rows_2), low(rows_3, rows_4)];
        let left = filter::<SIX>(inner, low(rows_0, rows_5), taps);
        let inner = [high(rows_1, rows_2), high(rows_3, rows_4)];
        let right = filter::<SIX>(inner, high(rows_0, rows_5), taps);
        store_2x16(&mut dst, y, _mm256_packus_epi16(left, right));
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn copy_16(refp: Window<'_, 21, 21>, mut dst: WindowMut<'_, 16, 16>) {
    dst.copy_from(refp.sub(2, 2));
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    by_taps!(fx, fy, both_16, across_16, down_16, copy_16, (), refp, dst);
}

// Blocks 8 wide: each lane holds a row.

/// Rows `y` and `y + 1` of the first pass.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn first_rows_8<const SIX: bool>(
    refp: Window<'_, 16, 13>,
    y: usize,
    taps: [__m256i; 3],
) -> __m256i {
    filter_row::<0, SIX>(load_2x16(refp.row(y), refp.row(y + 1)), taps)
}

/// Stores rows `y` and `y + 1` of `upper`, `y + 2` and `y + 3` of `lower`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_rows_8(dst: &mut WindowMut<'_, 8, 8>, y: usize, upper: __m256i, lower: __m256i) {
    let rows = _mm256_packus_epi16(upper, lower);
    let (even, odd) = (_mm256_castsi256_si128(rows), _mm256_extracti128_si256::<1>(rows));
    store_u8x8(dst.row_mut(y), even);
    store_u8x8(dst.row_mut(y + 1), odd);
    store_u8x8(dst.row_mut(y + 2), _mm_unpackhi_epi64(even, even));
    store_u8x8(dst.row_mut(y + 3), _mm_unpackhi_epi64(odd, odd));
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn across_8<const SIX: bool>(refp: Window<'_, 16, 13>, x: &[i16; 3], mut dst: WindowMut<'_, 8, 8>) {
    let taps = taps(x);
    for y in [0, 4] {
        let rows = |y| first_rows_8::<SIX>(refp, y, taps);
        store_rows_8(&mut dst, y, rows(y + 2), rows(y + 4));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn both_8<const SIX_X: bool, const SIX_Y: bool>(
    refp: Window<'_, 16, 13>,
    x: &[i16; 3],
    y: &[i16; 3],
    mut dst: WindowMut<'_, 8, 8>,
) {
    let (x, taps_y) = (taps(x), taps(y));
    // Rows y and y + 1 as bytes in the low halves of the lanes.
    let rows = |y| {
        let rows = first_rows_8::<SIX_X>(refp, y, x);
        _mm256_packus_epi16(rows, rows)
    };
    // The row after the first of `a`, and the first of `b`: one further down.
    let next = |a, b| _mm256_permute2x128_si256::<0x21>(a, b);
    let (rows_0, rows_2, rows_4, rows_6) = (rows(0), rows(2), rows(4), rows(6));
    let (rows_8, rows_10) = (rows(8), rows(10));
    let rows_12 = if SIX_Y {
        let last = load_u8x16(refp.row(12));
        let last = filter_row::<0, SIX_X>(_mm256_castsi128_si256(last), x);
        _mm256_packus_epi16(last, last)
    } else {
        rows_10
    };
    let (rows_1, rows_3) = (next(rows_0, rows_2), next(rows_2, rows_4));
    let (rows_5, rows_7) = (next(rows_4, rows_6), next(rows_6, rows_8));
    let (rows_9, rows_11) = (next(rows_8, rows_10), next(rows_10, rows_12));
    let pair = |a, b| _mm256_unpacklo_epi8(a, b);
    let (pair_12, pair_34) = (pair(rows_1, rows_2), pair(rows_3, rows_4));
    let (pair_56, pair_78, pair_910) =
        (pair(rows_5, rows_6), pair(rows_7, rows_8), pair(rows_9, rows_10));
    let filter = |inner, outer| filter::<SIX_Y>(inner, outer, taps_y);
    let out_0 = filter([pair_12, pair_34], pair(rows_0, rows_5));
    let out_2 = filter([pair_34, pair_56], pair(rows_2, rows_7));
    store_rows_8(&mut dst, 0, out_0, out_2);
    let out_4 = filter([pair_56, pair_78], pair(rows_4, rows_9));
    let out_6 = filter([pair_78, pair_910], pair(rows_6, rows_11));
    store_rows_8(&mut dst, 4, out_4, out_6);
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn down_8<const SIX: bool>(refp: Window<'_, 16, 13>, y: &[i16; 3], mut dst: WindowMut<'_, 8, 8>) {
    let taps = taps(y);
    let refp = refp.sub::<8, 13>(2, 0);
    // Row y over row y + 1 as pairs of bytes in each of both lanes.
    let pair = |a: usize, b: usize| {
        let upper = _mm_unpacklo_epi8(load_u8x8(refp.row(a)), load_u8x8(refp.row(b)));
        let lower = _mm_unpacklo_epi8(load_u8x8(refp.row(a + 1)), load_u8x8(refp.row(b + 1)));
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(upper), lower)
    };
    for y in [0, 4] {
        let (pair_12, pair_34, pair_56) =
            (pair(y + 1, y + 2), pair(y + 3, y + 4), pair(y + 5, y + 6));
        let upper = filter::<SIX>([pair_12, pair_34], pair(y, y + 5), taps);
        let lower = filter::<SIX>([pair_34, pair_56], pair(y + 2, y + 7), taps);
        store_rows_8(&mut dst, y, upper, lower);
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn copy_8(refp: Window<'_, 16, 13>, mut dst: WindowMut<'_, 8, 8>) {
    dst.copy_from(refp.sub(2, 2));
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    by_taps!(fx, fy, both_8, across_8, down_8, copy_8, (), refp, dst);
}

sixtap_pair!("avx2,bmi1,bmi2,lzcnt");

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bilinear_16<const X: u8, const Y: u8>(
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 16, 16>,
) {
    let (across, down) = (_mm256_set1_epi16(weights(fx)), _mm256_set1_epi16(weights(fy)));
    let mut above = first_rows_of_17::<X>(refp, 0, across);
    for y in (0..16).step_by(2) {
        let next = first_rows_of_17::<X>(refp, y + 2, across);
        let below = _mm256_permute2x128_si256::<0x21>(above, next);
        store_2x16(&mut dst, y, between::<Y>(above, below, down));
        above = next;
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bilinear_16x16(refp: Window<'_, 17, 17>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    by_kind!(fx, fy, bilinear_16(refp, fx, fy, dst));
}

/// Where the pixels of two directional modes come from, one in each lane: see [`Origins`].
struct OriginPair {
    smooth: [u8; 32],
    half: [u8; 32],
}

/// The pairs of directional modes: the modes after DC and TrueMotion, in order.
static ORIGIN_PAIRS: [OriginPair; 4] = {
    const fn both(first: &[u8; 16], second: &[u8; 16]) -> [u8; 32] {
        let mut both = [0; 32];
        let mut i = 0;
        while i < 16 {
            (both[i], both[i + 16]) = (first[i], second[i]);
            i += 1;
        }
        both
    }
    const fn pair(n: usize) -> OriginPair {
        let first = Origins::of(SubblockMode::ALL[2 * n + 2]);
        let second = Origins::of(SubblockMode::ALL[2 * n + 3]);
        OriginPair {
            smooth: both(&first.smooth, &second.smooth),
            half: both(&first.half, &second.half),
        }
    }
    [pair(0), pair(1), pair(2), pair(3)]
};

/// Squared differences of `cur` and the pixels of two modes: four sums in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn squares(cur: __m256i, pixels: __m256i) -> __m256i {
    let signs = _mm256_set1_epi16(i16::from_le_bytes([1, 255]));
    let low = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(cur, pixels), signs);
    let high = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(cur, pixels), signs);
    _mm256_add_epi32(_mm256_madd_epi16(low, low), _mm256_madd_epi16(high, high))
}

/// Two modes in each register. The first four directional modes take smoothed pixels only.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn intra_4x4_all(
    cur: Window<'_, 4, 4>,
    edges: &Edges4,
    predictions: &mut [[[u8; 4]; 4]; 10],
) -> [u32; 10] {
    let cur = _mm256_broadcastsi128_si256(load_4x4(cur));
    let edge = edge_values(edges);
    let smooth = _mm256_broadcastsi128_si256(edge.smooth);
    let half = _mm256_broadcastsi128_si256(edge.half);
    let taken = |from, at: &[u8; 32]| _mm256_shuffle_epi8(from, load_u8x32(at));
    let [first, second, third, fourth] = &ORIGIN_PAIRS;
    let both =
        |pair: &OriginPair| _mm256_or_si256(taken(smooth, &pair.smooth), taken(half, &pair.half));
    let pairs = [
        _mm256_set_m128i(edge.motion, _mm_broadcastb_epi8(edge.mean)),
        taken(smooth, &first.smooth),
        taken(smooth, &second.smooth),
        both(third),
        both(fourth),
    ];
    let (blocks, _) = predictions.as_flattened_mut().as_flattened_mut().as_chunks_mut();
    for (block, pixels) in blocks.iter_mut().zip(pairs) {
        store_u8x32(block, pixels);
    }
    let [a, b, c, d, e] = pairs.map(|pixels| squares(cur, pixels));
    // Each lane sums its modes: the lower ones are even, the upper ones odd.
    let four = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let last = _mm256_hadd_epi32(e, e);
    let last = _mm256_hadd_epi32(last, last);
    let (even, odd) = (_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
    let [e0, e1, e2, e3] = lanes_u32x4(_mm_unpacklo_epi32(even, odd));
    let [e4, e5, e6, e7] = lanes_u32x4(_mm_unpackhi_epi32(even, odd));
    let e8 = _mm_cvtsi128_si32(_mm256_castsi256_si128(last)).cast_unsigned();
    let e9 = _mm_cvtsi128_si32(_mm256_extracti128_si256::<1>(last)).cast_unsigned();
    [e0, e1, e2, e3, e4, e5, e6, e7, e8, e9]
}
