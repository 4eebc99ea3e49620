//! AVX2 kernels: VP9's inverse transforms.
//!
//! Coefficients are stored column by column, so a load fills a register with one coefficient of
//! each row. The row transforms compute one row in each 16-bit lane, so the coefficients need no
//! transposition before them.

use core::arch::x86_64::*;

use super::ops::I16x16;
use crate::lanes::vp9::{used_part, window_mut};
use crate::lanes::vp9_transform::{COS, Used, Used4, Used8, Used16, Used32};
use crate::scalar;
use crate::table::Kernels;
use crate::vp9::{Vp9TxKind, Vp9TxSize};
use crate::x86::memory::{
    load_i16x8, load_i16x16, load_u8x4, load_u8x8, load_u8x16, load_u8x32, store_u8x4, store_u8x8,
    store_u8x16, store_u8x32,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_inverse_transform, ..base }
}

/// Transforms of 8 rows or columns at a time.
mod narrow {
    use crate::lanes::vp9_transform::{COS, Used, lanes_vp9_adst_4_and_8, lanes_vp9_transform};
    use crate::x86::ops::{
        I16x8 as Words, Sums, add_sums, adds_i16, products, rounded, scaled, splat_i16, sub_sums,
        subs_i16,
    };

    lanes_vp9_transform!("avx2,bmi1,bmi2,lzcnt");
    lanes_vp9_adst_4_and_8!("avx2,bmi1,bmi2,lzcnt");
}

/// Transforms of 16 rows or columns at a time.
mod wide {
    use super::super::ops::{
        I16x16 as Words, I32x16 as Sums, add_sums, adds_i16, products, rounded, scaled, splat_i16,
        sub_sums, subs_i16,
    };
    use crate::lanes::vp9_transform::{COS, Used, lanes_vp9_adst_16, lanes_vp9_transform};

    lanes_vp9_transform!("avx2,bmi1,bmi2,lzcnt");
    lanes_vp9_adst_16!("avx2,bmi1,bmi2,lzcnt");
}

type Coefficients = [i16; 1024];
/// A block to add a residual to, and its stride.
type Target<'a> = (&'a mut [u8], usize);

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_inverse_transform(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    coeffs: &mut Coefficients,
    positions: u16,
    dst: &mut [u8],
    stride: usize,
) {
    if kind == Vp9TxKind::Wht {
        return scalar::vp9_inverse_transform(size, kind, coeffs, positions, dst, stride);
    }
    let to = (dst, stride);
    if positions == 0 && kind == Vp9TxKind::Dct {
        return add_flat(size, std::mem::take(&mut coeffs[0]), to);
    }
    let (columns, rows) = used_part(size, positions);
    let reach = columns.max(rows);
    match size {
        Vp9TxSize::Tx4 => add_4x4(kind, coeffs, to),
        Vp9TxSize::Tx8 if kind != Vp9TxKind::Dct || reach > 4 => {
            add_8x8::<Used8>(kind, coeffs, to);
        }
        Vp9TxSize::Tx8 => add_8x8::<Used4>(kind, coeffs, to),
        Vp9TxSize::Tx16 if kind != Vp9TxKind::Dct || reach > 8 => add_16x16(kind, coeffs, to),
        Vp9TxSize::Tx16 if reach > 4 => add_corner_of_16x16::<Used8>(coeffs, to),
        Vp9TxSize::Tx16 => add_corner_of_16x16::<Used4>(coeffs, to),
        Vp9TxSize::Tx32 if reach > 16 => add_32x32::<Used32, 32>(coeffs, to),
        Vp9TxSize::Tx32 if reach > 8 => add_32x32::<Used16, 16>(coeffs, to),
        Vp9TxSize::Tx32 if reach > 4 => add_corner_of_32x32::<Used8>(coeffs, to),
        Vp9TxSize::Tx32 => add_corner_of_32x32::<Used4>(coeffs, to),
    }
    coeffs[..columns * size.pixels()].fill(0);
}

/// The rounded shift of a residual, as a factor for `pmulhrsw`.
const fn shift_factor(size: Vp9TxSize) -> i16 {
    match size {
        Vp9TxSize::Tx4 => 1 << 11,
        Vp9TxSize::Tx8 => 1 << 10,
        Vp9TxSize::Tx16 | Vp9TxSize::Tx32 => 1 << 9,
    }
}

