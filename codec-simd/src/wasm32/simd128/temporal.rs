//! `simd128` kernels: denoising.

use crate::lanes::{lanes_temporal, replace_entries};
use crate::table::Kernels;
use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};
use crate::wasm32::memory::{load_block, load_u8x16, store_block, store_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, temporal)
}

lanes_temporal!("simd128");
