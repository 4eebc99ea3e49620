//! AVX-512 kernels: prediction of VP8.

use core::arch::x86_64::*;

use crate::table::Kernels;
use crate::view::{Window, WindowMut};
use crate::x86::avx2::predict::{across_16, copy_16, down_16, pairs_of_16};
use crate::x86::memory::{load_2x16, load_u8x16, load_u8x32, store_2x16, store_u8x8};
use crate::x86::sse41::predict::{by_taps, pairs_of_8};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sixtap_16x16, sixtap_8x8_x2, ..base }
}

/// The three pairs of taps in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn taps(pairs: &[i16; 3]) -> [__m512i; 3] {
    [_mm512_set1_epi16(pairs[0]), _mm512_set1_epi16(pairs[1]), _mm512_set1_epi16(pairs[2])]
}

/// 32 sums, rounded: pairs of pixels in `inner` and `outer` times their taps. The SSE4.1 kernels
/// explain the pairing.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn filter<const SIX: bool>(inner: [__m512i; 2], outer: __m512i, taps: [__m512i; 3]) -> __m512i {
    let a = _mm512_maddubs_epi16(inner[0], taps[0]);
    let sum = _mm512_adds_epi16(a, _mm512_maddubs_epi16(inner[1], taps[1]));
    let sum = if SIX { _mm512_adds_epi16(sum, _mm512_maddubs_epi16(outer, taps[2])) } else { sum };
    // x * 256 rounded at bit 15 is (x + 64) >> 7.
    _mm512_mulhrs_epi16(sum, _mm512_set1_epi16(256))
}

/// Rows `y` and `y + 1` of the first pass as bytes, eight in each lane: the two halves of a row in
/// two lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn first_rows<const SIX: bool>(refp: Window<'_, 21, 21>, y: usize, taps: [__m512i; 3]) -> __m512i {
    // The last sixteen of 21 pixels: the first tap of the eighth result is the fourth of them.
    let (left, right) = (refp.sub::<16, 21>(0, 0), refp.sub::<16, 21>(5, 0));
    let upper = _mm512_castsi256_si512(load_2x16(left.row(y), right.row(y)));
    let rows = if y < 20 {
        _mm512_inserti64x4::<1>(upper, load_2x16(left.row(y + 1), right.row(y + 1)))
    } else {
        upper
    };
    let pair = |at: &[u8; 32]| _mm512_shuffle_epi8(rows, _mm512_broadcast_i64x4(load_u8x32(at)));
    let inner = [pair(const { &pairs_of_16(1, 2, 3) }), pair(const { &pairs_of_16(3, 4, 3) })];
    let rows = filter::<SIX>(inner, pair(const { &pairs_of_16(0, 5, 3) }), taps);
    _mm512_packus_epi16(rows, rows)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn both_16<const SIX_X: bool, const SIX_Y: bool>(
    refp: Window<'_, 21, 21>,
    x: &[i16; 3],
    y: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    let (x, taps_y) = (taps(x), taps(y));
    let rows = |y| first_rows::<SIX_X>(refp, y, x);
    // The later row of `a` and the earlier one of `b`: one further down than `a`.
    let next = |a, b| _mm512_alignr_epi64::<4>(b, a);
    let pair = |a, b| _mm512_unpacklo_epi8(a, b);
    let second = |inner, outer| filter::<SIX_Y>(inner, outer, taps_y);
    let (mut rows_0, mut rows_2, mut rows_4) = (rows(0), rows(2), rows(4));
    let mut rows_3 = next(rows_2, rows_4);
    let mut inner_1 = pair(next(rows_0, rows_2), rows_2);
    for y in (0..16).step_by(4) {
        let rows_6 = rows(y + 6);
        let rows_8 = if SIX_Y || y < 12 { rows(y + 8) } else { rows_6 };
        let (rows_5, rows_7) = (next(rows_4, rows_6), next(rows_6, rows_8));
        let (inner_3, inner_5) = (pair(rows_3, rows_4), pair(rows_5, rows_6));
        let upper = second([inner_1, inner_3], pair(rows_0, rows_5));
        let lower = second([inner_3, inner_5], pair(rows_2, rows_7));
        // Lanes: rows y and y + 2 at the left, at the right; rows y + 1 and y + 3 likewise.
        let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
        let rows = _mm512_permutexvar_epi64(order, _mm512_packus_epi16(upper, lower));
        store_2x16(&mut dst, y, _mm512_castsi512_si256(rows));
        store_2x16(&mut dst, y + 2, _mm512_extracti64x4_epi64::<1>(rows));
        (rows_0, rows_2, rows_4) = (rows_4, rows_6, rows_8);
        (rows_3, inner_1) = (rows_7, inner_5);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    by_taps!(fx, fy, both_16, across_16, down_16, copy_16, (), refp, dst);
}

// Two blocks of 8x8: rows y and y + 1 of both in the four lanes, a before b.

/// Rows `y` and `y + 1`; the row after the last is clamped to the last.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn load_two(refs: [Window<'_, 16, 13>; 2], y: usize) -> __m512i {
    let [a, b] = refs;
    let next = (y + 1).min(12);
    let upper = _mm512_castsi256_si512(load_2x16(a.row(y), b.row(y)));
    _mm512_inserti64x4::<1>(upper, load_2x16(a.row(next), b.row(next)))
}

