//! Scalar reference kernels: H.264.

mod deblock;
mod forward;
mod half_planes;
mod predict;
mod quantise;
mod transform;

pub(crate) use deblock::{
    h264_deblock_chroma_h, h264_deblock_chroma_pair_h, h264_deblock_chroma_pair_v,
    h264_deblock_chroma_v, h264_deblock_chroma_v_4, h264_deblock_luma_h, h264_deblock_luma_v,
    h264_deblock_luma_v_8, h264_deblock_mb,
};
pub(crate) use forward::{
    h264_fdct_4x4, h264_fdct_8x8, h264_fdct_chroma, h264_fdct_luma, h264_fdct_luma_8x8,
};
pub(crate) use half_planes::{h264_half_planes_8x8, h264_half_planes_16x16};
pub(crate) use predict::{
    h264_average_block, h264_biweight_rows, h264_chroma_2x2, h264_chroma_2x4, h264_chroma_4x2,
    h264_chroma_4x4, h264_chroma_4x8, h264_chroma_8x4, h264_chroma_8x8, h264_luma_4x4,
    h264_luma_4x8, h264_luma_8x4, h264_luma_8x8, h264_luma_8x16, h264_luma_16x8, h264_luma_16x16,
    h264_weight_rows,
};
pub(crate) use quantise::{
    h264_coeff_sse_4x4, h264_coeff_sse_8x8, h264_quantise_4x4, h264_quantise_8x8,
    h264_transform_quantise_4x4, h264_transform_quantise_8x8, h264_transform_quantise_chroma,
    h264_transform_quantise_luma, h264_transform_quantise_luma_8x8,
};
pub(crate) use transform::{
    h264_idct_add_4x4, h264_idct_add_8x8, h264_idct_add_chroma, h264_idct_add_luma,
};

/// Top-left pixel of the 4x4 luma block `n` in decoding order: the four of each 8x8 block follow each
/// other.
fn luma_origin(n: usize) -> (usize, usize) {
    (n % 2 * 4 + n / 4 % 2 * 8, n / 2 % 2 * 4 + n / 8 * 8)
}
