//! `AArch64` kernels: safe `#[target_feature]` functions; only loads and stores need `unsafe`.

mod memory;
mod ops;
mod registers;

pub(crate) mod neon;
