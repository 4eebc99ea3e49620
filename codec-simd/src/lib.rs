//! Pixel views, the kernel table and the row pool. With codec-ffi, this is the only crate of the
//! workspace that contains `unsafe`.
//!
//! No dependencies, and a safe public interface. [`Kernels`] is one table per instruction set,
//! chosen once and passed down; [`Window`] and [`WindowMut`] prove bounds once per block;
//! [`RowPool`] runs borrowed jobs on threads that park when idle.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
#[cfg(any(
    all(target_arch = "aarch64", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod lanes;
mod level;
mod level_bits;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod masks;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod origins;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod pairs;
mod pool;
mod scalar;
mod table;
mod types;
mod view;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::{Level, LevelError};
pub use pool::RowPool;
pub use table::Kernels;
pub use types::{
    Block16, BlockMask, BlockUv, Coeffs, EdgeLimits, Edges, Edges4, IntraMode, Quantiser,
    SubblockMode,
};
pub use view::{Layout, PlaneMut, PlaneRef, Window, WindowMut, prefetch_rows};
