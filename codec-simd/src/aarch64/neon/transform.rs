//! NEON kernels: transforms and quantisation of VP8.

use crate::aarch64::memory::{
    load_4x4, load_block, load_i16x8, load_u8x8, load_u8x16, store_4x4, store_block, store_u8x8,
};
use crate::aarch64::ops::*;
use crate::lanes::{lanes_transform, replace_entries};
use crate::level_bits::LEVEL_BITS;
use crate::masks::KEEP;
use crate::table::Kernels;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::{Window, WindowMut};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, transform)
}

lanes_transform!("neon");
