//! AVX2 kernels: VP9's forward transforms and quantisation.
//!
//! The first pass is vertical; its registers are rows. After a transposition the registers of the second
//! pass are columns, which are stored one after the other.

use core::arch::x86_64::*;

use super::ops::I16x16;
use super::vp9_transform::{transpose_8x8, transpose_16x16};
use crate::table::Kernels;
use crate::view::Window;
use crate::vp9::adst::{ADST_4, ADST_8, ADST_16};
use crate::vp9::{VP9_FORWARD_SHIFTS, Vp9Quantised, Vp9Quantiser, Vp9TxKind, Vp9TxSize};
use crate::x86::memory::{
    load_i16x16, load_u8x4, load_u8x8, load_u8x16, store_i16x8, store_i16x16,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_forward_transform, vp9_quantise, ..base }
}

/// Transforms of 8 rows or columns at a time.
mod narrow {
    use crate::lanes::vp9_forward::lanes_vp9_forward;
    use crate::lanes::vp9_transform::COS;
    use crate::x86::ops::{I16x8 as Words, add_sums, adds_i16, products, rounded, subs_i16};

    lanes_vp9_forward!("avx2,bmi1,bmi2,lzcnt");
}

/// Transforms of 16 rows or columns at a time.
mod wide {
    use super::super::ops::{I16x16 as Words, add_sums, adds_i16, products, rounded, subs_i16};
    use crate::lanes::vp9_forward::{lanes_vp9_forward, lanes_vp9_forward_large};
    use crate::lanes::vp9_transform::COS;

    lanes_vp9_forward!("avx2,bmi1,bmi2,lzcnt");
    lanes_vp9_forward_large!("avx2,bmi1,bmi2,lzcnt");
}

type Coefficients = [i16; 1024];
/// A block and its stride.
type Block<'a> = (&'a [u8], usize);

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_forward_transform(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    cur: &[u8],
    cur_stride: usize,
    pred: &[u8],
    pred_stride: usize,
    coeffs: &mut Coefficients,
) {
    let (cur, pred) = ((cur, cur_stride), (pred, pred_stride));
    match size {
        Vp9TxSize::Tx4 => transform_4x4(kind, cur, pred, coeffs),
        Vp9TxSize::Tx8 => transform_8x8(kind, cur, pred, coeffs),
        Vp9TxSize::Tx16 => transform_16x16(kind, cur, pred, coeffs),
        Vp9TxSize::Tx32 => transform_32x32(cur, pred, coeffs),
    }
}

/// `W` x `H` samples from `at` on. Panics if they are not in the block.
#[inline(always)]
fn window<const W: usize, const H: usize>(
    (samples, stride): Block<'_>,
    at: usize,
) -> Window<'_, W, H> {
    #[expect(clippy::expect_used, reason = "the contract of the kernels")]
    Window::new(&samples[at..], stride).expect("the block exceeds the plane")
}

/// Rows of 16 differences from `at` on, times 4.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn differences_16<const H: usize>(cur: Block<'_>, pred: Block<'_>, at: usize) -> [I16x16; H] {
    let (cur, pred) = (window::<16, H>(cur, at), window::<16, H>(pred, at));
    let mut rows = [_mm256_setzero_si256(); H];
    for (y, row) in rows.iter_mut().enumerate() {
        let wide = |samples: &[u8; 16]| _mm256_cvtepu8_epi16(load_u8x16(samples));
        *row = _mm256_slli_epi16::<2>(_mm256_sub_epi16(wide(cur.row(y)), wide(pred.row(y))));
    }
    rows
}

