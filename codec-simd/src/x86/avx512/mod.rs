//! AVX-512 kernels. Features: `avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt`,
//! and `avx512cd` for counting leading zeros.

mod cost;
mod loop_filter;
mod pixels;
mod predict;
mod transform;
mod vmaf;

use super::avx2;
use crate::level::Level;
use crate::table::Kernels;

pub(crate) const TABLE: Kernels = {
    let mut table = cost::over(avx2::TABLE);
    table = predict::over(table);
    table = pixels::over(table);
    table = transform::over(table);
    table = loop_filter::over(table);
    table = avx2::vmaf_vif::over(vmaf::over(table));
    table.level = Level::Avx512;
    table
};
