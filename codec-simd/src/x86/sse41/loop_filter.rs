//! SSE4.1 kernels: loop filters.

use core::arch::x86_64::*;

use crate::loop_filter_pairs::loop_filter_pairs;
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::x86::loop_filter_128::{loop_filter_128, loop_filter_128_narrow};
use crate::x86::memory::{load_u8x8, load_u8x16, store_u8x8, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(mut base: Kernels) -> Kernels {
    base.filter_mb_edge_h_16 = filter_mb_edge_h_16;
    base.filter_mb_edge_v_16 = filter_mb_edge_v_16;
    base.filter_inner_edges_h_16 = filter_inner_edges_h_16;
    base.filter_inner_edges_v_16 = filter_inner_edges_v_16;
    base.filter_mb_edge_h_uv = filter_mb_edge_h_uv;
    base.filter_mb_edge_v_uv = filter_mb_edge_v_uv;
    base.filter_inner_edge_h_uv = filter_inner_edge_h_uv;
    base.filter_inner_edge_v_uv = filter_inner_edge_v_uv;
    base.filter_mbs_x2 = filter_mbs_x2;
    base.simple_edge_h_16 = simple_edge_h_16;
    base.simple_edge_v_16 = simple_edge_v_16;
    base.simple_inner_edges_h_16 = simple_inner_edges_h_16;
    base.simple_inner_edges_v_16 = simple_inner_edges_v_16;
    base
}

loop_filter_128!("sse4.1,ssse3");
loop_filter_128_narrow!("sse4.1,ssse3");
loop_filter_pairs!(#[target_feature(enable = "sse4.1,ssse3")]);