/// Adds the residual of a transform that has its first coefficient only: all samples change by the
/// same.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_flat(size: Vp9TxSize, dc: i16, (dst, stride): Target<'_>) {
    let pass = |value: i32| (value * i32::from(COS[16]) + (1 << 13)) >> 14;
    let factor = i32::from(shift_factor(size));
    let change = (pass(pass(dc.into())) * factor + (1 << 14)) >> 15;
    let byte = |value: i32| value.clamp(0, 255).to_le_bytes()[0].cast_signed();
    let (up, down) = (_mm256_set1_epi8(byte(change)), _mm256_set1_epi8(byte(-change)));
    let changed = |x: __m256i| _mm256_subs_epu8(_mm256_adds_epu8(x, up), down);
    let narrow = |x: __m128i| _mm256_castsi256_si128(changed(_mm256_castsi128_si256(x)));
    match size {
        Vp9TxSize::Tx4 => {
            let mut to = window_mut::<4, 4>(dst, 0, stride);
            for y in 0..4 {
                let to = to.row_mut(y);
                store_u8x4(to, narrow(load_u8x4(to)));
            }
        }
        Vp9TxSize::Tx8 => {
            let mut to = window_mut::<8, 8>(dst, 0, stride);
            for y in 0..8 {
                let to = to.row_mut(y);
                store_u8x8(to, narrow(load_u8x8(to)));
            }
        }
        Vp9TxSize::Tx16 => {
            let mut to = window_mut::<16, 16>(dst, 0, stride);
            for y in 0..16 {
                let to = to.row_mut(y);
                store_u8x16(to, narrow(load_u8x16(to)));
            }
        }
        Vp9TxSize::Tx32 => {
            let mut to = window_mut::<32, 32>(dst, 0, stride);
            for y in 0..32 {
                let to = to.row_mut(y);
                store_u8x32(to, changed(load_u8x32(to)));
            }
        }
    }
}

/// Eight numbers from `at` on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn eight(coeffs: &Coefficients, at: usize) -> __m128i {
    load_i16x8(coeffs[at..].first_chunk().unwrap_or(const { &[0; 8] }))
}

/// Sixteen numbers from `at` on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sixteen(coeffs: &Coefficients, at: usize) -> I16x16 {
    load_i16x16(coeffs[at..].first_chunk().unwrap_or(const { &[0; 16] }))
}

/// One step of a transposition: the address of a number, register first, rotates by one bit.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rotate_8(x: [__m128i; 8]) -> [__m128i; 8] {
    let low = |i: usize| _mm_unpacklo_epi16(x[i], x[i + 4]);
    let high = |i: usize| _mm_unpackhi_epi16(x[i], x[i + 4]);
    [low(0), high(0), low(1), high(1), low(2), high(2), low(3), high(3)]
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn transpose_8x8(x: [__m128i; 8]) -> [__m128i; 8] {
    rotate_8(rotate_8(rotate_8(x)))
}

/// As [`rotate_8`], in each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rotate_16(x: [I16x16; 8]) -> [I16x16; 8] {
    let low = |i: usize| _mm256_unpacklo_epi16(x[i], x[i + 4]);
    let high = |i: usize| _mm256_unpackhi_epi16(x[i], x[i + 4]);
    [low(0), high(0), low(1), high(1), low(2), high(2), low(3), high(3)]
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn transpose_16x16(x: &[I16x16; 16]) -> [I16x16; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *x;
    let first = rotate_16(rotate_16(rotate_16([a, b, c, d, e, f, g, h])));
    let second = rotate_16(rotate_16(rotate_16([i, j, k, l, m, n, o, p])));
    let mut out = *x;
    for i in 0..8 {
        out[i] = _mm256_permute2x128_si256::<0x20>(first[i], second[i]);
        out[i + 8] = _mm256_permute2x128_si256::<0x31>(first[i], second[i]);
    }
    out
}

