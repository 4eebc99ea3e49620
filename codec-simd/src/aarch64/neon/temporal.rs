//! NEON kernels: removal of noise.

use crate::aarch64::memory::{load_block, load_u8x16, store_block, store_u8x16};
use crate::aarch64::ops::*;
use crate::lanes::lanes_temporal;
use crate::table::Kernels;
use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { temporal_sums_16x8, temporal_blend_16x8, smooth_16x8, ..base }
}

lanes_temporal!("neon");
