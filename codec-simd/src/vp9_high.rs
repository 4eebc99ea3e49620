//! VP9's kernels for samples of 10 and 12 bits. They are scalar only and have no entry in
//! [`crate::Kernels`]. Each corresponds to the 8-bit entry whose name has the prefix `vp9_`, for
//! example `predict` to `vp9_predict`; `depth` is the number of bits per sample.

use crate::scalar::vp9::{intra, loop_filter, motion, transform};
use crate::vp9::{Vp9Edges, Vp9IntraEdges, Vp9IntraMode, Vp9Motion, Vp9TxKind, Vp9TxSize};

/// As [`crate::Kernels::vp9_inverse_transform`].
///
/// # Panics
/// If `dst` is too short for the block.
pub fn inverse_transform(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    coeffs: &mut [i32; 1024],
    positions: u16,
    depth: u8,
    dst: &mut [u16],
    stride: usize,
) {
    transform::inverse_high(size, kind, coeffs, positions, depth, dst, stride);
}

/// As [`crate::Kernels::vp9_predict`].
///
/// # Panics
/// If `src` or `dst` is too short for the block.
pub fn predict(
    motion: Vp9Motion,
    depth: u8,
    src: &[u16],
    src_stride: usize,
    dst: &mut [u16],
    dst_stride: usize,
) {
    motion::predict(motion, depth, src, src_stride, dst, dst_stride);
}

/// As [`crate::Kernels::vp9_predict_scaled`].
///
/// # Panics
/// If `src` or `dst` is too short for the block.
pub fn predict_scaled(
    motion: Vp9Motion,
    steps: [u8; 2],
    depth: u8,
    src: &[u16],
    src_stride: usize,
    dst: &mut [u16],
    dst_stride: usize,
) {
    motion::predict_scaled(motion, steps, depth, src, src_stride, dst, dst_stride);
}

/// As [`crate::Kernels::vp9_predict_intra`].
///
/// # Panics
/// If `dst` is too short for the block.
pub fn predict_intra(
    mode: Vp9IntraMode,
    size: Vp9TxSize,
    edges: &Vp9IntraEdges<u16>,
    depth: u8,
    dst: &mut [u16],
    stride: usize,
) {
    intra::predict(mode, size, edges, depth, dst, stride);
}

/// As [`crate::Kernels::vp9_filter_v`].
///
/// # Panics
/// If the samples of the edge are not in `plane`.
pub fn filter_v(depth: u8, plane: &mut [u16], stride: usize, at: usize, edges: &Vp9Edges) {
    loop_filter::filter_edges(depth, plane, [1, stride], at, edges);
}

/// As [`crate::Kernels::vp9_filter_h`].
///
/// # Panics
/// If the samples of the edge are not in `plane`.
pub fn filter_h(depth: u8, plane: &mut [u16], stride: usize, at: usize, edges: &Vp9Edges) {
    loop_filter::filter_edges(depth, plane, [stride, 1], at, edges);
}
