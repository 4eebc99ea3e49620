//! AVX2 kernels: inter prediction of H.264 in blocks of eight and sixteen columns.
//!
//! A unit is a register of sixteen sums: a row of sixteen columns, or two rows of eight, one in
//! each 128-bit lane. Two units make a group of 32 pixels.

use core::arch::x86_64::*;

use super::predict::pairs_of_16;
use crate::lanes::replace_entries;
use crate::table::Kernels;
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_2x8, load_2x16, load_u8x8, load_u8x16, load_u8x32, store_u8x8, store_u8x16,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, h264_wide)
}

/// Eight bytes of a row from the column `at` on.
#[inline]
fn eight<const N: usize>(row: &[u8; N], at: usize) -> &[u8; 8] {
    row[at..].first_chunk().unwrap_or(const { &[0; 8] })
}

/// Sixteen bytes of a row from the column `at` on.
#[inline]
fn sixteen<const N: usize>(row: &[u8; N], at: usize) -> &[u8; 16] {
    row[at..].first_chunk().unwrap_or(const { &[0; 16] })
}

/// The first row of unit `unit`.
#[inline]
const fn first_row<const W: usize>(unit: usize) -> usize {
    if W == 16 { unit } else { 2 * unit }
}

/// The filter 1, -5, 20, 20, -5, 1 over pairs of pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn six_taps([a, b, c]: [__m256i; 3]) -> __m256i {
    let outer = _mm256_maddubs_epi16(a, _mm256_set1_epi16(-0x4ff));
    let middle = _mm256_maddubs_epi16(b, _mm256_set1_epi16(0x1414));
    let inner = _mm256_maddubs_epi16(c, _mm256_set1_epi16(0x1fb));
    _mm256_add_epi16(middle, _mm256_add_epi16(outer, inner))
}

/// The pixels that a unit of horizontal sums needs: from the first column on, or from the fourth in
/// the upper lane for sixteen columns, whose upper lane begins with the last sixteen of 21.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn unit_pixels<const W: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    y: usize,
) -> __m256i {
    if W == 16 {
        return load_2x16(sixteen(refp.row(y), 0), sixteen(refp.row(y), 5));
    }
    // The second row of the last unit may be missing: it is not used.
    load_2x16(sixteen(refp.row(y), 0), sixteen(refp.row((y + 1).min(RH - 1)), 0))
}

/// Half a pixel right of the column 2: a unit of sums from row `y` on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn row_sums<const W: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    y: usize,
) -> __m256i {
    let row = unit_pixels::<W, RW, RH>(refp, y);
    let pair = |at: &[u8; 32]| _mm256_shuffle_epi8(row, load_u8x32(at));
    if W == 16 {
        six_taps([
            pair(const { &pairs_of_16(0, 1, 3) }),
            pair(const { &pairs_of_16(2, 3, 3) }),
            pair(const { &pairs_of_16(4, 5, 3) }),
        ])
    } else {
        six_taps([
            pair(const { &pairs_of_16(0, 1, 0) }),
            pair(const { &pairs_of_16(2, 3, 0) }),
            pair(const { &pairs_of_16(4, 5, 0) }),
        ])
    }
}

/// A group from two units of sums: `(x + (1 << (N - 1))) >> N`, clamped to bytes. Rows of sixteen
/// columns are one in each lane; of four rows of eight columns, the even ones are in the lower lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn round_narrow<const W: usize, const N: i32>([a, b]: [__m256i; 2]) -> __m256i {
    let half = _mm256_set1_epi16(1 << (N - 1));
    let a = _mm256_srai_epi16::<N>(_mm256_adds_epi16(a, half));
    let b = _mm256_srai_epi16::<N>(_mm256_adds_epi16(b, half));
    let bytes = _mm256_packus_epi16(a, b);
    if W == 16 { _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes) } else { bytes }
}

/// The block's pixels, `dx` columns right and `dy` rows below.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn full<const W: usize, const G: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    dx: usize,
    dy: usize,
) -> [__m256i; G] {
    let mut out = [_mm256_setzero_si256(); G];
    for (group, out) in out.iter_mut().enumerate() {
        let y = first_row::<W>(2 * group) + dy + 2;
        *out = if W == 16 {
            load_2x16(sixteen(refp.row(y), dx + 2), sixteen(refp.row(y + 1), dx + 2))
        } else {
            let row = |y: usize| eight(refp.row(y), dx + 2);
            let even = load_2x8(row(y), row(y + 2));
            _mm256_set_m128i(load_2x8(row(y + 1), row(y + 3)), even)
        };
    }
    out
}

