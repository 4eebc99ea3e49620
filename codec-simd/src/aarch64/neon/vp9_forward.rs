//! NEON kernels: VP9's forward transforms and quantisation, and prediction errors of 8x8 blocks.

use crate::aarch64::memory::{load_4x4, load_i16x8, load_u8x8, store_i16x8};
use crate::aarch64::ops::*;
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

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_forward_transform, vp9_quantise, errors_16x16, errors_8x8, ..base }
}

type Words = I16x8;

lanes_vp9_forward_kernels!("neon");
lanes_errors!("neon");
