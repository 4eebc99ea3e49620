//! x86-64 kernels: safe `#[target_feature]` functions; only loads and stores need `unsafe`.
//!
//! A level names the kernels that it improves and inherits the rest from the level below: each file
//! of a level has a function `over` that replaces entries of the table below.

mod loop_filter_128;
mod memory;
mod transform_128;
mod transform_group;

pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod sse41;
