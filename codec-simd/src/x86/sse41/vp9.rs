//! SSE4.1 kernels: VP9.

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
use crate::x86::memory::{load_i16x8, load_u8x8, load_u8x16, store_i16x8, store_u8x8, store_u8x16};
use crate::x86::ops::{
    I16x8, Sums, U8x16, abs_diff, add_i16, add_sums, adds_i8, adds_i16, adds_u8, and_u8, any_u8,
    avg_u8, from_byte_8, halve_u8, halve_up_i8, high_halves, le_u8, max_u8, mul_round_q15, narrow,
    or_u8, products, rounded, rounded_7, scaled, shl_i16, shr_i8, shr_i16, splat_i16, splat_u8,
    sub_i16, sub_sums, subs_i8, subs_i16, widen_high, widen_low, without_u8, xor_u8, zip_high_i16,
    zip_high_u8, zip_low_i16, zip_low_u8,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, vp9)
}

lanes_vp9!("sse4.1,ssse3");
