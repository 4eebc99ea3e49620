//! AVX2 kernels: denoising. A register holds a row of sixteen pixels in the temporal filter, and
//! two rows in spatial smoothing.

use core::arch::x86_64::*;

use crate::table::Kernels;
use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};
use crate::x86::memory::{load_2x16, load_i16x16, load_u8x16, store_2x16, store_i16x16};
use crate::x86::sse41::temporal::sums_of_halves;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { temporal_sums_16x8, temporal_blend_16x8, smooth_16x8, ..base }
}

/// Source minus history, in 1/128 of a level.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn differences(pixels: &[u8; 16], history: __m256i) -> __m256i {
    let pixels = _mm256_slli_epi16::<7>(_mm256_cvtepu8_epi16(load_u8x16(pixels)));
    _mm256_sub_epi16(pixels, history)
}

/// Four groups of four columns.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn columns(groups: [[u8; 8]; 4]) -> __m256i {
    let [a, b, c, d] = groups.map(i64::from_le_bytes);
    _mm256_setr_epi64x(a, b, c, d)
}

/// The sums of groups of four lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sums_of_quarters(sums: __m256i) -> [i32; 4] {
    sums_of_halves(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn temporal_sums_16x8(source: Window<'_, 16, 8>, history: &[[i16; 16]; 8]) -> ([i32; 4], [i32; 4]) {
    // Eight differences of at most 4080 in each lane.
    let (mut sums, mut sads) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (y, history) in history.iter().enumerate() {
        let difference = differences(source.row(y), load_i16x16(history));
        let difference = _mm256_srai_epi16::<3>(difference);
        sums = _mm256_add_epi16(sums, difference);
        sads = _mm256_add_epi16(sads, _mm256_abs_epi16(difference));
    }
    (sums_of_quarters(sums), sums_of_quarters(sads))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn temporal_blend_16x8(
    source: Window<'_, 16, 8>,
    history: &mut [[i16; 16]; 8],
    weights: &TemporalWeights<'_>,
    mut dst: WindowMut<'_, 16, 8>,
) {
    let range = columns(weights.ranges());
    let least = columns(weights.leasts());
    let slope = columns(weights.slopes());
    // Rounds 1/128 of a level to levels.
    let to_levels = _mm256_set1_epi16(256);
    let (pairs, _) = history.as_chunks_mut::<2>();
    for (pair, history) in pairs.iter_mut().enumerate() {
        let mut rows = [_mm256_setzero_si256(); 2];
        for (y, history) in history.iter_mut().enumerate() {
            let before = load_i16x16(history);
            let difference = differences(source.row(2 * pair + y), before);
            let above = _mm256_subs_epu16(_mm256_abs_epi16(difference), range);
            let above = _mm256_min_epi16(above, range);
            let share = _mm256_adds_epi16(_mm256_mullo_epi16(above, slope), least);
            let filtered = _mm256_add_epi16(before, _mm256_mulhrs_epi16(difference, share));
            store_i16x16(history, filtered);
            rows[y] = _mm256_mulhrs_epi16(filtered, to_levels);
        }
        // The pack works within lanes.
        let packed = _mm256_packus_epi16(rows[0], rows[1]);
        let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
        store_2x16(&mut dst, 2 * pair, packed);
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn smooth_16x8(source: Window<'_, 18, 10>, limits: &[u8; 16], dst: &mut [[u8; 16]; 8]) {
    let [left, middle, right] =
        [source.sub::<16, 10>(0, 0), source.sub::<16, 10>(1, 0), source.sub::<16, 10>(2, 0)];
    let (limit, zero) = (load_2x16(limits, limits), _mm256_setzero_si256());
    let twice = _mm256_adds_epu8(limit, limit);
    // Four influences of at most 63 in each lane.
    let counted = |size| _mm256_min_epu8(size, _mm256_subs_epu8(twice, size));
    let fifth = |sum| _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(6554));
    let mut dst = WindowMut::packed(dst);
    for y in [0, 2, 4, 6] {
        let rows = |from: &Window<'_, 16, 10>, y: usize| load_2x16(from.row(y), from.row(y + 1));
        let pixels = rows(&middle, y + 1);
        let (mut more, mut less) = (zero, zero);
        let near =
            [rows(&left, y + 1), rows(&right, y + 1), rows(&middle, y), rows(&middle, y + 2)];
        for near in near {
            more = _mm256_adds_epu8(more, counted(_mm256_subs_epu8(near, pixels)));
            less = _mm256_adds_epu8(less, counted(_mm256_subs_epu8(pixels, near)));
        }
        let low = |bytes| _mm256_unpacklo_epi8(bytes, zero);
        let high = |bytes| _mm256_unpackhi_epi8(bytes, zero);
        let sum_low = fifth(_mm256_sub_epi16(low(more), low(less)));
        let sum_high = fifth(_mm256_sub_epi16(high(more), high(less)));
        let smoothed = _mm256_packus_epi16(
            _mm256_add_epi16(sum_low, low(pixels)),
            _mm256_add_epi16(sum_high, high(pixels)),
        );
        store_2x16(&mut dst, y, smoothed);
    }
}
