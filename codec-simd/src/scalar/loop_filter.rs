//! Scalar reference kernels: loop filters of VP8 (RFC 6386, section 15).
//!
//! A segment is the run of pixels across an edge, `p3 p2 p1 p0 | q0 q1 q2 q3`.

use crate::loop_filter_pairs::loop_filter_pairs;
use crate::types::EdgeLimits;
use crate::view::WindowMut;

/// Section 15.2: the pixels next to the edge differ by at most `limit`.
fn within_edge_limit([p1, p0, q0, q1]: [u8; 4], limit: u8) -> bool {
    let twice = p0.abs_diff(q0).saturating_mul(2);
    twice.saturating_add(p1.abs_diff(q1) / 2) <= limit
}

/// Section 15.3, `filter_yes`.
fn is_filtered(segment: &[u8; 8], limits: EdgeLimits) -> bool {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *segment;
    let neighbours = [(p3, p2), (p2, p1), (p1, p0), (q0, q1), (q1, q2), (q2, q3)];
    within_edge_limit([p1, p0, q0, q1], limits.edge)
        && neighbours.iter().all(|(a, b)| a.abs_diff(*b) <= limits.interior)
}

/// Section 15.3: one of the neighbours of the edge has high variance.
fn is_rough(segment: &[u8; 8], limits: EdgeLimits) -> bool {
    let [_, _, p1, p0, q0, q1, ..] = *segment;
    p1.abs_diff(p0) > limits.hev || q1.abs_diff(q0) > limits.hev
}

fn clamp(x: i32) -> i32 {
    x.clamp(-128, 127)
}

fn signed(pixel: u8) -> i32 {
    i32::from(pixel) - 128
}

fn pixel(signed: i32) -> u8 {
    u8::try_from(clamp(signed) + 128).unwrap_or(u8::MAX)
}

/// Moves the two pixels next to the edge towards each other (section 15.2, `common_adjust`) and
/// returns the change of `q0`.
fn adjust([p1, p0, q0, q1]: [&mut u8; 4], use_outer: bool) -> i32 {
    let outer = if use_outer { clamp(signed(*p1) - signed(*q1)) } else { 0 };
    let w = clamp(outer + 3 * (signed(*q0) - signed(*p0)));
    let (for_q, for_p) = (clamp(w + 4) >> 3, clamp(w + 3) >> 3);
    *q0 = pixel(signed(*q0) - for_q);
    *p0 = pixel(signed(*p0) + for_p);
    for_q
}

fn simple_segment(segment: &mut [u8; 4], limit: u8) {
    if within_edge_limit(*segment, limit) {
        adjust(segment.each_mut(), true);
    }
}

fn inner_segment(segment: &mut [u8; 8], limits: EdgeLimits) {
    if !is_filtered(segment, limits) {
        return;
    }
    let rough = is_rough(segment, limits);
    let [_, _, p1, p0, q0, q1, ..] = segment;
    let change = (adjust([p1, p0, q0, q1], rough) + 1) >> 1;
    if !rough {
        *q1 = pixel(signed(*q1) - change);
        *p1 = pixel(signed(*p1) + change);
    }
}

fn mb_segment(segment: &mut [u8; 8], limits: EdgeLimits) {
    if !is_filtered(segment, limits) {
        return;
    }
    let rough = is_rough(segment, limits);
    let [_, p2, p1, p0, q0, q1, q2, _] = segment;
    if rough {
        adjust([p1, p0, q0, q1], true);
        return;
    }
    let outer = clamp(signed(*p1) - signed(*q1));
    let w = clamp(outer + 3 * (signed(*q0) - signed(*p0)));
    for (p, q, weight) in [(p0, q0, 27), (p1, q1, 18), (p2, q2, 9)] {
        let change = clamp((weight * w + 63) >> 7);
        *q = pixel(signed(*q) - change);
        *p = pixel(signed(*p) + change);
    }
}

/// Applies `filter` across the edge between `above` and `below`, each `H` rows of the segment.
fn across_rows<const W: usize, const H: usize, const N: usize>(
    mut above: WindowMut<'_, W, H>,
    mut below: WindowMut<'_, W, H>,
    filter: impl Fn(&mut [u8; N]),
) {
    const { assert!(2 * H == N, "half of the segment on each side") };
    for x in 0..W {
        let mut segment = [0; N];
        for y in 0..H {
            segment[y] = above.row(y)[x];
            segment[H + y] = below.row(y)[x];
        }
        filter(&mut segment);
        for y in 0..H {
            above.row_mut(y)[x] = segment[y];
            below.row_mut(y)[x] = segment[H + y];
        }
    }
}

