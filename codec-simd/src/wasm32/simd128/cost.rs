//! `simd128` kernels: SAD, SATD and squared errors of blocks.

use crate::lanes::cost::{HALF, TAPS, WHOLE, by_kind, kind};
use crate::lanes::{lanes_cost, replace_entries};
use crate::table::Kernels;
use crate::types::{Block16, BlockUv};
use crate::view::Window;
use crate::wasm32::memory::{load_2x8, load_4x4, load_u8x8, load_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, cost)
}

lanes_cost!("simd128");
