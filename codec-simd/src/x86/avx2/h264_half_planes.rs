//! AVX2 kernels: half-pel samples for the motion search of H.264. A register holds sums of sixteen
//! columns, or of eight columns of two rows, or of two overlapping groups of eight columns.

use core::arch::x86_64::*;

use crate::half_planes::{HalfPlanes8, HalfPlanes16};
use crate::table::Kernels;
use crate::view::Window;
use crate::x86::memory::{load_u8x8, load_u8x16, store_u8x8, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { h264_half_planes_16x16, h264_half_planes_8x8, ..base }
}

/// Byte positions for a shuffle of each lane.
type Positions = [[u8; 16]; 2];

/// Positions that bring the samples `from` + 0, 1, 1, 2, 2, 3... of a register next to each other.
const fn pairs(from: u8) -> [u8; 16] {
    let (mut at, mut i) = ([0; 16], 0);
    while i < 8 {
        at[2 * i as usize] = from + i;
        at[2 * i as usize + 1] = from + i + 1;
        i += 1;
    }
    at
}

/// Positions that widen the eight samples `from` + 0, 1, 2...
const fn widening(from: u8) -> [u8; 16] {
    let (mut at, mut i) = ([128; 16], 0);
    while i < 8 {
        at[2 * i as usize] = from + i;
        i += 1;
    }
    at
}

/// Adjusts the positions `at` to a register whose upper half begins with sample 6.
const fn folded(mut at: [u8; 16]) -> [u8; 16] {
    let mut i = 0;
    while i < 16 {
        if at[i] >= 8 && at[i] < 128 {
            at[i] += 2;
        }
        i += 1;
    }
    at
}

/// Sixteen columns: the samples from 0 on in the lower lane, from 6 on in the upper one.
static ALL: [Positions; 3] = [[pairs(0), pairs(2)], [pairs(2), pairs(4)], [pairs(4), pairs(6)]];
/// The last eight columns of 17, in a register that begins with sample 6.
static LAST: [Positions; 3] = [[pairs(3); 2], [pairs(5); 2], [pairs(7); 2]];
/// The last eight of 18 widened samples, in a register that begins with sample 6.
static LAST_WIDENED: Positions = [widening(6); 2];
/// The first and the last eight of nine columns, of folded samples.
static BOTH_ENDS: [Positions; 3] = [
    [folded(pairs(0)), folded(pairs(1))],
    [folded(pairs(2)), folded(pairs(3))],
    [folded(pairs(4)), folded(pairs(5))],
];
/// The first and the last eight of ten columns of folded samples.
static BOTH_ENDS_WIDENED: Positions = [folded(widening(2)), folded(widening(4))];

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn mask([low, high]: &Positions) -> __m256i {
    _mm256_set_m128i(load_u8x16(high), load_u8x16(low))
}

/// The horizontal filter: positions of the three pairs of samples.
#[derive(Clone, Copy)]
struct Across([__m256i; 3]);

impl Across {
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn new([a, b, c]: &[Positions; 3]) -> Self {
        Self([mask(a), mask(b), mask(c)])
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn sums(self, samples: __m256i) -> __m256i {
        let outer = _mm256_set1_epi16(i16::from_le_bytes([1, 251]));
        let middle = _mm256_set1_epi16(i16::from_le_bytes([20, 20]));
        let inner = _mm256_set1_epi16(i16::from_le_bytes([251, 1]));
        let pair = |n: usize| _mm256_shuffle_epi8(samples, self.0[n]);
        let sum = _mm256_add_epi16(
            _mm256_maddubs_epi16(pair(0), outer),
            _mm256_maddubs_epi16(pair(2), inner),
        );
        _mm256_add_epi16(sum, _mm256_maddubs_epi16(pair(1), middle))
    }
}

/// The vertical filter of six rows of samples.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn below(p: [__m256i; 6]) -> __m256i {
    let (a, b) = (_mm256_add_epi16(p[0], p[5]), _mm256_add_epi16(p[1], p[4]));
    let c = _mm256_slli_epi16::<2>(_mm256_add_epi16(p[2], p[3]));
    // a - 5 b + 20 c = a + 5 (4 c - b).
    let inner = _mm256_sub_epi16(c, b);
    _mm256_add_epi16(_mm256_add_epi16(a, inner), _mm256_slli_epi16::<2>(inner))
}

/// The vertical filter of six rows of sums, divided by 16, as in `lanes::h264_predict`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sum_of_sums(p: [__m256i; 6]) -> __m256i {
    let (a, b) = (_mm256_add_epi16(p[0], p[5]), _mm256_add_epi16(p[1], p[4]));
    let c = _mm256_add_epi16(p[2], p[3]);
    let step = _mm256_sub_epi16(_mm256_srai_epi16::<2>(_mm256_sub_epi16(a, b)), b);
    _mm256_add_epi16(_mm256_srai_epi16::<2>(_mm256_adds_epi16(step, c)), c)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn six<const N: usize>(rows: &[__m256i; N], y: usize) -> [__m256i; 6] {
    [rows[y], rows[y + 1], rows[y + 2], rows[y + 3], rows[y + 4], rows[y + 5]]
}

