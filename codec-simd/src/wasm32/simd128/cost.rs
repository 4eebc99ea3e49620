//! `simd128` kernels: costs.

use crate::lanes::cost::{HALF, TAPS, WHOLE, by_kind, kind};
use crate::lanes::lanes_cost;
use crate::table::Kernels;
use crate::types::{Block16, BlockUv};
use crate::view::Window;
use crate::wasm32::memory::{load_2x8, load_4x4, load_u8x8, load_u8x16};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        sad_16x16,
        sad_16x16_x4,
        sad_16x16_quads,
        sad_8x8,
        sad_8x8_x4,
        sad_4x4,
        sad_mean_16x16,
        sad_mean_8x8,
        satd_mean_16x16,
        satd_mean_8x8,
        sse_16x16,
        sse_8x8,
        sse_4x4,
        sse_uv,
        moments_16x16,
        satd_16x16,
        satd_8x8,
        satd_4x4,
        sse_bilinear_16x16,
        sse_bilinear_8x8,
        sse_half_ring_16x16,
        ..base
    }
}

lanes_cost!("simd128");
