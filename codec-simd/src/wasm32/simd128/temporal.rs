//! `simd128` kernels: removal of noise.

use crate::lanes::lanes_temporal;
use crate::table::Kernels;
use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};
use crate::wasm32::memory::{load_block, load_u8x16, store_block, store_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { temporal_sums_16x8, temporal_blend_16x8, smooth_16x8, ..base }
}

lanes_temporal!("simd128");