/// `(x + 16) >> 5`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn round_5(x: __m256i) -> __m256i {
    _mm256_mulhrs_epi16(x, _mm256_set1_epi16(1 << 10))
}

/// `(x + 32) >> 6`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn round_6(x: __m256i) -> __m256i {
    _mm256_mulhrs_epi16(x, _mm256_set1_epi16(1 << 9))
}

/// Stores sixteen samples at the beginning of a row.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_row(row: &mut [u8; 32], samples: __m256i) {
    let bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(samples), _mm256_extracti128_si256::<1>(samples));
    if let Some(to) = row.first_chunk_mut() {
        store_u8x16(to, bytes);
    }
}

/// The samples of both lanes as bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn bytes_of(samples: __m256i) -> [__m128i; 2] {
    let bytes = _mm256_packus_epi16(samples, samples);
    [_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes)]
}

/// Stores eight samples from the column `at` on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_8<const N: usize>(row: &mut [u8; N], at: usize, bytes: __m128i) {
    if let Some(to) = row[at..].first_chunk_mut() {
        store_u8x8(to, bytes);
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_half_planes_16x16(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16) {
    fill_16_columns(refp, out);
    fill_last_columns(refp, out);
}

/// The first sixteen columns: the sums of eight columns in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fill_16_columns(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16) {
    let (left, right) = (refp.sub::<16, 22>(0, 0), refp.sub::<16, 22>(6, 0));
    let columns = refp.sub::<16, 22>(2, 0);
    let filter = Across::new(&ALL);
    let mut sums = [_mm256_setzero_si256(); 22];
    let mut rows = sums;
    for y in 0..22 {
        let samples = _mm256_set_m128i(load_u8x16(right.row(y)), load_u8x16(left.row(y)));
        sums[y] = filter.sums(samples);
        rows[y] = _mm256_cvtepu8_epi16(load_u8x16(columns.row(y)));
    }
    for y in 0..18 {
        store_row(&mut out.across[y], round_5(sums[y + 2]));
    }
    for y in 0..17 {
        store_row(&mut out.both[y], round_6(sum_of_sums(six(&sums, y))));
        store_row(&mut out.down[y], round_5(below(six(&rows, y))));
    }
}

/// The last eight columns: rows `y` and `y + 9` in the lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fill_last_columns(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16) {
    let refp = refp.sub::<16, 22>(6, 0);
    let filter = Across::new(&LAST);
    let widen = mask(&LAST_WIDENED);
    let mut sums = [_mm256_setzero_si256(); 14];
    let mut rows = [_mm256_setzero_si256(); 14];
    for y in 0..13 {
        let samples = _mm256_set_m128i(load_u8x16(refp.row(y + 9)), load_u8x16(refp.row(y)));
        sums[y] = filter.sums(samples);
        rows[y] = _mm256_shuffle_epi8(samples, widen);
    }
    // The last row has no partner.
    let samples = _mm256_castsi128_si256(load_u8x16(refp.row(13)));
    sums[13] = filter.sums(samples);
    rows[13] = _mm256_shuffle_epi8(samples, widen);
    for y in 0..9 {
        let [upper, lower] = bytes_of(round_5(sums[y + 2]));
        store_8(&mut out.across[y], 9, upper);
        store_8(&mut out.across[y + 9], 9, lower);
        let [both, both_lower] = bytes_of(round_6(sum_of_sums(six(&sums, y))));
        let [down, down_lower] = bytes_of(round_5(below(six(&rows, y))));
        store_8(&mut out.both[y], 9, both);
        store_8(&mut out.down[y], 10, down);
        if y < 8 {
            store_8(&mut out.both[y + 9], 9, both_lower);
            store_8(&mut out.down[y + 9], 10, down_lower);
        }
    }
}

/// The lanes have the first and the last eight columns.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_half_planes_8x8(refp: Window<'_, 14, 14>, out: &mut HalfPlanes8) {
    let (left, right) = (refp.sub::<8, 14>(0, 0), refp.sub::<8, 14>(6, 0));
    let filter = Across::new(&BOTH_ENDS);
    let widen = mask(&BOTH_ENDS_WIDENED);
    let mut sums = [_mm256_setzero_si256(); 14];
    let mut rows = sums;
    for y in 0..14 {
        let samples = _mm_unpacklo_epi64(load_u8x8(left.row(y)), load_u8x8(right.row(y)));
        let samples = _mm256_broadcastsi128_si256(samples);
        sums[y] = filter.sums(samples);
        rows[y] = _mm256_shuffle_epi8(samples, widen);
    }
    for y in 0..10 {
        let [first, last] = bytes_of(round_5(sums[y + 2]));
        store_8(&mut out.across[y], 0, first);
        store_8(&mut out.across[y], 1, last);
    }
    for y in 0..9 {
        let [first, last] = bytes_of(round_6(sum_of_sums(six(&sums, y))));
        store_8(&mut out.both[y], 0, first);
        store_8(&mut out.both[y], 1, last);
        let [first, last] = bytes_of(round_5(below(six(&rows, y))));
        store_8(&mut out.down[y], 0, first);
        store_8(&mut out.down[y], 2, last);
    }
}
