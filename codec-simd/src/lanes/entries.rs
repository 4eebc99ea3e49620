//! Lists of the kernel table entries that the levels with 128-bit registers implement, one list per
//! group of kernels (such as `cost` or `predict`). Levels with wider registers use the same list for
//! the groups of which they implement every kernel.

/// The table `$base` with the entries of a subject replaced by the functions of the same names at
/// the place of the call. `h264_wide` has the kernels of H.264 that [`lanes_h264_predict_wide`]
/// defines, `h264` the others.
///
/// [`lanes_h264_predict_wide`]: super::lanes_h264_predict_wide
macro_rules! replace_entries {
    ($base:expr, cost) => {
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
            sse_16x16_quads,
            sse_8x8,
            sse_4x4,
            sse_uv,
            moments_16x16,
            satd_16x16,
            satd_8x8,
            satd_4x4,
            sse_bilinear_16x16,
            sse_bilinear_16x16_quads,
            sse_bilinear_8x8,
            sse_half_ring_16x16,
            ..$base
        }
    };
    ($base:expr, predict) => {
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
            intra_4x4_all,
            ..$base
        }
    };
    ($base:expr, pixels) => {
        Kernels { sse_row, halve_row, split_uv_row, ..$base }
    };
    ($base:expr, temporal) => {
        Kernels { temporal_sums_16x8, temporal_blend_16x8, smooth_16x8, ..$base }
    };
    ($base:expr, transform) => {
        Kernels {
            fdct_luma,
            fdct_chroma,
            fdct_4x4,
            forward_wht,
            quantise,
            coeff_sse,
            level_bits,
            transform_quantise_luma,
            transform_quantise_chroma,
            transform_quantise_4x4,
            inverse_wht,
            idct_add_4x4,
            idct_add_luma,
            idct_add_luma_y2,
            idct_add_chroma,
            ..$base
        }
    };
    ($base:expr, loop_filter) => {
        Kernels {
            filter_mb_edge_h_16,
            filter_mb_edge_v_16,
            filter_inner_edges_h_16,
            filter_inner_edges_v_16,
            filter_mb_edge_h_uv,
            filter_mb_edge_v_uv,
            filter_inner_edge_h_uv,
            filter_inner_edge_v_uv,
            simple_edge_h_16,
            simple_edge_v_16,
            simple_inner_edges_h_16,
            simple_inner_edges_v_16,
            ..$base
        }
    };
    ($base:expr, loop_filter_pairs) => {
        Kernels { filter_mbs_x2, ..$base }
    };
    ($base:expr, h264_wide) => {
        Kernels {
            h264_luma_16x16,
            h264_luma_16x8,
            h264_luma_8x16,
            h264_luma_8x8,
            h264_luma_8x4,
            h264_chroma_8x8,
            h264_chroma_8x4,
            ..$base
        }
    };
    ($base:expr, vp9) => {
        Kernels { vp9_inverse_transform, vp9_predict, vp9_filter_v, vp9_filter_h, ..$base }
    };
    ($base:expr, h264) => {
        Kernels {
            h264_luma_4x8,
            h264_luma_4x4,
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
            ..$base
        }
    };
}
pub(crate) use replace_entries;
