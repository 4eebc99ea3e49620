//! NEON kernels: H.264.

use crate::aarch64::memory::{
    load_2x8, load_4x4, load_block, load_i16x8, load_u8x8, load_u8x16, store_4x4, store_block,
    store_i16x8, store_u8x8, store_u8x16,
};
use crate::aarch64::ops::*;
use crate::h264_quantiser::{
    ERROR_4X4, ERROR_8X8, ErrorWeights, H264Quantised, H264Quantiser, SCAN_PLACE_8X8,
};
use crate::half_planes::{HalfPlanes, HalfPlanes8, HalfPlanes16};
use crate::lanes::{
    lanes_h264_deblock, lanes_h264_forward, lanes_h264_half_planes, lanes_h264_predict,
    lanes_h264_predict_wide, lanes_h264_quantise, lanes_h264_transform, replace_entries,
};
use crate::table::Kernels;
use crate::types::{Block16, BlockUv, DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength};
use crate::view::{Window, WindowMut};

/// Returns `base` with the kernels of this file in its entries.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(replace_entries!(base, h264_wide), h264)
}

lanes_h264_predict!("neon");
lanes_h264_half_planes!("neon");
lanes_h264_predict_wide!("neon");
lanes_h264_transform!("neon");
lanes_h264_forward!("neon");
lanes_h264_quantise!("neon");
lanes_h264_deblock!("neon");
