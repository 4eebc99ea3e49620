//! SSE4.1 kernels: VP9's forward transforms and quantisation, and prediction errors of 8x8 blocks.

use crate::lanes::lanes_errors;
use crate::lanes::vp9_forward::{
    lanes_vp9_forward, lanes_vp9_forward_kernels, lanes_vp9_forward_large, window,
};
use crate::lanes::vp9_transform::COS;
use crate::table::Kernels;
use crate::types::{Block16, Error8x8};
use crate::view::Window;
use crate::vp9::adst::{ADST_4, ADST_8, ADST_16};
use crate::vp9::{VP9_FORWARD_SHIFTS, Vp9Quantised, Vp9Quantiser, Vp9TxKind, Vp9TxSize};
use crate::x86::memory::{load_4x4, load_i16x8, load_u8x8, store_i16x8};
use crate::x86::ops::{
    I16x8, add_errors, add_i16, add_sums, adds_i16, and_i16, difference_high, difference_low,
    low_halves, mul_i16, mulhi_i16, not_zero, products, rounded, saturating_abs_i16, shl_i16,
    shr_i16, splat_i16, subs_i16, swap_halves, wide_sum_u32, with_sign_i16, zero_u32, zip_high_i16,
    zip_low_i16,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_forward_transform, vp9_quantise, errors_16x16, errors_8x8, ..base }
}

type Words = I16x8;

lanes_vp9_forward_kernels!("sse4.1,ssse3");
lanes_errors!("sse4.1,ssse3");
