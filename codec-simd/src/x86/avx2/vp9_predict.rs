//! AVX2 kernels: VP9's interpolation.
//!
//! Taps are multiplied in pairs with `pmaddubsw`. The sum of one pair of products never exceeds 16
//! bits (`tests/kernels/vp9.rs` verifies it). The sum of all four pairs can exceed 16 bits. The two
//! inner pairs are therefore added last, the smaller one first, so that a sum saturates only if the
//! result is clipped to 255 anyway.

use core::arch::x86_64::*;

use crate::lanes::vp9::{can_load, window_mut};
use crate::scalar;
use crate::table::Kernels;
use crate::view::{Window, WindowMut};
use crate::vp9::Vp9Motion;
use crate::x86::memory::{
    load_u8x4, load_u8x8, load_u8x16, load_u8x32, store_u8x4, store_u8x8, store_u8x16, store_u8x32,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_predict, ..base }
}

/// Longest side of a block.
const SIDE: usize = 64;
/// Rows that are read at a time; the height of a block is a multiple of it.
const STEP: usize = 4;
/// Rows that are read in addition for the vertical pass: the seven of the filter, in whole steps.
const EXTRA: usize = 8;

/// Samples to read, from the first one that the filter needs on.
#[derive(Clone, Copy)]
struct From<'a> {
    samples: &'a [u8],
    stride: usize,
}

impl<'a> From<'a> {
    /// `N` samples of [`STEP`] rows.
    #[inline(always)]
    fn rows<const N: usize>(self, x: usize, y: usize) -> Window<'a, N, STEP> {
        #[expect(clippy::expect_used, reason = "the caller checks the size")]
        Window::new(&self.samples[y * self.stride + x..], self.stride).expect("enough samples")
    }

    #[inline(always)]
    fn offset(self, x: usize, y: usize) -> Self {
        Self { samples: &self.samples[y * self.stride + x..], stride: self.stride }
    }
}

/// Samples to write, from the first one of a block on.
struct To<'a> {
    samples: &'a mut [u8],
    stride: usize,
    height: usize,
    average: bool,
}

impl To<'_> {
    /// `N` samples of [`STEP`] rows.
    #[inline(always)]
    fn rows<const N: usize>(&mut self, x: usize, y: usize) -> WindowMut<'_, N, STEP> {
        window_mut(self.samples, y * self.stride + x, self.stride)
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_predict(
    motion: Vp9Motion,
    src: &[u8],
    src_stride: usize,
    dst: &mut [u8],
    dst_stride: usize,
) {
    if !can_load(motion, src.len(), src_stride) {
        return scalar::vp9_predict(motion, src, src_stride, dst, dst_stride);
    }
    let (width, height) = (usize::from(motion.width), usize::from(motion.height));
    let from = From { samples: src, stride: src_stride };
    let to = To { samples: dst, stride: dst_stride, height, average: motion.average };
    match (motion.fraction_x & 15, motion.fraction_y & 15) {
        (0, 0) => copy(width, from.offset(3, 3), to),
        (_, 0) => horizontal(motion, from.offset(0, 3), to),
        (0, _) => vertical(motion, from.offset(3, 0), to),
        _ if height <= 16 => both::<{ 16 + EXTRA }>(motion, from, to),
        _ => both::<{ SIDE + EXTRA }>(motion, from, to),
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn put_4(to: &mut [u8; 4], value: __m128i, average: bool) {
    store_u8x4(to, if average { _mm_avg_epu8(load_u8x4(to), value) } else { value });
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn put_8(to: &mut [u8; 8], value: __m128i, average: bool) {
    store_u8x8(to, if average { _mm_avg_epu8(load_u8x8(to), value) } else { value });
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn put_16(to: &mut [u8; 16], value: __m128i, average: bool) {
    store_u8x16(to, if average { _mm_avg_epu8(load_u8x16(to), value) } else { value });
}

/// Writes a step of rows of 4 or 8 samples.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn put_four_rows(to: &mut To<'_>, y: usize, values: [__m128i; STEP], width: usize) {
    let average = to.average;
    if width == 8 {
        let mut to = to.rows(0, y);
        for (y, value) in values.into_iter().enumerate() {
            put_8(to.row_mut(y), value, average);
        }
    } else {
        let mut to = to.rows(0, y);
        for (y, value) in values.into_iter().enumerate() {
            put_4(to.row_mut(y), value, average);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn copy(width: usize, from: From<'_>, mut to: To<'_>) {
    let average = to.average;
    for y in (0..to.height).step_by(STEP) {
        match width {
            4 => {
                let (from, mut to) = (from.rows::<4>(0, y), to.rows(0, y));
                for y in 0..STEP {
                    put_4(to.row_mut(y), load_u8x4(from.row(y)), average);
                }
            }
            8 => {
                let (from, mut to) = (from.rows::<8>(0, y), to.rows(0, y));
                for y in 0..STEP {
                    put_8(to.row_mut(y), load_u8x8(from.row(y)), average);
                }
            }
            16 => {
                let (from, mut to) = (from.rows::<16>(0, y), to.rows(0, y));
                for y in 0..STEP {
                    put_16(to.row_mut(y), load_u8x16(from.row(y)), average);
                }
            }
            _ => {
                for x in (0..width).step_by(32) {
                    let (from, mut to) = (from.rows::<32>(x, y), to.rows::<32>(x, y));
                    for y in 0..STEP {
                        let (to, value) = (to.row_mut(y), load_u8x32(from.row(y)));
                        let mean =
                            if average { _mm256_avg_epu8(load_u8x32(to), value) } else { value };
                        store_u8x32(to, mean);
                    }
                }
            }
        }
    }
}

/// The taps in pairs, each in all lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn pairs_of(taps: &[i16; 8]) -> [__m256i; 4] {
    let pair = |at: usize| {
        let [low, high] = [taps[at], taps[at + 1]].map(|tap| tap.to_le_bytes()[0]);
        _mm256_set1_epi16(i16::from_le_bytes([low, high]))
    };
    [pair(0), pair(2), pair(4), pair(6)]
}

/// Sums the products of pairs of samples and taps, and rounds.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filtered(samples: [__m256i; 4], taps: [__m256i; 4]) -> __m256i {
    let product = |at: usize| _mm256_maddubs_epi16(samples[at], taps[at]);
    let (b, c) = (product(1), product(2));
    let outer = _mm256_adds_epi16(product(0), product(3));
    let sum = _mm256_adds_epi16(outer, _mm256_min_epi16(b, c));
    let sum = _mm256_adds_epi16(sum, _mm256_max_epi16(b, c));
    // (sum * 256 + 2^14) >> 15.
    _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(256))
}

/// Filters 8 positions in each half: its samples from three before the first position on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filtered_row(samples: __m256i, taps: [__m256i; 4]) -> __m256i {
    let neighbours =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8));
    let at = |offset: i8| {
        let order = _mm256_add_epi8(neighbours, _mm256_set1_epi8(offset));
        _mm256_shuffle_epi8(samples, order)
    };
    filtered([at(0), at(2), at(4), at(6)], taps)
}

