//! AVX2 kernels: H.264.

use crate::h264_quantiser::{
    ERROR_4X4, ERROR_8X8, ErrorWeights, H264Quantised, H264Quantiser, SCAN_PLACE_8X8,
};
use crate::half_planes::{HalfPlanes, HalfPlanes8, HalfPlanes16};
use crate::lanes::{
    lanes_h264_deblock, lanes_h264_forward, lanes_h264_half_planes, lanes_h264_predict,
    lanes_h264_quantise, lanes_h264_transform, replace_entries,
};
use crate::table::Kernels;
use crate::types::{Block16, BlockUv, DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength};
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_2x8, load_4x4, load_block, load_i16x8, load_u8x8, load_u8x16, store_4x4, store_block,
    store_i16x8, store_u8x8, store_u8x16,
};
use crate::x86::ops::{
    I16x8, U8x16, U32x4, abs_diff, add_errors, add_i16, adds_i16, adds_u8, and_i16, and_u8,
    any_i16, avg_u8, difference_high, difference_low, first_i16, from_byte_8, gt_i16, high_halves,
    in_scan_order, le_u8, lookup, low_halves, max_i16, max_u8, min_i16, min_u8, mul_add_low,
    mul_i16, mul_low, mul_round_q15, narrow, not_zero, or_i16, or_u8, round_narrow,
    saturating_abs_i16, scale_i16, shifted_down, shl_i16, shr_by_i16, shr_i16, six_tap_high,
    six_tap_low, splat_i16, splat_u8, sub_i16, subs_u8, swap_halves, transpose_pairs, wide_sum_u32,
    widen_high, widen_low, with_sign_i16, without_u8, xor_u8, zero_u32, zip_high_i16, zip_high_u8,
    zip_low_i16, zip_low_u8,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, h264)
}

lanes_h264_predict!("avx2,bmi1,bmi2,lzcnt");
lanes_h264_half_planes!("avx2,bmi1,bmi2,lzcnt");
lanes_h264_transform!("avx2,bmi1,bmi2,lzcnt");
lanes_h264_forward!("avx2,bmi1,bmi2,lzcnt");
lanes_h264_quantise!("avx2,bmi1,bmi2,lzcnt");
lanes_h264_deblock!("avx2,bmi1,bmi2,lzcnt");
