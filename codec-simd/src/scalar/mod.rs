//! The reference kernels, written for readability; every other level must give the same results.

mod color;
pub(crate) use color::{
    i420_to_rgb24_row, i420_to_rgb32_row, rgb24_to_chroma_rows, rgb24_to_luma_row,
    rgb32_to_chroma_rows, rgb32_to_luma_row,
};
mod cost;
pub(crate) use cost::{
    errors_8x8, errors_16x16, intra_4x4_all, moments_16x16, sad_4x4, sad_8x8, sad_8x8_x4,
    sad_16x16, sad_16x16_quads, sad_16x16_x4, sad_mean_8x8, sad_mean_16x16, satd_4x4, satd_8x8,
    satd_16x16, satd_mean_8x8, satd_mean_16x16, sse_4x4, sse_8x8, sse_16x16, sse_16x16_quads,
    sse_bilinear_8x8, sse_bilinear_16x16, sse_bilinear_16x16_quads, sse_half_ring_16x16, sse_uv,
};
mod predict;
pub(crate) use predict::{
    bilinear_4x4, bilinear_8x8, bilinear_16x16, copy_4x4, copy_8x8, copy_16x16, intra_4x4,
    intra_8x8, intra_16x16, sixtap_4x4, sixtap_8x8, sixtap_8x8_x2, sixtap_16x16,
};
mod transform;
pub(crate) use transform::{
    coeff_sse, fdct_4x4, fdct_chroma, fdct_luma, forward_wht, idct_add_4x4, idct_add_chroma,
    idct_add_luma, idct_add_luma_y2, inverse_wht, level_bits, quantise, transform_quantise_4x4,
    transform_quantise_chroma, transform_quantise_luma,
};
mod loop_filter;
pub(crate) use loop_filter::{
    filter_inner_edge_h_uv, filter_inner_edge_v_uv, filter_inner_edges_h_16,
    filter_inner_edges_v_16, filter_mb_edge_h_16, filter_mb_edge_h_uv, filter_mb_edge_v_16,
    filter_mb_edge_v_uv, filter_mbs_x2, simple_edge_h_16, simple_edge_v_16,
    simple_inner_edges_h_16, simple_inner_edges_v_16,
};
mod pixels;
pub(crate) use pixels::{halve_row, split_uv_row, sse_row};
mod temporal;
pub(crate) use temporal::{smooth_16x8, temporal_blend_16x8, temporal_sums_16x8};
mod h264;
pub(crate) use h264::{
    h264_average_block, h264_biweight_rows, h264_chroma_2x2, h264_chroma_2x4, h264_chroma_4x2,
    h264_chroma_4x4, h264_chroma_4x8, h264_chroma_8x4, h264_chroma_8x8, h264_coeff_sse_4x4,
    h264_coeff_sse_8x8, h264_deblock_chroma_h, h264_deblock_chroma_pair_h,
    h264_deblock_chroma_pair_v, h264_deblock_chroma_v, h264_deblock_chroma_v_4,
    h264_deblock_luma_h, h264_deblock_luma_v, h264_deblock_luma_v_8, h264_deblock_mb,
    h264_fdct_4x4, h264_fdct_8x8, h264_fdct_chroma, h264_fdct_luma, h264_fdct_luma_8x8,
    h264_half_planes_8x8, h264_half_planes_16x16, h264_idct_add_4x4, h264_idct_add_8x8,
    h264_idct_add_chroma, h264_idct_add_luma, h264_luma_4x4, h264_luma_4x8, h264_luma_8x4,
    h264_luma_8x8, h264_luma_8x16, h264_luma_16x8, h264_luma_16x16, h264_quantise_4x4,
    h264_quantise_8x8, h264_transform_quantise_4x4, h264_transform_quantise_8x8,
    h264_transform_quantise_chroma, h264_transform_quantise_luma, h264_transform_quantise_luma_8x8,
    h264_weight_rows,
};
pub(crate) mod vp9;
pub(crate) use vp9::{
    vp9_filter_h, vp9_filter_v, vp9_forward_transform, vp9_inverse_transform, vp9_predict,
    vp9_predict_intra, vp9_predict_scaled, vp9_quantise,
};
pub(crate) mod vmaf;
pub(crate) use vmaf::{
    vmaf_adm_8, vmaf_adm_16, vmaf_adm_next, vmaf_halve_8, vmaf_halve_16, vmaf_motion_8,
    vmaf_motion_16, vmaf_vif_8, vmaf_vif_16,
};
