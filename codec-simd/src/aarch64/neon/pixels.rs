//! NEON kernels: rows of pixels.

use crate::aarch64::memory::{load_u8x16, store_u8x16};
use crate::aarch64::ops::*;
use crate::lanes::lanes_pixels;
use crate::scalar;
use crate::table::Kernels;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sse_row, halve_row, split_uv_row, ..base }
}

lanes_pixels!("neon");
