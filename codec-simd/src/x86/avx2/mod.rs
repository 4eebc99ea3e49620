//! AVX2 kernels. Features: `avx2,bmi1,bmi2,lzcnt`.

pub(in crate::x86) mod cost;
mod h264;
mod h264_half_planes;
mod h264_predict;
mod h264_quantise;
mod loop_filter;
mod loop_filter_pairs;
mod ops;
mod pixels;
pub(in crate::x86) mod predict;
mod temporal;
pub(super) mod transform;
mod vmaf;
pub(in crate::x86) mod vmaf_vif;
mod vp9_forward;
mod vp9_loop_filter;
mod vp9_predict;
mod vp9_transform;

use super::sse41;
use crate::level::Level;
use crate::table::Kernels;

pub(crate) const TABLE: Kernels = {
    let mut table = cost::over(sse41::TABLE);
    table = predict::over(table);
    table = pixels::over(table);
    table = temporal::over(table);
    table = transform::over(table);
    table = loop_filter::over(table);
    table = h264::over(table);
    table = h264_quantise::over(table);
    table = h264_half_planes::over(table);
    table = h264_predict::over(table);
    table = loop_filter_pairs::over(table);
    table = vp9_predict::over(table);
    table = vp9_loop_filter::over(table);
    table = vp9_transform::over(table);
    table = vp9_forward::over(table);
    table = vmaf_vif::over(vmaf::over(table));
    table.level = Level::Avx2;
    table
};