/// Applies `filter` across the horizontal edge above row `y`.
fn across_inner_rows<const W: usize, const H: usize, const N: usize>(
    pixels: &mut WindowMut<'_, W, H>,
    y: usize,
    filter: impl Fn(&mut [u8; N]),
) {
    for x in 0..W {
        let mut segment = std::array::from_fn(|i| pixels.row(y + i - N / 2)[x]);
        filter(&mut segment);
        for (i, value) in segment.into_iter().enumerate() {
            pixels.row_mut(y + i - N / 2)[x] = value;
        }
    }
}

/// Applies `filter` across the vertical edge left of column `x`.
fn across_columns<const W: usize, const H: usize, const N: usize>(
    pixels: &mut WindowMut<'_, W, H>,
    x: usize,
    filter: impl Fn(&mut [u8; N]),
) {
    for y in 0..H {
        let row = pixels.row_mut(y);
        let mut segment = std::array::from_fn(|i| row[x + i - N / 2]);
        filter(&mut segment);
        row[x - N / 2..][..N].copy_from_slice(&segment);
    }
}

pub(crate) fn filter_mb_edge_h_16(
    above: WindowMut<'_, 16, 4>,
    below: WindowMut<'_, 16, 4>,
    limits: EdgeLimits,
) {
    across_rows(above, below, |segment| mb_segment(segment, limits));
}

pub(crate) fn filter_mb_edge_v_16(mut pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits) {
    across_columns(&mut pixels, 4, |segment| mb_segment(segment, limits));
}

pub(crate) fn filter_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    for y in [4, 8, 12] {
        across_inner_rows(&mut mb, y, |segment| inner_segment(segment, limits));
    }
}

pub(crate) fn filter_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    for x in [4, 8, 12] {
        across_columns(&mut mb, x, |segment| inner_segment(segment, limits));
    }
}

pub(crate) fn filter_mb_edge_h_uv(
    u_above: WindowMut<'_, 8, 4>,
    u_below: WindowMut<'_, 8, 4>,
    v_above: WindowMut<'_, 8, 4>,
    v_below: WindowMut<'_, 8, 4>,
    limits: EdgeLimits,
) {
    across_rows(u_above, u_below, |segment| mb_segment(segment, limits));
    across_rows(v_above, v_below, |segment| mb_segment(segment, limits));
}

pub(crate) fn filter_mb_edge_v_uv(
    mut u: WindowMut<'_, 8, 8>,
    mut v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    across_columns(&mut u, 4, |segment| mb_segment(segment, limits));
    across_columns(&mut v, 4, |segment| mb_segment(segment, limits));
}

pub(crate) fn filter_inner_edge_h_uv(
    mut u: WindowMut<'_, 8, 8>,
    mut v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    across_inner_rows(&mut u, 4, |segment| inner_segment(segment, limits));
    across_inner_rows(&mut v, 4, |segment| inner_segment(segment, limits));
}

pub(crate) fn filter_inner_edge_v_uv(
    mut u: WindowMut<'_, 8, 8>,
    mut v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    across_columns(&mut u, 4, |segment| inner_segment(segment, limits));
    across_columns(&mut v, 4, |segment| inner_segment(segment, limits));
}

pub(crate) fn simple_edge_h_16(
    above: WindowMut<'_, 16, 2>,
    below: WindowMut<'_, 16, 2>,
    limit: u8,
) {
    across_rows(above, below, |segment| simple_segment(segment, limit));
}

pub(crate) fn simple_edge_v_16(mut pixels: WindowMut<'_, 4, 16>, limit: u8) {
    across_columns(&mut pixels, 2, |segment| simple_segment(segment, limit));
}

pub(crate) fn simple_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
    for y in [4, 8, 12] {
        across_inner_rows(&mut mb, y, |segment| simple_segment(segment, limit));
    }
}

pub(crate) fn simple_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
    for x in [4, 8, 12] {
        across_columns(&mut mb, x, |segment| simple_segment(segment, limit));
    }
}

loop_filter_pairs!();
