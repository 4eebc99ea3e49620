//! Scalar reference kernel: deblocking filter of H.264 (ITU-T H.264, clause 8.7.2).
//!
//! A segment is the run of pixels across an edge, `p3 p2 p1 p0 | q0 q1 q2 q3`.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples are clamped, or are means of bytes"
)]

use crate::types::{DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength};
use crate::view::WindowMut;

fn is_filtered([p1, p0, q0, q1]: [u8; 4], edge: DeblockEdge) -> bool {
    p0.abs_diff(q0) < edge.alpha && p1.abs_diff(p0) < edge.beta && q1.abs_diff(q0) < edge.beta
}

/// Moves `p0` and `q0` towards each other by at most `limit`.
fn adjust([p1, p0, q0, q1]: [u8; 4], limit: i32) -> [u8; 2] {
    let [p1, p0, q0, q1] = [p1, p0, q0, q1].map(i32::from);
    let delta = ((((q0 - p0) << 2) + (p1 - q1) + 4) >> 3).clamp(-limit, limit);
    [(p0 + delta).clamp(0, 255) as u8, (q0 - delta).clamp(0, 255) as u8]
}

/// `p1` or `q1` after the normal filter.
fn outer(x2: u8, x1: u8, p0: u8, q0: u8, tc0: i32) -> u8 {
    let mean = (i32::from(p0) + i32::from(q0) + 1) >> 1;
    let change = (i32::from(x2) + mean - 2 * i32::from(x1)) >> 1;
    (i32::from(x1) + change.clamp(-tc0, tc0)) as u8
}

/// The side `x3 x2 x1 x0` of a segment after the strong filter; `y0` and `y1` are on the other side.
fn strong_side([x3, x2, x1, x0]: [u8; 4], y0: u8, y1: u8, is_smooth: bool) -> [u8; 4] {
    let [s3, s2, s1, s0, t0, t1] = [x3, x2, x1, x0, y0, y1].map(u32::from);
    if !is_smooth {
        return [x3, x2, x1, ((2 * s1 + s0 + t1 + 2) >> 2) as u8];
    }
    [
        x3,
        ((2 * s3 + 3 * s2 + s1 + s0 + t0 + 4) >> 3) as u8,
        ((s2 + s1 + s0 + t0 + 2) >> 2) as u8,
        ((s2 + 2 * s1 + 2 * s0 + 2 * t0 + t1 + 4) >> 3) as u8,
    ]
}

fn luma_segment(segment: [u8; 8], edge: DeblockEdge, part: usize) -> [u8; 8] {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = segment;
    if !is_filtered([p1, p0, q0, q1], edge) {
        return segment;
    }
    let (p_flat, q_flat) = (p2.abs_diff(p0) < edge.beta, q2.abs_diff(q0) < edge.beta);
    match edge.strength {
        EdgeStrength::Strong => {
            let is_small = p0.abs_diff(q0) < (edge.alpha >> 2) + 2;
            let p = strong_side([p3, p2, p1, p0], q0, q1, is_small && p_flat);
            let q = strong_side([q3, q2, q1, q0], p0, p1, is_small && q_flat);
            [p[0], p[1], p[2], p[3], q[3], q[2], q[1], q[0]]
        }
        EdgeStrength::Normal(tc0) => {
            let tc0 = i32::from(tc0[part]);
            if tc0 < 0 {
                return segment;
            }
            let limit = tc0 + i32::from(p_flat) + i32::from(q_flat);
            let [new_p0, new_q0] = adjust([p1, p0, q0, q1], limit);
            let new_p1 = if p_flat { outer(p2, p1, p0, q0, tc0) } else { p1 };
            let new_q1 = if q_flat { outer(q2, q1, p0, q0, tc0) } else { q1 };
            [p3, p2, new_p1, new_p0, new_q0, new_q1, q2, q3]
        }
    }
}

fn chroma_segment(segment: [u8; 4], edge: DeblockEdge, part: usize) -> [u8; 4] {
    let [p1, p0, q0, q1] = segment;
    if !is_filtered(segment, edge) {
        return segment;
    }
    match edge.strength {
        EdgeStrength::Strong => {
            let weak =
                |x1, x0, y1| ((2 * u32::from(x1) + u32::from(x0) + u32::from(y1) + 2) >> 2) as u8;
            [p1, weak(p1, p0, q1), weak(q1, q0, p1), q1]
        }
        EdgeStrength::Normal(tc0) => {
            let tc0 = i32::from(tc0[part]);
            if tc0 < 0 {
                return segment;
            }
            let [p0, q0] = adjust(segment, tc0 + 1);
            [p1, p0, q0, q1]
        }
    }
}

