//! AVX2 kernels: loop filters of VP8.

use core::arch::x86_64::*;

use crate::lanes::{lanes_loop_filter_edges, lanes_loop_filter_narrow_edges, replace_entries};
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::x86::loop_filter_128::loop_filter_128;
use crate::x86::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_2x8, store_4x4, store_u8x8, store_u8x16,
};
use crate::x86::ops::{U8x16, abs_diff, from_byte_8, splat_u8, xor_u8, zip_high_u8, zip_low_u8};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, loop_filter)
}

lanes_loop_filter_edges!("avx2,bmi1,bmi2,lzcnt");
lanes_loop_filter_narrow_edges!("avx2,bmi1,bmi2,lzcnt");
loop_filter_128!("avx2,bmi1,bmi2,lzcnt");
