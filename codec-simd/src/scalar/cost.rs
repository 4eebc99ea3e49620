//! Costs: differences between a block and its prediction.

use super::predict::{bilinear, intra_4x4};
use crate::types::{Block16, BlockUv, Edges4, Error8x8, SubblockMode};
use crate::view::{Window, WindowMut};

/// Pairs of pixels at the same place, row by row.
fn pairs<const W: usize, const H: usize>(
    a: Window<'_, W, H>,
    b: Window<'_, W, H>,
) -> impl Iterator<Item = (u8, u8)> {
    (0..H).flat_map(move |y| a.row(y).iter().copied().zip(b.row(y).iter().copied()))
}

fn sad<const W: usize, const H: usize>(a: Window<'_, W, H>, b: Window<'_, W, H>) -> u32 {
    pairs(a, b).map(|(a, b)| u32::from(a.abs_diff(b))).sum()
}

fn sse<const W: usize, const H: usize>(a: Window<'_, W, H>, b: Window<'_, W, H>) -> u32 {
    pairs(a, b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

pub(crate) fn sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    sad(cur.window(), refp)
}

pub(crate) fn sad_16x16_x4(cur: &Block16, refs: [Window<'_, 16, 16>; 4]) -> [u32; 4] {
    refs.map(|refp| sad_16x16(cur, refp))
}

pub(crate) fn sad_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| sad_8x8(cur.sub(x, y), refp.sub(x, y)))
}

pub(crate) fn sad_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    sad(cur, refp)
}

pub(crate) fn sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4] {
    refs.map(|refp| sad(cur, refp))
}

pub(crate) fn sad_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    sad(cur, refp)
}

pub(crate) fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    sse(cur.window(), refp)
}

pub(crate) fn sse_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| sse_8x8(cur.sub(x, y), refp.sub(x, y)))
}

pub(crate) fn sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    sse(cur, refp)
}

pub(crate) fn sse_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    sse(cur, refp)
}

pub(crate) fn intra_4x4_all(
    cur: Window<'_, 4, 4>,
    edges: &Edges4,
    predictions: &mut [[[u8; 4]; 4]; 10],
) -> [u32; 10] {
    std::array::from_fn(|n| {
        intra_4x4(SubblockMode::ALL[n], edges, WindowMut::packed(&mut predictions[n]));
        sse_4x4(cur, Window::packed(&predictions[n]))
    })
}

pub(crate) fn errors_16x16(cur: &Block16, pred: Window<'_, 16, 16>) -> [Error8x8; 4] {
    [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| errors_8x8(cur.sub(x, y), pred.sub(x, y)))
}

pub(crate) fn errors_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>) -> Error8x8 {
    let sums = [(0, 0), (4, 0), (0, 4), (4, 4)].map(|(x, y)| {
        let pairs = pairs(cur.sub::<4, 4>(x, y), pred.sub::<4, 4>(x, y));
        pairs.map(|(a, b)| i32::from(a) - i32::from(b)).sum()
    });
    Error8x8::new(sse(cur, pred), sums)
}

pub(crate) fn sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32 {
    sse::<16, 8>(Window::packed(&cur.0), Window::packed(&refp.0))
}

pub(crate) fn moments_16x16(cur: &Block16) -> (u32, u32) {
    let pixels = || cur.0.as_flattened().iter().map(|&pixel| u32::from(pixel));
    (pixels().sum(), pixels().map(|pixel| pixel * pixel).sum())
}

/// Unnormalised four-point Hadamard transform, in any order.
fn hadamard4([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let (sum_ab, sum_cd, diff_ab, diff_cd) = (a + b, c + d, a - b, c - d);
    [sum_ab + sum_cd, sum_ab - sum_cd, diff_ab + diff_cd, diff_ab - diff_cd]
}

/// Sum of the absolute Hadamard coefficients of one 4x4 block.
fn transformed_sum(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    let rows: [[i32; 4]; 4] = std::array::from_fn(|y| {
        let difference = |x: usize| i32::from(cur.row(y)[x]) - i32::from(refp.row(y)[x]);
        hadamard4(std::array::from_fn(difference))
    });
    let column = |x: usize| hadamard4(rows.map(|row| row[x]));
    (0..4).flat_map(column).map(i32::unsigned_abs).sum()
}

fn satd<const W: usize, const H: usize>(cur: Window<'_, W, H>, refp: Window<'_, W, H>) -> u32 {
    let corners = (0..H).step_by(4).flat_map(|y| (0..W).step_by(4).map(move |x| (x, y)));
    corners.map(|(x, y)| transformed_sum(cur.sub(x, y), refp.sub(x, y))).sum::<u32>() / 2
}

pub(crate) fn satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    satd(cur.window(), refp)
}

pub(crate) fn satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    satd(cur, refp)
}

pub(crate) fn satd_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    satd(cur, refp)
}

/// The rounded mean of two windows.
fn mean<const N: usize>([a, b]: [Window<'_, N, N>; 2]) -> [[u8; N]; N] {
    use std::array::from_fn;
    from_fn(|y| from_fn(|x| a.row(y)[x].midpoint(b.row(y)[x]) + ((a.row(y)[x] ^ b.row(y)[x]) & 1)))
}

pub(crate) fn sad_mean_16x16(cur: &Block16, refs: [Window<'_, 16, 16>; 2]) -> u32 {
    sad(cur.window(), Window::packed(&mean(refs)))
}

pub(crate) fn sad_mean_8x8(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 2]) -> u32 {
    sad(cur, Window::packed(&mean(refs)))
}

pub(crate) fn satd_mean_16x16(cur: &Block16, refs: [Window<'_, 16, 16>; 2]) -> u32 {
    satd(cur.window(), Window::packed(&mean(refs)))
}

pub(crate) fn satd_mean_8x8(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 2]) -> u32 {
    satd(cur, Window::packed(&mean(refs)))
}

pub(crate) fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
    let mut prediction = Block16::default();
    bilinear(refp, fx, fy, &mut prediction.window_mut());
    sse(cur.window(), prediction.window())
}

pub(crate) fn sse_bilinear_16x16_quads(
    cur: &Block16,
    refp: Window<'_, 24, 17>,
    fx: u8,
    fy: u8,
) -> [u32; 4] {
    [(0, 0), (8, 0), (0, 8), (8, 8)]
        .map(|(x, y)| sse_bilinear_8x8(cur.sub(x, y), refp.sub(x, y), fx, fy))
}

pub(crate) fn sse_bilinear_8x8(
    cur: Window<'_, 8, 8>,
    refp: Window<'_, 16, 9>,
    fx: u8,
    fy: u8,
) -> u32 {
    let mut prediction = [[0; 8]; 8];
    bilinear(refp, fx, fy, &mut WindowMut::packed(&mut prediction));
    sse(cur, Window::packed(&prediction))
}

pub(crate) fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
    let offsets = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];
    offsets.map(|(x, y): (i8, i8)| {
        let whole = |offset| if offset < 0 { 0 } else { 1 };
        let fraction = |offset| if offset == 0 { 0 } else { 4 };
        sse_bilinear_16x16(cur, refp.sub(whole(x), whole(y)), fraction(x), fraction(y))
    })
}