/// Filters 16 positions, the first one of which needs the first 8 samples.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filtered_16(from: &[u8; 24], taps: [__m256i; 4]) -> __m128i {
    let [low, high] = [from.first_chunk(), from.last_chunk()];
    let low = load_u8x16(low.unwrap_or(const { &[0; 16] }));
    let high = load_u8x16(high.unwrap_or(const { &[0; 16] }));
    let values = filtered_row(_mm256_set_m128i(high, low), taps);
    let packed = _mm256_packus_epi16(values, values);
    _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b10_00>(packed))
}

/// Filters 8 positions of two rows.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filtered_2x8(first: &[u8; 16], second: &[u8; 16], taps: [__m256i; 4]) -> [__m128i; 2] {
    let samples = _mm256_set_m128i(load_u8x16(second), load_u8x16(first));
    halves_of(filtered_row(samples, taps))
}

/// Packs words to bytes. The bytes of each lane are in the low half of a register.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn halves_of(values: __m256i) -> [__m128i; 2] {
    let packed = _mm256_packus_epi16(values, values);
    [_mm256_castsi256_si128(packed), _mm256_extracti128_si256::<1>(packed)]
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn horizontal(motion: Vp9Motion, from: From<'_>, mut to: To<'_>) {
    let taps = pairs_of(motion.filter.taps(motion.fraction_x));
    let (width, average) = (usize::from(motion.width), to.average);
    for y in (0..to.height).step_by(STEP) {
        if width >= 16 {
            for x in (0..width).step_by(16) {
                let (from, mut to) = (from.rows(x, y), to.rows(x, y));
                for y in 0..STEP {
                    put_16(to.row_mut(y), filtered_16(from.row(y), taps), average);
                }
            }
            continue;
        }
        let from = from.rows(0, y);
        let first = filtered_2x8(from.row(0), from.row(1), taps);
        let second = filtered_2x8(from.row(2), from.row(3), taps);
        let values = [first[0], first[1], second[0], second[1]];
        put_four_rows(&mut to, y, values, width);
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vertical(motion: Vp9Motion, from: From<'_>, mut to: To<'_>) {
    let taps = pairs_of(motion.filter.taps(motion.fraction_y));
    let width = usize::from(motion.width);
    if width >= 16 {
        for x in (0..width).step_by(16) {
            vertical_16(taps, from.offset(x, 0), &mut to, x);
        }
    } else {
        vertical_8(taps, from, &mut to, width);
    }
}

/// Both passes, through `ROWS` rows between them.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn both<const ROWS: usize>(motion: Vp9Motion, from: From<'_>, mut to: To<'_>) {
    let x_taps = pairs_of(motion.filter.taps(motion.fraction_x));
    let y_taps = pairs_of(motion.filter.taps(motion.fraction_y));
    let width = usize::from(motion.width);
    let rows = to.height + EXTRA;
    let mut between = [[0; 16]; ROWS];
    if width >= 16 {
        for x in (0..width).step_by(16) {
            let steps = between[..rows].as_chunks_mut::<STEP>().0.iter_mut();
            for (y, to) in (0..rows).step_by(STEP).zip(steps) {
                let from = from.rows(x, y);
                for (y, to) in to.iter_mut().enumerate() {
                    store_u8x16(to, filtered_16(from.row(y), x_taps));
                }
            }
            let between = From { samples: between.as_flattened(), stride: 16 };
            vertical_16(y_taps, between, &mut to, x);
        }
        return;
    }
    let steps = between[..rows].as_chunks_mut::<STEP>().0.iter_mut();
    for (y, to) in (0..rows).step_by(STEP).zip(steps) {
        let from = from.rows(0, y);
        let first = filtered_2x8(from.row(0), from.row(1), x_taps);
        let second = filtered_2x8(from.row(2), from.row(3), x_taps);
        let values = [first[0], first[1], second[0], second[1]];
        for (to, value) in to.iter_mut().zip(values) {
            store_u8x16(to, value);
        }
    }
    vertical_8(y_taps, From { samples: between.as_flattened(), stride: 16 }, &mut to, width);
}

/// Rows `y` and `y + 1`, interleaved with the rows `y + 1` and `y + 2`: in low and in high columns.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn interleaved(a: __m128i, b: __m128i, c: __m128i) -> [__m256i; 2] {
    let (first, second) = (_mm256_set_m128i(b, a), _mm256_set_m128i(c, b));
    [_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second)]
}