/// Half a pixel right, `dy` rows below.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn right<const W: usize, const G: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    dy: usize,
) -> [__m256i; G] {
    let mut out = [_mm256_setzero_si256(); G];
    for (group, out) in out.iter_mut().enumerate() {
        let first = row_sums::<W, RW, RH>(refp, first_row::<W>(2 * group) + dy + 2);
        let second = row_sums::<W, RW, RH>(refp, first_row::<W>(2 * group + 1) + dy + 2);
        *out = round_narrow::<W, 5>([first, second]);
    }
    out
}

/// Pairs of pixels above each other, of the rows `y` and `y + 1`; in eight columns also of the next
/// two, in the upper lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn row_pairs<const W: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    x: usize,
    y: usize,
) -> __m256i {
    if W == 16 {
        let spread = |y: usize| {
            let row = load_u8x16(sixteen(refp.row(y), x));
            _mm256_permute4x64_epi64::<0b01_01_00_00>(_mm256_castsi128_si256(row))
        };
        return _mm256_unpacklo_epi8(spread(y), spread(y + 1));
    }
    let row = |y: usize| load_u8x8(eight(refp.row(y), x));
    let (a, b, c) = (row(y), row(y + 1), row(y + 2));
    _mm256_set_m128i(_mm_unpacklo_epi8(b, c), _mm_unpacklo_epi8(a, b))
}

/// Half a pixel below, `dx` columns right.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn below<const W: usize, const G: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    dx: usize,
) -> [__m256i; G] {
    let pairs = |y: usize| row_pairs::<W, RW, RH>(refp, dx + 2, y);
    let mut out = [_mm256_setzero_si256(); G];
    // Of sixteen columns, pairs begin in every row; of eight, in every second one.
    let mut ahead = if W == 16 {
        [pairs(0), pairs(1), pairs(2), pairs(3)]
    } else {
        [pairs(0), pairs(2), pairs(0), pairs(0)]
    };
    for (group, out) in out.iter_mut().enumerate() {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (half, sums) in sums.iter_mut().enumerate() {
            let next = pairs(first_row::<W>(2 * group + half) + 4);
            let [a, b, c, d] = ahead;
            if W == 16 {
                *sums = six_taps([a, c, next]);
                ahead = [b, c, d, next];
            } else {
                *sums = six_taps([a, b, next]);
                ahead = [b, next, c, d];
            }
        }
        *out = round_narrow::<W, 5>(sums);
    }
    out
}

/// The six-tap sum of sums, divided by 16. The quotients of the steps are exact: only the last one
/// is rounded. A saturated sum is far outside the range of a pixel.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sum_of_sums(p: [__m256i; 6]) -> __m256i {
    let (a, b) = (_mm256_add_epi16(p[0], p[5]), _mm256_add_epi16(p[1], p[4]));
    let c = _mm256_add_epi16(p[2], p[3]);
    let step = _mm256_sub_epi16(_mm256_srai_epi16::<2>(_mm256_sub_epi16(a, b)), b);
    _mm256_add_epi16(_mm256_srai_epi16::<2>(_mm256_adds_epi16(step, c)), c)
}

/// The second row of a unit and the first of the next.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn between(unit: __m256i, next: __m256i) -> __m256i {
    _mm256_permute2x128_si256::<0x21>(unit, next)
}

/// Half a pixel right and below.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn centre<const W: usize, const G: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
) -> [__m256i; G] {
    let sums_of = |y: usize| row_sums::<W, RW, RH>(refp, y);
    let mut out = [_mm256_setzero_si256(); G];
    let mut ahead = if W == 16 {
        [sums_of(0), sums_of(1), sums_of(2), sums_of(3), sums_of(4)]
    } else {
        let [a, b, c] = [sums_of(0), sums_of(2), sums_of(4)];
        [a, between(a, b), b, between(b, c), c]
    };
    for (group, out) in out.iter_mut().enumerate() {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (half, sums) in sums.iter_mut().enumerate() {
            let [a, b, c, d, e] = ahead;
            let y = first_row::<W>(2 * group + half);
            if W == 16 {
                let next = sums_of(y + 5);
                *sums = sum_of_sums([a, b, c, d, e, next]);
                ahead = [b, c, d, e, next];
            } else {
                // The last unit has no successor: only its second row is used.
                let after = sums_of((y + 6).min(RH - 1));
                let next = between(e, after);
                *sums = sum_of_sums([a, b, c, d, e, next]);
                ahead = [c, d, e, next, after];
            }
        }
        *out = round_narrow::<W, 6>(sums);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn means<const G: usize>(mut a: [__m256i; G], b: [__m256i; G]) -> [__m256i; G] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = _mm256_avg_epu8(*a, b);
    }
    a
}

