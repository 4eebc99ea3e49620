//! `simd128` kernels: prediction.

use super::cost::{between, first_pass_2x8, weights};
use crate::lanes::cost::{HALF, TAPS, WHOLE, by_kind, kind};
use crate::lanes::lanes_predict;
use crate::lanes::predict::{ABOVE_OF, DC_FROM, LEFT_OF, TAPS_OF, by_taps, dc, down_rows};
use crate::origins::Origins;
use crate::table::Kernels;
use crate::types::{Edges, Edges4, IntraMode, SubblockMode};
use crate::view::{Window, WindowMut};
use crate::wasm32::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_4x4, store_u8x8, store_u8x16,
};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        sixtap_16x16,
        sixtap_8x8,
        sixtap_8x8_x2,
        sixtap_4x4,
        bilinear_16x16,
        bilinear_8x8,
        bilinear_4x4,
        intra_16x16,
        intra_8x8,
        intra_4x4,
        ..base
    }
}

lanes_predict!("simd128");
