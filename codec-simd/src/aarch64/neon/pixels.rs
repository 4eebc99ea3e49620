//! NEON kernels: rows of pixels.

use crate::aarch64::memory::{load_u8x16, store_u8x16};
use crate::aarch64::ops::*;
use crate::lanes::{lanes_pixels, replace_entries};
use crate::scalar;
use crate::table::Kernels;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, pixels)
}

lanes_pixels!("neon");