/// Two rows of 16 samples, one in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn two_rows(p: [[__m256i; 2]; 4], taps: [__m256i; 4]) -> __m256i {
    let low = filtered([p[0][0], p[1][0], p[2][0], p[3][0]], taps);
    let high = filtered([p[0][1], p[1][1], p[2][1], p[3][1]], taps);
    _mm256_packus_epi16(low, high)
}

/// Copies 16 columns of a block to the columns of `to` from `x` on; each lane has its own row.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vertical_16(taps: [__m256i; 4], from: From<'_>, to: &mut To<'_>, x: usize) {
    let four = |y: usize| {
        let rows = from.rows(0, y);
        [
            load_u8x16(rows.row(0)),
            load_u8x16(rows.row(1)),
            load_u8x16(rows.row(2)),
            load_u8x16(rows.row(3)),
        ]
    };
    let average = to.average;
    let (a, b) = (four(0), four(4));
    let mut p = [
        interleaved(a[0], a[1], a[2]),
        interleaved(a[2], a[3], b[0]),
        interleaved(b[0], b[1], b[2]),
    ];
    let mut before = b;
    for y in (0..to.height).step_by(STEP) {
        // The rows 4 to 7 of this step are in `before`.
        let next = four(y + 8);
        let p3 = interleaved(before[2], before[3], next[0]);
        let p4 = interleaved(next[0], next[1], next[2]);
        let first = two_rows([p[0], p[1], p[2], p3], taps);
        let second = two_rows([p[1], p[2], p3, p4], taps);
        let mut to = to.rows::<16>(x, y);
        put_16(to.row_mut(0), _mm256_castsi256_si128(first), average);
        put_16(to.row_mut(1), _mm256_extracti128_si256::<1>(first), average);
        put_16(to.row_mut(2), _mm256_castsi256_si128(second), average);
        put_16(to.row_mut(3), _mm256_extracti128_si256::<1>(second), average);
        p = [p[2], p3, p4];
        before = next;
    }
}

/// As [`vertical_16`], for 4 or 8 columns.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vertical_8(taps: [__m256i; 4], from: From<'_>, to: &mut To<'_>, width: usize) {
    let four = |y: usize| {
        let rows = from.rows(0, y);
        [
            load_u8x8(rows.row(0)),
            load_u8x8(rows.row(1)),
            load_u8x8(rows.row(2)),
            load_u8x8(rows.row(3)),
        ]
    };
    let pair = |a, b, c| _mm256_set_m128i(_mm_unpacklo_epi8(b, c), _mm_unpacklo_epi8(a, b));
    let (a, b) = (four(0), four(4));
    let mut p = [pair(a[0], a[1], a[2]), pair(a[2], a[3], b[0]), pair(b[0], b[1], b[2])];
    let mut before = b;
    for y in (0..to.height).step_by(STEP) {
        let next = four(y + 8);
        let p3 = pair(before[2], before[3], next[0]);
        let p4 = pair(next[0], next[1], next[2]);
        let first = halves_of(filtered([p[0], p[1], p[2], p3], taps));
        let second = halves_of(filtered([p[1], p[2], p3, p4], taps));
        let values = [first[0], first[1], second[0], second[1]];
        put_four_rows(to, y, values, width);
        p = [p[2], p3, p4];
        before = next;
    }
}
