//! NEON kernels: transforms and quantisation.

use crate::aarch64::memory::{
    load_4x4, load_block, load_i16x8, load_u8x8, load_u8x16, store_4x4, store_block, store_u8x8,
};
use crate::aarch64::ops::*;
use crate::lanes::lanes_transform;
use crate::level_bits::LEVEL_BITS;
use crate::masks::KEEP;
use crate::table::Kernels;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::{Window, WindowMut};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        fdct_luma,
        fdct_chroma,
        fdct_4x4,
        forward_wht,
        quantise,
        coeff_sse,
        level_bits,
        transform_quantise_luma,
        transform_quantise_chroma,
        inverse_wht,
        idct_add_4x4,
        idct_add_luma,
        idct_add_luma_y2,
        idct_add_chroma,
        ..base
    }
}

lanes_transform!("neon");
