//! `simd128` kernels: H.264.

use crate::h264_quantiser::{
    ERROR_4X4, ERROR_8X8, ErrorWeights, H264Quantised, H264Quantiser, SCAN_PLACE_8X8,
};
use crate::half_planes::{HalfPlanes, HalfPlanes8, HalfPlanes16};
use crate::lanes::{
    lanes_h264_deblock, lanes_h264_forward, lanes_h264_half_planes, lanes_h264_predict,
    lanes_h264_predict_wide, lanes_h264_quantise, lanes_h264_transform,
};
use crate::table::Kernels;
use crate::types::{Block16, BlockUv, DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength};
use crate::view::{Window, WindowMut};
use crate::wasm32::memory::{
    load_2x8, load_4x4, load_block, load_i16x8, load_u8x8, load_u8x16, store_4x4, store_block,
    store_i16x8, store_u8x8, store_u8x16,
};
use crate::wasm32::ops::*;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        h264_luma_16x16,
        h264_luma_16x8,
        h264_luma_8x16,
        h264_luma_8x8,
        h264_luma_8x4,
        h264_luma_4x8,
        h264_luma_4x4,
        h264_chroma_8x8,
        h264_chroma_8x4,
        h264_chroma_4x8,
        h264_chroma_4x4,
        h264_chroma_4x2,
        h264_average_block,
        h264_weight_rows,
        h264_biweight_rows,
        h264_idct_add_4x4,
        h264_idct_add_8x8,
        h264_idct_add_luma,
        h264_idct_add_chroma,
        h264_fdct_4x4,
        h264_fdct_8x8,
        h264_fdct_luma,
        h264_fdct_luma_8x8,
        h264_fdct_chroma,
        h264_quantise_4x4,
        h264_quantise_8x8,
        h264_coeff_sse_4x4,
        h264_coeff_sse_8x8,
        h264_transform_quantise_luma,
        h264_transform_quantise_luma_8x8,
        h264_transform_quantise_chroma,
        h264_transform_quantise_4x4,
        h264_transform_quantise_8x8,
        h264_half_planes_16x16,
        h264_half_planes_8x8,
        h264_deblock_luma_h,
        h264_deblock_luma_v,
        h264_deblock_chroma_h,
        h264_deblock_chroma_v,
        h264_deblock_chroma_pair_h,
        h264_deblock_chroma_pair_v,
        h264_deblock_mb,
        ..base
    }
}

lanes_h264_predict!("simd128");
lanes_h264_half_planes!("simd128");
lanes_h264_predict_wide!("simd128");
lanes_h264_transform!("simd128");
lanes_h264_forward!("simd128");
lanes_h264_quantise!("simd128");
lanes_h264_deblock!("simd128");
