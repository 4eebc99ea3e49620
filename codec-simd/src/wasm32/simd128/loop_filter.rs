//! `simd128` kernels: loop filters of VP8.

use crate::lanes::{
    lanes_loop_filter_edges, lanes_loop_filter_narrow_edges, lanes_loop_filter_segments,
    replace_entries,
};
use crate::loop_filter_pairs::loop_filter_pairs;
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::wasm32::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_2x8, store_4x4, store_u8x8, store_u8x16,
};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(replace_entries!(base, loop_filter), loop_filter_pairs)
}

lanes_loop_filter_edges!("simd128");
lanes_loop_filter_narrow_edges!("simd128");
lanes_loop_filter_segments!("simd128");
loop_filter_pairs!(#[target_feature(enable = "simd128")]);
