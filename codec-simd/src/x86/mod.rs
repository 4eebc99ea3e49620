//! x86-64 kernels: safe `#[target_feature]` functions; only loads and stores need `unsafe`.
//!
//! A level implements only the kernels that it improves and inherits the others from the next lower
//! level: each file of a level has a function `over`, which takes a kernel table and replaces the
//! entries that the file implements.

mod loop_filter_128;
mod memory;
mod ops;
mod transform_128;
mod transform_group;
mod vmaf;

pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod sse41;
