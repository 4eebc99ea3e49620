//! `simd128` kernels: VP9.

use crate::lanes::vp9::{can_load, used_part, window_mut};
use crate::lanes::vp9_transform::{
    COS, Used, Used4, Used8, Used16, Used32, lanes_vp9_adst_4_and_8, lanes_vp9_adst_16,
    lanes_vp9_transform,
};
use crate::lanes::{lanes_vp9, lanes_vp9_loop_filter, replace_entries};
use crate::scalar;
use crate::table::Kernels;
use crate::view::WindowMut;
use crate::vp9::{Vp9EdgeFilter, Vp9Edges, Vp9Motion, Vp9TxKind, Vp9TxSize};
use crate::wasm32::memory::{
    load_i16x8, load_u8x8, load_u8x16, store_i16x8, store_u8x8, store_u8x16,
};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, vp9)
}

lanes_vp9!("simd128");