/// Adds rows of 16 residuals to the samples from column `x` on.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_rows_16<const H: usize>(rows: &[I16x16; H], (dst, stride): Target<'_>, x: usize) {
    let factor = _mm256_set1_epi16(shift_factor(Vp9TxSize::Tx16));
    let mut window = window_mut::<16, H>(dst, x, stride);
    for (y, row) in rows.iter().enumerate() {
        let to = window.row_mut(y);
        let samples = _mm256_cvtepu8_epi16(load_u8x16(to));
        let sum = _mm256_add_epi16(samples, _mm256_mulhrs_epi16(*row, factor));
        let packed = _mm256_permute4x64_epi64::<0b10_00>(_mm256_packus_epi16(sum, sum));
        store_u8x16(to, _mm256_castsi256_si128(packed));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_4x4(kind: Vp9TxKind, coeffs: &Coefficients, (dst, stride): Target<'_>) {
    let pass = |x, is_adst| if is_adst { narrow::adst_4(x) } else { narrow::dct_4::<Used4>(x) };
    let transpose = |x: [__m128i; 4]| {
        let (a, b) = (_mm_unpacklo_epi16(x[0], x[1]), _mm_unpacklo_epi16(x[2], x[3]));
        let (c, d) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        [c, _mm_unpackhi_epi64(c, c), d, _mm_unpackhi_epi64(d, d)]
    };
    // The upper halves of the registers are not used.
    let (first, second) = (eight(coeffs, 0), eight(coeffs, 8));
    let high = |x| _mm_unpackhi_epi64(x, x);
    let columns = pass([first, high(first), second, high(second)], kind.has_adst_rows());
    let rows = pass(transpose(columns), kind.has_adst_columns());
    let factor = _mm_set1_epi16(shift_factor(Vp9TxSize::Tx4));
    let mut window = window_mut::<4, 4>(dst, 0, stride);
    for (y, row) in rows.into_iter().enumerate() {
        let to = window.row_mut(y);
        let samples = _mm_cvtepu8_epi16(load_u8x4(to));
        let sum = _mm_add_epi16(samples, _mm_mulhrs_epi16(row, factor));
        store_u8x4(to, _mm_packus_epi16(sum, sum));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_8x8<U: Used>(kind: Vp9TxKind, coeffs: &Coefficients, (dst, stride): Target<'_>) {
    let pass = |x, is_adst| if is_adst { narrow::adst_8(x) } else { narrow::dct_8::<U>(x) };
    let mut columns = [_mm_setzero_si128(); 8];
    for (x, column) in columns.iter_mut().enumerate().take(U::COUNT) {
        *column = eight(coeffs, 8 * x);
    }
    let rows = transpose_8x8(pass(columns, kind.has_adst_rows()));
    let rows = pass(rows, kind.has_adst_columns());
    let factor = _mm_set1_epi16(shift_factor(Vp9TxSize::Tx8));
    let mut window = window_mut::<8, 8>(dst, 0, stride);
    for (y, row) in rows.into_iter().enumerate() {
        let to = window.row_mut(y);
        let samples = _mm_cvtepu8_epi16(load_u8x8(to));
        let sum = _mm_add_epi16(samples, _mm_mulhrs_epi16(row, factor));
        store_u8x8(to, _mm_packus_epi16(sum, sum));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_16x16(kind: Vp9TxKind, coeffs: &Coefficients, to: Target<'_>) {
    let pass = |x, is_adst| if is_adst { wide::adst_16(x) } else { wide::dct_16::<Used16>(x) };
    let mut columns = [_mm256_setzero_si256(); 16];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = sixteen(coeffs, 16 * x);
    }
    let rows = transpose_16x16(&pass(columns, kind.has_adst_rows()));
    add_rows_16(&pass(rows, kind.has_adst_columns()), to, 0);
}

/// 16 columns of 8 rows each to 8 rows.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn rows_of(columns: &[__m128i; 16]) -> [I16x16; 8] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *columns;
    let left = transpose_8x8([a, b, c, d, e, f, g, h]);
    let right = transpose_8x8([i, j, k, l, m, n, o, p]);
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = _mm256_set_m128i(right[y], left[y]);
    }
    rows
}

/// A DCT with coefficients in its first 8 rows and columns at most.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_corner_of_16x16<U: Used>(coeffs: &Coefficients, to: Target<'_>) {
    let mut columns = [_mm_setzero_si128(); 16];
    for (x, column) in columns.iter_mut().enumerate().take(U::COUNT) {
        *column = eight(coeffs, 16 * x);
    }
    let mut rows = [_mm256_setzero_si256(); 16];
    rows[..8].copy_from_slice(&rows_of(&narrow::dct_16::<U>(columns)));
    add_rows_16(&wide::dct_16::<U>(rows), to, 0);
}

/// A DCT with coefficients in its first 8 rows and columns at most.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_corner_of_32x32<U: Used>(coeffs: &Coefficients, (dst, stride): Target<'_>) {
    let mut columns = [_mm_setzero_si128(); 32];
    for (x, column) in columns.iter_mut().enumerate().take(U::COUNT) {
        *column = eight(coeffs, 32 * x);
    }
    let columns = narrow::dct_32::<U>(&columns);
    for (columns, x) in columns.as_chunks::<16>().0.iter().zip([0, 16]) {
        let mut rows = [_mm256_setzero_si256(); 32];
        rows[..8].copy_from_slice(&rows_of(columns));
        add_rows_16(&wide::dct_32::<U>(&rows), (dst, stride), x);
    }
}

/// A DCT with coefficients in its first `N` rows and columns (16 or 32) at most.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_32x32<U: Used, const N: usize>(coeffs: &Coefficients, (dst, stride): Target<'_>) {
    let zero = _mm256_setzero_si256();
    // The left and the right half of each row.
    let mut rows = [[zero; 32]; 2];
    for y in (0..N).step_by(16) {
        let mut columns = [zero; 32];
        for (x, column) in columns.iter_mut().enumerate().take(U::COUNT) {
            *column = sixteen(coeffs, 32 * x + y);
        }
        let columns = wide::dct_32::<U>(&columns);
        for (rows, columns) in rows.iter_mut().zip(columns.as_chunks::<16>().0) {
            rows[y..y + 16].copy_from_slice(&transpose_16x16(columns));
        }
    }
    for (rows, x) in rows.iter().zip([0, 16]) {
        add_rows_16(&wide::dct_32::<U>(rows), (dst, stride), x);
    }
}