/// Stores a group.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_group<const W: usize, const H: usize>(
    dst: &mut WindowMut<'_, W, H>,
    group: usize,
    bytes: __m256i,
) {
    let y = first_row::<W>(2 * group);
    let lanes = [_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes)];
    for (lane, row) in lanes.into_iter().enumerate() {
        if let Some(to) = dst.row_mut(y + lane).first_chunk_mut::<16>() {
            store_u8x16(to, row);
            continue;
        }
        for (y, row) in [(y + lane, row), (y + lane + 2, _mm_unpackhi_epi64(row, row))] {
            if let Some(to) = dst.row_mut(y).first_chunk_mut::<8>() {
                store_u8x8(to, row);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn luma<const W: usize, const H: usize, const G: usize, const RW: usize, const RH: usize>(
    refp: Window<'_, RW, RH>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, W, H>,
) {
    const { assert!(32 * G == W * H && RH == H + 5, "whole groups") };
    let (dx, dy) = (usize::from(fx & 3 == 3), usize::from(fy & 3 == 3));
    let groups: [__m256i; G] = match (fx & 3, fy & 3) {
        (0, 0) => full::<W, G, RW, RH>(refp, 0, 0),
        (2, 0) => right::<W, G, RW, RH>(refp, 0),
        (0, 2) => below::<W, G, RW, RH>(refp, 0),
        (2, 2) => centre::<W, G, RW, RH>(refp),
        (_, 0) => means(right::<W, G, RW, RH>(refp, 0), full::<W, G, RW, RH>(refp, dx, 0)),
        (0, _) => means(below::<W, G, RW, RH>(refp, 0), full::<W, G, RW, RH>(refp, 0, dy)),
        (2, _) => means(centre::<W, G, RW, RH>(refp), right::<W, G, RW, RH>(refp, dy)),
        (_, 2) => means(centre::<W, G, RW, RH>(refp), below::<W, G, RW, RH>(refp, dx)),
        _ => means(right::<W, G, RW, RH>(refp, dy), below::<W, G, RW, RH>(refp, dx)),
    };
    for (group, bytes) in groups.into_iter().enumerate() {
        store_group(&mut dst, group, bytes);
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn chroma<const H: usize, const G: usize, const RH: usize>(
    refp: Window<'_, 16, RH>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 8, H>,
) {
    const { assert!(4 * G == H && RH == H + 1, "whole groups") };
    let (fx, fy) = (i16::from(fx & 7), i16::from(fy & 7));
    let across = _mm256_set1_epi16(fx << 8 | (8 - fx));
    let down = [_mm256_set1_epi16(8 - fy), _mm256_set1_epi16(fy)];
    // The horizontal means of two rows, in eighths.
    let sums_of = |y: usize| {
        let rows = unit_pixels::<8, 16, RH>(refp, y);
        let pairs = _mm256_shuffle_epi8(rows, load_u8x32(const { &pairs_of_16(0, 1, 0) }));
        _mm256_maddubs_epi16(pairs, across)
    };
    let mut unit = sums_of(0);
    for group in 0..G {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (half, sums) in sums.iter_mut().enumerate() {
            let next = sums_of(4 * group + 2 * half + 2);
            let shifted = between(unit, next);
            *sums = _mm256_add_epi16(
                _mm256_mullo_epi16(unit, down[0]),
                _mm256_mullo_epi16(shifted, down[1]),
            );
            unit = next;
        }
        store_group(&mut dst, group, round_narrow::<8, 6>(sums));
    }
}

macro_rules! luma_blocks {
    ($($name:ident $w:literal x $h:literal from $rw:literal x $rh:literal;)*) => {
        $(
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
            fn $name(
                refp: Window<'_, $rw, $rh>,
                fx: u8,
                fy: u8,
                dst: WindowMut<'_, $w, $h>,
            ) {
                luma::<$w, $h, { $w * $h / 32 }, $rw, $rh>(refp, fx, fy, dst);
            }
        )*
    };
}

luma_blocks! {
    h264_luma_16x16 16 x 16 from 21 x 21;
    h264_luma_16x8 16 x 8 from 21 x 13;
    h264_luma_8x16 8 x 16 from 16 x 21;
    h264_luma_8x8 8 x 8 from 16 x 13;
    h264_luma_8x4 8 x 4 from 16 x 9;
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_chroma_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    chroma::<8, 2, 9>(refp, fx, fy, dst);
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_chroma_8x4(refp: Window<'_, 16, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 4>) {
    chroma::<4, 1, 5>(refp, fx, fy, dst);
}
