//! NEON kernels: prediction of VP8.

use super::cost::{between, first_pass_2x8, weights};
use crate::aarch64::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_4x4, store_u8x8, store_u8x16,
};
use crate::aarch64::ops::*;
use crate::lanes::cost::{HALF, TAPS, WHOLE, by_kind, kind};
use crate::lanes::predict::{ABOVE_OF, DC_FROM, LEFT_OF, TAPS_OF, by_taps, dc, down_rows};
use crate::lanes::{lanes_predict, replace_entries};
use crate::origins::Origins;
use crate::table::Kernels;
use crate::types::{Edges, Edges4, IntraMode, SubblockMode};
use crate::view::{Window, WindowMut};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, predict)
}

lanes_predict!("neon");
