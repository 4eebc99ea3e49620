//! `simd128` kernels: rows of pixels.

use crate::lanes::{lanes_pixels, replace_entries};
use crate::scalar;
use crate::table::Kernels;
use crate::wasm32::memory::{load_u8x16, store_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, pixels)
}

lanes_pixels!("simd128");