/// Applies `filter` across the edge between `above` and `below`, each half of the segment. The last
/// argument of `filter` is the quarter of the edge.
fn across_rows<const W: usize, const H: usize, const N: usize>(
    above: &mut WindowMut<'_, W, H>,
    below: &mut WindowMut<'_, W, H>,
    filter: impl Fn([u8; N], usize) -> [u8; N],
) {
    const { assert!(2 * H == N, "half of the segment on each side") };
    for x in 0..W {
        let segment =
            std::array::from_fn(|y| if y < H { above.row(y)[x] } else { below.row(y - H)[x] });
        let result = filter(segment, 4 * x / W);
        for y in 0..H {
            above.row_mut(y)[x] = result[y];
            below.row_mut(y)[x] = result[H + y];
        }
    }
}

/// Applies `filter` across the vertical edge in the middle of `pixels`.
fn across_columns<const N: usize, const H: usize>(
    pixels: &mut WindowMut<'_, N, H>,
    filter: impl Fn([u8; N], usize) -> [u8; N],
) {
    for y in 0..H {
        *pixels.row_mut(y) = filter(*pixels.row(y), 4 * y / H);
    }
}

pub(crate) fn h264_deblock_luma_h(
    mut above: WindowMut<'_, 16, 4>,
    mut below: WindowMut<'_, 16, 4>,
    edge: DeblockEdge,
) {
    across_rows(&mut above, &mut below, |segment, part| luma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_luma_v(mut pixels: WindowMut<'_, 8, 16>, edge: DeblockEdge) {
    across_columns(&mut pixels, |segment, part| luma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_luma_v_8(mut pixels: WindowMut<'_, 8, 8>, edge: DeblockEdge) {
    across_columns(&mut pixels, |segment, part| luma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_chroma_h(
    mut above: WindowMut<'_, 8, 2>,
    mut below: WindowMut<'_, 8, 2>,
    edge: DeblockEdge,
) {
    across_rows(&mut above, &mut below, |segment, part| chroma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_chroma_v(mut pixels: WindowMut<'_, 4, 8>, edge: DeblockEdge) {
    across_columns(&mut pixels, |segment, part| chroma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_chroma_v_4(mut pixels: WindowMut<'_, 4, 4>, edge: DeblockEdge) {
    across_columns(&mut pixels, |segment, part| chroma_segment(segment, edge, part));
}

pub(crate) fn h264_deblock_chroma_pair_h(planes: [WindowMut<'_, 8, 4>; 2], edge: DeblockEdge) {
    for plane in planes {
        let (above, below) = plane.into_row_halves();
        h264_deblock_chroma_h(above, below, edge);
    }
}

pub(crate) fn h264_deblock_chroma_pair_v(planes: [WindowMut<'_, 4, 8>; 2], edge: DeblockEdge) {
    for plane in planes {
        h264_deblock_chroma_v(plane, edge);
    }
}

/// Applies `filter` to an edge of each chroma plane.
fn chroma_edges<const W: usize, const H: usize>(
    planes: [WindowMut<'_, W, H>; 2],
    thresholds: [&DeblockThresholds; 3],
    strengths: [u8; 4],
    filter: impl Fn(WindowMut<'_, W, H>, DeblockEdge),
) {
    for (plane, thresholds) in planes.into_iter().zip(&thresholds[1..]) {
        if let Some(edge) = thresholds.edge(strengths) {
            filter(plane, edge);
        }
    }
}

pub(crate) fn h264_deblock_mb(
    mut luma: WindowMut<'_, 20, 20>,
    chroma: [WindowMut<'_, 12, 10>; 2],
    edges: &DeblockMb<'_>,
) {
    let [mut cb, mut cr] = chroma;
    for (n, strengths) in edges.strengths[0].into_iter().enumerate() {
        let thresholds = if n == 0 { edges.outer[0] } else { edges.inner };
        if let Some(edge) = thresholds[0].edge(strengths) {
            h264_deblock_luma_v(luma.sub(4 * n, 4), edge);
        }
        if n % 2 == 0 {
            let planes = [cb.sub(2 + 2 * n, 2), cr.sub(2 + 2 * n, 2)];
            chroma_edges(planes, thresholds, strengths, h264_deblock_chroma_v);
        }
    }
    for (n, strengths) in edges.strengths[1].into_iter().enumerate() {
        let thresholds = if n == 0 { edges.outer[1] } else { edges.inner };
        if let Some(edge) = thresholds[0].edge(strengths) {
            let (above, below) = luma.sub::<16, 8>(4, 4 * n).into_row_halves();
            h264_deblock_luma_h(above, below, edge);
        }
        if n % 2 == 0 {
            let planes = [cb.sub::<8, 4>(4, 2 * n), cr.sub(4, 2 * n)];
            chroma_edges(planes, thresholds, strengths, |plane, edge| {
                let (above, below) = plane.into_row_halves();
                h264_deblock_chroma_h(above, below, edge);
            });
        }
    }
}
