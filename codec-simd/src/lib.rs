//! SIMD kernels for video codecs (SAD, transforms, prediction, loop filters) with runtime dispatch,
//! bounds-checked pixel views, and a thread pool for macroblock rows.
//!
//! The public interface is safe, and the crate has no dependencies. `unsafe` code is allowed only
//! in this crate and in `codec-ffi`. [`Kernels`] is a table of functions, one table per instruction
//! set: the caller selects a table once and passes it to the code that needs it. [`Window`] and
//! [`WindowMut`] check bounds once per block. [`RowPool`] is a thread pool: its closures may borrow
//! from the caller, and its threads sleep when idle.
//!
//! # Example
//!
//! Compute a SAD with the best kernel for this CPU. All SIMD levels give the same result as the
//! scalar kernel:
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
//! | list of kernels, and what each computes | `table.rs` |
//! | runtime dispatch: selects the table for the CPU | `dispatch.rs` |
//! | scalar reference kernels; all SIMD levels must give the same results | `scalar/` |
//! | x86-64: SSE4.1, AVX2, AVX-512 | `x86/sse41/`, `x86/avx2/`, `x86/avx512/` |
//! | kernels written once over a small set of vector operations; their entries in the table | `lanes/`, `lanes/entries.rs` |
//! | the vector operations with NEON, WebAssembly SIMD and SSE4.1 | `aarch64/ops.rs`, `wasm32/ops.rs`, `x86/ops.rs` |
//! | loads and stores | `x86/memory.rs`, `aarch64/memory.rs`, `wasm32/memory.rs` |
//! | pixel views that check bounds once per block | `view.rs` |
//! | thread pool for macroblock rows | `pool.rs` |
//!
//! The instruction-set levels have files of the same names, such as `cost`, `loop_filter`,
//! `predict`, `transform` and `vmaf`. A level that lacks a file uses the kernels of the next lower
//! level. The tests in `codec-simd/tests` compare every level with the scalar kernels on
//! adversarial input.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
mod color;
mod dispatch;
mod h264_quantiser;
mod half_planes;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod lanes;
mod level;
mod level_bits;
mod loop_filter_pairs;
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
mod temporal;
mod types;
mod view;
mod vmaf;
pub mod vp9;
pub mod vp9_high;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use color::{RgbWeights, YuvWeights};
pub use h264_quantiser::{H264Quantised, H264Quantiser};
pub use half_planes::{HalfPlanes, HalfPlanes8, HalfPlanes16};
pub use level::{Level, LevelError};
pub use pool::RowPool;
pub use table::Kernels;
pub use temporal::{PixelWeight, TemporalWeights};
pub use types::{
    Block16, BlockMask, BlockUv, Coeffs, DeblockEdge, DeblockMb, DeblockThresholds, EdgeLimits,
    EdgeStrength, Edges, Edges4, Error8x8, IntraMode, MbLimits, Quantiser, SubblockMode,
    YuvWindows,
};
pub use view::{Layout, PlaneMut, PlaneRef, Window, WindowMut, prefetch, prefetch_rows};
pub use vmaf::{VmafAdm, VmafScratch, VmafVif};
