//! Scalar reference kernels: inverse transforms (ITU-T H.264, clauses 8.5.12 and 8.5.13).
#![expect(clippy::cast_sign_loss, reason = "samples are clamped before the cast")]

use crate::view::WindowMut;

/// The one-dimensional 4-point transform.
fn inverse_4([a, b, c, d]: [i16; 4]) -> [i16; 4] {
    let (e0, e1) = (a.wrapping_add(c), a.wrapping_sub(c));
    let (e2, e3) = ((b >> 1).wrapping_sub(d), b.wrapping_add(d >> 1));
    [e0.wrapping_add(e3), e1.wrapping_add(e2), e1.wrapping_sub(e2), e0.wrapping_sub(e3)]
}

/// The one-dimensional 8-point transform.
fn inverse_8(x: [i16; 8]) -> [i16; 8] {
    let add = i16::wrapping_add;
    let sub = i16::wrapping_sub;
    let a0 = add(x[0], x[4]);
    let a2 = sub(x[0], x[4]);
    let a4 = sub(x[2] >> 1, x[6]);
    let a6 = add(x[2], x[6] >> 1);
    let even = [add(a0, a6), add(a2, a4), sub(a2, a4), sub(a0, a6)];
    let a1 = sub(sub(sub(x[5], x[3]), x[7]), x[7] >> 1);
    let a3 = sub(sub(add(x[1], x[7]), x[3]), x[3] >> 1);
    let a5 = add(add(sub(x[7], x[1]), x[5]), x[5] >> 1);
    let a7 = add(add(add(x[3], x[5]), x[1]), x[1] >> 1);
    let b1 = add(a1, a7 >> 2);
    let b7 = sub(a7, a1 >> 2);
    let b3 = add(a3, a5 >> 2);
    let b5 = sub(a3 >> 2, a5);
    [
        add(even[0], b7),
        add(even[1], b5),
        add(even[2], b3),
        add(even[3], b1),
        sub(even[3], b1),
        sub(even[2], b3),
        sub(even[1], b5),
        sub(even[0], b7),
    ]
}

fn transposed<const N: usize>(x: [[i16; N]; N]) -> [[i16; N]; N] {
    std::array::from_fn(|i| std::array::from_fn(|j| x[j][i]))
}

/// Adds the residual, rounded, to `dst`.
fn add_rounded<const N: usize>(residual: &[[i16; N]; N], dst: &mut WindowMut<'_, N, N>) {
    for (y, residual) in residual.iter().enumerate() {
        for (pixel, residual) in dst.row_mut(y).iter_mut().zip(residual) {
            let rounded = i32::from(residual.wrapping_add(32) >> 6);
            *pixel = (i32::from(*pixel) + rounded).clamp(0, 255) as u8;
        }
    }
}

pub(crate) fn h264_idct_add_4x4(coeffs: &[i16; 16], mut dst: WindowMut<'_, 4, 4>) {
    // Columns of coefficients in memory: the first pass over `i` transforms rows.
    let columns: [[i16; 4]; 4] =
        std::array::from_fn(|x| std::array::from_fn(|y| coeffs[4 * x + y]));
    let rows = transposed(columns).map(inverse_4);
    let columns = transposed(rows).map(inverse_4);
    add_rounded(&transposed(columns), &mut dst);
}

pub(crate) fn h264_idct_add_8x8(coeffs: &[i16; 64], mut dst: WindowMut<'_, 8, 8>) {
    let columns: [[i16; 8]; 8] =
        std::array::from_fn(|x| std::array::from_fn(|y| coeffs[8 * x + y]));
    let rows = transposed(columns).map(inverse_8);
    let columns = transposed(rows).map(inverse_8);
    add_rounded(&transposed(columns), &mut dst);
}

pub(crate) fn h264_idct_add_luma(
    coeffs: &[[i16; 16]; 16],
    mask: u32,
    mut dst: WindowMut<'_, 16, 16>,
) {
    for (n, coeffs) in coeffs.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1) {
        let (x, y) = super::luma_origin(n);
        h264_idct_add_4x4(coeffs, dst.sub(x, y));
    }
}

pub(crate) fn h264_idct_add_chroma(
    coeffs: &[[i16; 16]; 4],
    mask: u32,
    mut dst: WindowMut<'_, 8, 8>,
) {
    for (n, coeffs) in coeffs.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1) {
        h264_idct_add_4x4(coeffs, dst.sub(4 * (n % 2), 4 * (n / 2)));
    }
}
