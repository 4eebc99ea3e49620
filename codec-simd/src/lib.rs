//! Pixel views, the kernel table and the row pool. With codec-ffi, this is the only crate of the
//! workspace that contains `unsafe`.
//!
//! No dependencies, and a safe public interface. [`Kernels`] is one table per instruction set,
//! chosen once and passed down; [`Window`] and [`WindowMut`] prove bounds once per block;
//! [`RowPool`] runs borrowed jobs on threads that park when idle.
//!
//! # Example
//!
//! A kernel at the best level of this CPU, and its scalar twin, which every level must equal:
//!
//! ```
//! use codec_simd::{Block16, Kernels, Level, Window};
//!
//! let current = Block16([[10; 16]; 16]);
//! let reference = [[13; 16]; 16];
//! let best = Kernels::best().sad_16x16(&current, Window::packed(&reference));
//! assert_eq!(best, 3 * 256);
//!
//! let scalar = Kernels::for_level(Level::Scalar).expect("every CPU has it");
//! assert_eq!(best, scalar.sad_16x16(&current, Window::packed(&reference)));
//! ```
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | the list of kernels with their contracts | `table.rs` |
//! | choice of the table for the CPU | `dispatch.rs` |
//! | the reference that all levels must equal | `scalar/` |
//! | x86-64: SSE4.1, AVX2, AVX-512 | `x86/sse41/`, `x86/avx2/`, `x86/avx512/` |
//! | kernels written once over a small set of vector operations | `lanes/` |
//! | these operations in NEON and WebAssembly SIMD | `aarch64/ops.rs`, `wasm32/ops.rs` |
//! | loads and stores | `x86/memory.rs`, `aarch64/memory.rs`, `wasm32/memory.rs` |
//! | views that prove bounds once per block | `view.rs` |
//! | threads for rows | `pool.rs` |
//!
//! Each level has the files `cost`, `loop_filter`, `pixels`, `predict` and `transform`. The tests in
//! `codec-simd/tests` compare every level with the scalar kernels on adversarial input.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
mod color;
mod dispatch;
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

pub use color::{RgbWeights, YuvWeights};
pub use level::{Level, LevelError};
pub use pool::RowPool;
pub use table::Kernels;
pub use types::{
    Block16, BlockMask, BlockUv, Coeffs, EdgeLimits, Edges, Edges4, IntraMode, Quantiser,
    SubblockMode,
};
pub use view::{Layout, PlaneMut, PlaneRef, Window, WindowMut, prefetch_rows};
