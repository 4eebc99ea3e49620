//! Kernels for instruction sets with 128-bit registers, written once in a vocabulary that each set
//! implements with its instructions (`ops` and `memory` of `aarch64` and `wasm32`).
//!
//! A macro per subject, instantiated by the level's file of the same name, so that all functions
//! carry the level's features. Each operation takes one to three instructions on every set; if a
//! set has a better instruction for a kernel, its file has a kernel of its own.

pub(crate) mod cost;
mod loop_filter;
mod pixels;
pub(crate) mod predict;
mod transform;

pub(crate) use cost::lanes_cost;
pub(crate) use loop_filter::lanes_loop_filter;
pub(crate) use pixels::lanes_pixels;
pub(crate) use predict::lanes_predict;
pub(crate) use transform::lanes_transform;