/// Eight results in each lane, not yet clamped.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn across_two<const SIX: bool>(rows: __m512i, taps: [__m512i; 3]) -> __m512i {
    let pair = |at: &[u8; 16]| _mm512_shuffle_epi8(rows, _mm512_broadcast_i32x4(load_u8x16(at)));
    let inner = [pair(const { &pairs_of_8(1, 2, 0) }), pair(const { &pairs_of_8(3, 4, 0) })];
    filter::<SIX>(inner, pair(const { &pairs_of_8(0, 5, 0) }), taps)
}

/// Stores rows `y` and `y + 1` of `upper`, `y + 2` and `y + 3` of `lower`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn store_two(dsts: &mut [WindowMut<'_, 8, 8>; 2], y: usize, upper: __m512i, lower: __m512i) {
    let rows = _mm512_packus_epi16(upper, lower);
    let lanes = [
        _mm512_castsi512_si128(rows),
        _mm512_extracti32x4_epi32::<1>(rows),
        _mm512_extracti32x4_epi32::<2>(rows),
        _mm512_extracti32x4_epi32::<3>(rows),
    ];
    for (i, lane) in lanes.into_iter().enumerate() {
        let dst = &mut dsts[i % 2];
        store_u8x8(dst.row_mut(y + i / 2), lane);
        store_u8x8(dst.row_mut(y + i / 2 + 2), _mm_unpackhi_epi64(lane, lane));
    }
}

/// The second pass over rows that stand as bytes in the low halves of the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn down_rows_two<const SIX: bool>(
    rows: [__m512i; 7],
    taps: [__m512i; 3],
    dsts: &mut [WindowMut<'_, 8, 8>; 2],
) {
    let pair = |a, b| _mm512_unpacklo_epi8(a, b);
    // The later rows of `a` and the earlier ones of `b`: one further down than `a`.
    let next = |k: usize| _mm512_alignr_epi64::<4>(rows[k + 1], rows[k]);
    let inner = [0, 1, 2, 3, 4].map(
        #[inline]
        |k| pair(next(k), rows[k + 1]),
    );
    let out = [0, 1, 2, 3].map(
        #[inline]
        |k| filter::<SIX>([inner[k], inner[k + 1]], pair(rows[k], next(k + 2)), taps),
    );
    store_two(dsts, 0, out[0], out[1]);
    store_two(dsts, 4, out[2], out[3]);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn both_two<const SIX_X: bool, const SIX_Y: bool>(
    refs: [Window<'_, 16, 13>; 2],
    x: &[i16; 3],
    y: &[i16; 3],
    mut dsts: [WindowMut<'_, 8, 8>; 2],
) {
    let x = taps(x);
    let rows = [0, 2, 4, 6, 8, 10, 12].map(
        #[inline]
        |y| {
            let rows = across_two::<SIX_X>(load_two(refs, y), x);
            _mm512_packus_epi16(rows, rows)
        },
    );
    down_rows_two::<SIX_Y>(rows, taps(y), &mut dsts);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn across_both<const SIX: bool>(
    refs: [Window<'_, 16, 13>; 2],
    x: &[i16; 3],
    mut dsts: [WindowMut<'_, 8, 8>; 2],
) {
    let taps = taps(x);
    for y in [0, 4] {
        let rows = |y| across_two::<SIX>(load_two(refs, y), taps);
        store_two(&mut dsts, y, rows(y + 2), rows(y + 4));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn down_both<const SIX: bool>(
    refs: [Window<'_, 16, 13>; 2],
    y: &[i16; 3],
    mut dsts: [WindowMut<'_, 8, 8>; 2],
) {
    let rows = [0, 2, 4, 6, 8, 10, 12].map(
        #[inline]
        |y| _mm512_bsrli_epi128::<2>(load_two(refs, y)),
    );
    down_rows_two::<SIX>(rows, taps(y), &mut dsts);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn copy_both(refs: [Window<'_, 16, 13>; 2], dsts: [WindowMut<'_, 8, 8>; 2]) {
    for (refp, mut dst) in refs.into_iter().zip(dsts) {
        dst.copy_from(refp.sub(2, 2));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt")]
fn sixtap_8x8_x2(refs: [Window<'_, 16, 13>; 2], fx: u8, fy: u8, dsts: [WindowMut<'_, 8, 8>; 2]) {
    by_taps!(fx, fy, both_two, across_both, down_both, copy_both, (), refs, dsts);
}
