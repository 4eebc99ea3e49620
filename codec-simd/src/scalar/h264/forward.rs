//! Scalar reference kernels: forward transforms of H.264, the counterparts of the inverse
//! transforms in ITU-T H.264, clauses 8.5.12 and 8.5.13.

use crate::types::{Block16, BlockUv};
use crate::view::Window;

/// The one-dimensional 4-point transform.
fn forward_4([a, b, c, d]: [i16; 4]) -> [i16; 4] {
    let (sum_ad, sum_bc, dif_ad, dif_bc) = (a + d, b + c, a - d, b - c);
    [sum_ad + sum_bc, 2 * dif_ad + dif_bc, sum_ad - sum_bc, dif_ad - 2 * dif_bc]
}

/// The one-dimensional 8-point transform.
fn forward_8(x: [i16; 8]) -> [i16; 8] {
    let sum: [i16; 4] = std::array::from_fn(|i| x[i] + x[7 - i]);
    let [d0, d1, d2, d3] = std::array::from_fn(|i| x[i] - x[7 - i]);
    let (outer, inner) = (sum[0] + sum[3], sum[1] + sum[2]);
    let (outer_less, inner_less) = (sum[0] - sum[3], sum[1] - sum[2]);
    let a = d1 + d2 + (d0 + (d0 >> 1));
    let b = d0 - d3 - (d2 + (d2 >> 1));
    let c = d0 + d3 - (d1 + (d1 >> 1));
    let d = d1 - d2 + (d3 + (d3 >> 1));
    [
        outer + inner,
        a + (d >> 2),
        outer_less + (inner_less >> 1),
        b + (c >> 2),
        outer - inner,
        c - (b >> 2),
        (outer_less >> 1) - inner_less,
        (a >> 2) - d,
    ]
}

/// Transforms `cur - pred`; the result is in columns.
fn transformed<const N: usize>(
    cur: Window<'_, N, N>,
    pred: Window<'_, N, N>,
    forward: impl Fn([i16; N]) -> [i16; N],
) -> [[i16; N]; N] {
    use std::array::from_fn;
    let difference = |x: usize, y: usize| i16::from(cur.row(y)[x]) - i16::from(pred.row(y)[x]);
    let columns: [[i16; N]; N] = from_fn(|x| forward(from_fn(|y| difference(x, y))));
    let rows: [[i16; N]; N] = from_fn(|y| forward(from_fn(|x| columns[x][y])));
    from_fn(|x| from_fn(|y| rows[y][x]))
}

pub(crate) fn h264_fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
    let columns = transformed(cur, pred, forward_4);
    coeffs.copy_from_slice(columns.as_flattened());
}

pub(crate) fn h264_fdct_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>, coeffs: &mut [i16; 64]) {
    let columns = transformed(cur, pred, forward_8);
    coeffs.copy_from_slice(columns.as_flattened());
}

pub(crate) fn h264_fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    for (n, coeffs) in coeffs.iter_mut().enumerate() {
        let (x, y) = super::luma_origin(n);
        h264_fdct_4x4(cur.sub(x, y), pred.sub(x, y), coeffs);
    }
}

pub(crate) fn h264_fdct_luma_8x8(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 64]; 4]) {
    for (n, coeffs) in coeffs.iter_mut().enumerate() {
        let (x, y) = (n % 2 * 8, n / 2 * 8);
        h264_fdct_8x8(cur.sub(x, y), pred.sub(x, y), coeffs);
    }
}

pub(crate) fn h264_fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    for (n, coeffs) in coeffs.iter_mut().enumerate() {
        let (plane, x, y) = (n / 4, n % 2 * 4, n / 2 % 2 * 4);
        h264_fdct_4x4(cur.plane(plane).sub(x, y), pred.plane(plane).sub(x, y), coeffs);
    }
}
