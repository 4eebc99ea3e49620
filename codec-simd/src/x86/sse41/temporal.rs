//! SSE4.1 kernels: denoising. A register holds eight pixels of a row in the temporal filter, and
//! sixteen in spatial smoothing.

use core::arch::x86_64::*;

use crate::lanes::replace_entries;
use crate::table::Kernels;
use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_high_i16x8, load_low_i16x8, load_u8x16, store_halves_i16x16, store_u8x16,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, temporal)
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn halves(values: &[i16; 16]) -> [__m128i; 2] {
    [load_low_i16x8(values), load_high_i16x8(values)]
}

/// Source minus history of both halves of a row, in 1/128 of a level.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn differences(pixels: &[u8; 16], history: [__m128i; 2]) -> [__m128i; 2] {
    let (pixels, zero) = (load_u8x16(pixels), _mm_setzero_si128());
    // A byte in the high half of a word is the pixel times 256.
    let low = _mm_srli_epi16::<1>(_mm_unpacklo_epi8(zero, pixels));
    let high = _mm_srli_epi16::<1>(_mm_unpackhi_epi8(zero, pixels));
    [_mm_sub_epi16(low, history[0]), _mm_sub_epi16(high, history[1])]
}

/// The sums of each half of `a` and of `b`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn sums_of_halves(a: __m128i, b: __m128i) -> [i32; 4] {
    let ones = _mm_set1_epi16(1);
    let sums = _mm_hadd_epi32(_mm_madd_epi16(a, ones), _mm_madd_epi16(b, ones));
    [
        _mm_extract_epi32::<0>(sums),
        _mm_extract_epi32::<1>(sums),
        _mm_extract_epi32::<2>(sums),
        _mm_extract_epi32::<3>(sums),
    ]
}

#[target_feature(enable = "sse4.1,ssse3")]
fn temporal_sums_16x8(source: Window<'_, 16, 8>, history: &[[i16; 16]; 8]) -> ([i32; 4], [i32; 4]) {
    // Eight differences of at most 4080 in each lane.
    let (mut sums, mut sads) = ([_mm_setzero_si128(); 2], [_mm_setzero_si128(); 2]);
    for (y, history) in history.iter().enumerate() {
        let differences = differences(source.row(y), halves(history));
        for half in 0..2 {
            let difference = _mm_srai_epi16::<3>(differences[half]);
            sums[half] = _mm_add_epi16(sums[half], difference);
            sads[half] = _mm_add_epi16(sads[half], _mm_abs_epi16(difference));
        }
    }
    (sums_of_halves(sums[0], sums[1]), sums_of_halves(sads[0], sads[1]))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn temporal_blend_16x8(
    source: Window<'_, 16, 8>,
    history: &mut [[i16; 16]; 8],
    weights: &TemporalWeights<'_>,
    mut dst: WindowMut<'_, 16, 8>,
) {
    let ranges = halves(&TemporalWeights::columns(weights.ranges()));
    let leasts = halves(&TemporalWeights::columns(weights.leasts()));
    let slopes = halves(&TemporalWeights::columns(weights.slopes()));
    // Rounds 1/128 of a level to levels.
    let rounded = |half| _mm_mulhrs_epi16(half, _mm_set1_epi16(256));
    for (y, history) in history.iter_mut().enumerate() {
        let mut filtered = halves(history);
        let differences = differences(source.row(y), filtered);
        for half in 0..2 {
            let above = _mm_subs_epu16(_mm_abs_epi16(differences[half]), ranges[half]);
            let above = _mm_min_epi16(above, ranges[half]);
            let share = _mm_adds_epi16(_mm_mullo_epi16(above, slopes[half]), leasts[half]);
            let step = _mm_mulhrs_epi16(differences[half], share);
            filtered[half] = _mm_add_epi16(filtered[half], step);
        }
        store_halves_i16x16(history, filtered[0], filtered[1]);
        let pixels = _mm_packus_epi16(rounded(filtered[0]), rounded(filtered[1]));
        store_u8x16(dst.row_mut(y), pixels);
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn smooth_16x8(source: Window<'_, 18, 10>, limits: &[u8; 16], dst: &mut [[u8; 16]; 8]) {
    let [left, middle, right] =
        [source.sub::<16, 10>(0, 0), source.sub::<16, 10>(1, 0), source.sub::<16, 10>(2, 0)];
    let (limit, zero) = (load_u8x16(limits), _mm_setzero_si128());
    let twice = _mm_adds_epu8(limit, limit);
    // Four influences of at most 63 in each lane.
    let counted = |size| _mm_min_epu8(size, _mm_subs_epu8(twice, size));
    let fifth = |sum| _mm_mulhrs_epi16(sum, _mm_set1_epi16(6554));
    for (y, dst) in dst.iter_mut().enumerate() {
        let pixels = load_u8x16(middle.row(y + 1));
        let (mut more, mut less) = (zero, zero);
        for near in [left.row(y + 1), right.row(y + 1), middle.row(y), middle.row(y + 2)] {
            let near = load_u8x16(near);
            more = _mm_adds_epu8(more, counted(_mm_subs_epu8(near, pixels)));
            less = _mm_adds_epu8(less, counted(_mm_subs_epu8(pixels, near)));
        }
        let low = _mm_sub_epi16(_mm_unpacklo_epi8(more, zero), _mm_unpacklo_epi8(less, zero));
        let high = _mm_sub_epi16(_mm_unpackhi_epi8(more, zero), _mm_unpackhi_epi8(less, zero));
        let low = _mm_add_epi16(fifth(low), _mm_unpacklo_epi8(pixels, zero));
        let high = _mm_add_epi16(fifth(high), _mm_unpackhi_epi8(pixels, zero));
        store_u8x16(dst, _mm_packus_epi16(low, high));
    }
}
