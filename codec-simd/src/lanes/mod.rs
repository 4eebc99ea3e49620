//! Kernels for instruction sets with 128-bit registers, written once over vector operations that
//! each instruction set implements (`ops` and `memory` in `aarch64`, `wasm32` and `x86`). On x86-64
//! only H.264, VP9, the prediction errors of 8x8 blocks, and the edges (load, transpose, store) of
//! VP8's loop filter use this code; the x86-64 levels implement all other kernels themselves.
//!
//! Each file defines macros. The files of the levels expand them, so that all functions have the
//! level's `#[target_feature]`. Each operation takes one to three instructions on every instruction
//! set. If an instruction set has a better instruction for a kernel, its level implements that kernel
//! itself.

#[cfg(not(target_arch = "x86_64"))]
pub(crate) mod cost;
mod entries;
mod errors;
mod h264_deblock;
mod h264_forward;
mod h264_half_planes;
pub(crate) mod h264_predict;
mod h264_quantise;
mod h264_transform;
mod loop_filter;
#[cfg(not(target_arch = "x86_64"))]
mod pixels;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) mod predict;
#[cfg(not(target_arch = "x86_64"))]
mod temporal;
#[cfg(not(target_arch = "x86_64"))]
mod transform;
pub(crate) mod vp9;
pub(crate) mod vp9_forward;
mod vp9_loop_filter;
pub(crate) mod vp9_transform;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use cost::lanes_cost;
pub(crate) use entries::replace_entries;
pub(crate) use errors::lanes_errors;
pub(crate) use h264_deblock::lanes_h264_deblock;
pub(crate) use h264_forward::{lanes_h264_forward, lanes_h264_forward_passes};
pub(crate) use h264_half_planes::lanes_h264_half_planes;
pub(crate) use h264_predict::{lanes_h264_predict, lanes_h264_predict_wide};
pub(crate) use h264_quantise::lanes_h264_quantise;
pub(crate) use h264_transform::lanes_h264_transform;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use loop_filter::lanes_loop_filter_segments;
pub(crate) use loop_filter::{lanes_loop_filter_edges, lanes_loop_filter_narrow_edges};
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use pixels::lanes_pixels;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use predict::lanes_predict;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use temporal::lanes_temporal;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use transform::lanes_transform;
pub(crate) use vp9::lanes_vp9;
pub(crate) use vp9_loop_filter::lanes_vp9_loop_filter;