/// A rounded shift to the right.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn shifted<const N: i32>(x: I16x16) -> I16x16 {
    let half = _mm256_set1_epi16(1 << N >> 1);
    _mm256_srai_epi16::<N>(_mm256_add_epi16(x, half))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_4x4(kind: Vp9TxKind, cur: Block<'_>, pred: Block<'_>, coeffs: &mut Coefficients) {
    let pass = |x, is_adst| if is_adst { narrow::adst(x, &ADST_4) } else { narrow::dct_4(x) };
    let (cur, pred) = (window::<4, 4>(cur, 0), window::<4, 4>(pred, 0));
    let mut rows = [_mm_setzero_si128(); 4];
    for (y, row) in rows.iter_mut().enumerate() {
        let wide = |samples: &[u8; 4]| _mm_cvtepu8_epi16(load_u8x4(samples));
        *row = _mm_slli_epi16::<2>(_mm_sub_epi16(wide(cur.row(y)), wide(pred.row(y))));
    }
    let rows = pass(rows, kind.has_adst_columns());
    // The upper halves of the registers are not used.
    let (a, b) = (_mm_unpacklo_epi16(rows[0], rows[1]), _mm_unpacklo_epi16(rows[2], rows[3]));
    let (c, d) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let columns = [c, _mm_unpackhi_epi64(c, c), d, _mm_unpackhi_epi64(d, d)];
    let columns = pass(columns, kind.has_adst_rows());
    let pairs = [[columns[0], columns[1]], [columns[2], columns[3]]];
    for (to, [first, second]) in coeffs.as_chunks_mut::<8>().0.iter_mut().zip(pairs) {
        store_i16x8(to, _mm_unpacklo_epi64(first, second));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_8x8(kind: Vp9TxKind, cur: Block<'_>, pred: Block<'_>, coeffs: &mut Coefficients) {
    let pass = |x, is_adst| if is_adst { narrow::adst(x, &ADST_8) } else { narrow::dct_8(x) };
    let (cur, pred) = (window::<8, 8>(cur, 0), window::<8, 8>(pred, 0));
    let mut rows = [_mm_setzero_si128(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let wide = |samples: &[u8; 8]| _mm_cvtepu8_epi16(load_u8x8(samples));
        *row = _mm_slli_epi16::<2>(_mm_sub_epi16(wide(cur.row(y)), wide(pred.row(y))));
    }
    let mut rows = pass(rows, kind.has_adst_columns());
    const { assert!(VP9_FORWARD_SHIFTS[1].0 == 1 && VP9_FORWARD_SHIFTS[1].1 == 0) };
    for row in &mut rows {
        *row = _mm_srai_epi16::<1>(_mm_add_epi16(*row, _mm_set1_epi16(1)));
    }
    let columns = pass(transpose_8x8(rows), kind.has_adst_rows());
    for (to, column) in coeffs.as_chunks_mut::<8>().0.iter_mut().zip(columns) {
        store_i16x8(to, column);
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_16x16(kind: Vp9TxKind, cur: Block<'_>, pred: Block<'_>, coeffs: &mut Coefficients) {
    let pass = |x, is_adst| if is_adst { wide::adst(x, &ADST_16) } else { wide::dct_16(x) };
    let mut rows = pass(differences_16::<16>(cur, pred, 0), kind.has_adst_columns());
    const { assert!(VP9_FORWARD_SHIFTS[2].0 == 3 && VP9_FORWARD_SHIFTS[2].1 == 1) };
    for row in &mut rows {
        *row = shifted::<3>(*row);
    }
    let columns = pass(transpose_16x16(&rows), kind.has_adst_rows());
    for (to, column) in coeffs.as_chunks_mut::<16>().0.iter_mut().zip(columns) {
        store_i16x16(to, _mm256_adds_epi16(column, column));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_32x32(cur: Block<'_>, pred: Block<'_>, coeffs: &mut Coefficients) {
    const { assert!(VP9_FORWARD_SHIFTS[3].0 == 5 && VP9_FORWARD_SHIFTS[3].1 == 1) };
    let zero = _mm256_setzero_si256();
    // The upper and the lower half of each column.
    let mut halves = [[zero; 32]; 2];
    for x in [0, 16] {
        let rows = wide::dct_32(&differences_16::<32>(cur, pred, x));
        for (half, rows) in halves.iter_mut().zip(rows.as_chunks::<16>().0) {
            let mut rows = *rows;
            for row in &mut rows {
                *row = shifted::<5>(*row);
            }
            half[x..x + 16].copy_from_slice(&transpose_16x16(&rows));
        }
    }
    let coeffs = coeffs.as_chunks_mut::<16>().0;
    for (index, half) in halves.iter().enumerate() {
        let columns = wide::dct_32(half);
        for (x, column) in columns.into_iter().enumerate() {
            store_i16x16(&mut coeffs[2 * x + index], _mm256_adds_epi16(column, column));
        }
    }
}

/// The quantiser of sixteen coefficients.
#[derive(Clone, Copy)]
struct Lanes {
    round: I16x16,
    reciprocal: I16x16,
    /// The divisor of levels: the step, or half of it.
    factor: I16x16,
    /// All ones where half of an odd step is missing in the factor.
    odd: I16x16,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn new(quantiser: &Vp9Quantiser, class: usize) -> Self {
        let splat = |x: u16| _mm256_set1_epi16(x.cast_signed());
        let step = quantiser.step[class];
        let is_odd = quantiser.is_halved && step % 2 == 1;
        Self {
            round: splat(quantiser.round[class]),
            reciprocal: splat(quantiser.reciprocal[class]),
            factor: splat(if quantiser.is_halved { step / 2 } else { step }),
            odd: _mm256_set1_epi16(if is_odd { -1 } else { 0 }),
        }
    }

    /// With the first lane of `first`.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn with_first(self, first: Self) -> Self {
        let lane = _mm256_setr_epi16(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        let merge = |a, b| _mm256_blendv_epi8(a, b, lane);
        Self {
            round: merge(self.round, first.round),
            reciprocal: merge(self.reciprocal, first.reciprocal),
            factor: merge(self.factor, first.factor),
            odd: merge(self.odd, first.odd),
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_quantise(coeffs: &[i16], quantiser: &Vp9Quantiser, levels: &mut [i16]) -> Vp9Quantised {
    assert_eq!(coeffs.len(), levels.len(), "as many levels as coefficients");
    let (zero, most) = (_mm256_setzero_si256(), _mm256_set1_epi16(i16::MAX));
    let ac = Lanes::new(quantiser, 1);
    let mut lanes = ac.with_first(Lanes::new(quantiser, 0));
    // The errors of levels that are zero are the energies of their coefficients.
    let (mut count, mut errors, mut energies, mut rests) = (0, zero, zero, zero);
    let (coeffs, rest) = coeffs.as_chunks::<16>();
    let levels = levels.as_chunks_mut::<16>().0;
    assert!(rest.is_empty(), "whole registers");
    for (from, to) in coeffs.iter().zip(levels) {
        let coeff = load_i16x16(from);
        let magnitude = _mm256_min_epu16(_mm256_abs_epi16(coeff), most);
        let sum = _mm256_min_epu16(_mm256_adds_epu16(magnitude, lanes.round), most);
        let level = _mm256_mulhi_epu16(sum, lanes.reciprocal);
        let energy = _mm256_madd_epi16(magnitude, magnitude);
        if _mm256_testz_si256(level, level) != 0 {
            store_i16x16(to, zero);
            rests = _mm256_add_epi32(rests, energy);
            lanes = ac;
            continue;
        }
        store_i16x16(to, _mm256_sign_epi16(level, coeff));
        let missing = _mm256_srli_epi16::<1>(_mm256_and_si256(level, lanes.odd));
        let value = _mm256_adds_epu16(_mm256_mullo_epi16(level, lanes.factor), missing);
        let difference = _mm256_sub_epi16(magnitude, _mm256_min_epu16(value, most));
        errors = _mm256_add_epi32(errors, _mm256_madd_epi16(difference, difference));
        energies = _mm256_add_epi32(energies, energy);
        let is_zero = _mm256_movemask_epi8(_mm256_cmpeq_epi16(level, zero));
        count += 32 - is_zero.count_ones();
        lanes = ac;
    }
    let rest = sum(rests);
    Vp9Quantised { count: count / 2, error: sum(errors) + rest, energy: sum(energies) + rest }
}

/// The sum of the lanes of 32 bits, which are not negative.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sum(x: __m256i) -> u64 {
    let zero = _mm256_setzero_si256();
    let pairs = _mm256_add_epi64(_mm256_unpacklo_epi32(x, zero), _mm256_unpackhi_epi32(x, zero));
    let half = _mm_add_epi64(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
    let all = _mm_add_epi64(half, _mm_unpackhi_epi64(half, half));
    _mm_cvtsi128_si64(all).cast_unsigned()
}
