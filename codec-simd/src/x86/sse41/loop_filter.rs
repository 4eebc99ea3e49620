//! SSE4.1 kernels: loop filters.

use core::arch::x86_64::*;

use crate::lanes::replace_entries;
use crate::loop_filter_pairs::loop_filter_pairs;
use crate::table::Kernels;
use crate::types::EdgeLimits;
use crate::view::WindowMut;
use crate::x86::loop_filter_128::{loop_filter_128, loop_filter_128_narrow};
use crate::x86::memory::{load_u8x8, load_u8x16, store_u8x8, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, loop_filter)
}

loop_filter_128!("sse4.1,ssse3");
loop_filter_128_narrow!("sse4.1,ssse3");
loop_filter_pairs!(#[target_feature(enable = "sse4.1,ssse3")]);
