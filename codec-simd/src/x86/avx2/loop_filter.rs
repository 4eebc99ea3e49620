//! AVX2 kernels: loop filters.

use core::arch::x86_64::*;

use crate::lanes::{lanes_loop_filter_edges, lanes_loop_filter_narrow_edges};
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::x86::loop_filter_128::loop_filter_128;
use crate::x86::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_2x8, store_4x4, store_u8x8, store_u8x16,
};
use crate::x86::ops::{U8x16, abs_diff, from_byte_8, splat_u8, xor_u8, zip_high_u8, zip_low_u8};

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
    base.simple_edge_h_16 = simple_edge_h_16;
    base.simple_edge_v_16 = simple_edge_v_16;
    base.simple_inner_edges_h_16 = simple_inner_edges_h_16;
    base.simple_inner_edges_v_16 = simple_inner_edges_v_16;
    base
}

lanes_loop_filter_edges!("avx2,bmi1,bmi2,lzcnt");
lanes_loop_filter_narrow_edges!("avx2,bmi1,bmi2,lzcnt");
loop_filter_128!("avx2,bmi1,bmi2,lzcnt");
