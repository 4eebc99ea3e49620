//! `WebAssembly` kernels: safe `#[target_feature]` functions; only loads and stores need `unsafe`.

mod memory;
mod ops;

pub(crate) mod simd128;
