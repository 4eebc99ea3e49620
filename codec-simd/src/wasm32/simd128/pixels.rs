//! `simd128` kernels: rows of pixels.

use crate::lanes::lanes_pixels;
use crate::scalar;
use crate::table::Kernels;
use crate::wasm32::memory::{load_u8x16, store_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sse_row, halve_row, split_uv_row, ..base }
}

lanes_pixels!("simd128");
