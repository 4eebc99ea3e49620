//! Kernels for instruction sets with 128-bit registers, written once over vector operations that
//! each instruction set implements (`ops` and `memory` in `aarch64` and `wasm32`).
//!
//! Each file defines one macro. The file of the same name in each level expands it, so that all
//! functions have the level's `#[target_feature]`. Each operation takes one to three instructions
//! on every instruction set. If an instruction set has a better instruction for a kernel, its level
//! implements that kernel itself.

pub(crate) mod cost;
mod loop_filter;
mod pixels;
pub(crate) mod predict;
mod temporal;
mod transform;

pub(crate) use cost::lanes_cost;
pub(crate) use loop_filter::lanes_loop_filter;
pub(crate) use pixels::lanes_pixels;
pub(crate) use predict::lanes_predict;
pub(crate) use temporal::lanes_temporal;
pub(crate) use transform::lanes_transform;
