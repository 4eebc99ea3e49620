//! SSE4.1 (with SSSE3) kernels. Features: `sse4.1,ssse3`.

mod color;
pub(in crate::x86) mod cost;
mod h264;
mod loop_filter;
mod pixels;
pub(in crate::x86) mod predict;
pub(in crate::x86) mod temporal;
mod transform;
mod vmaf;
mod vp9;
mod vp9_forward;

use crate::level::Level;
use crate::table::{Kernels, SCALAR};

pub(crate) const TABLE: Kernels = {
    let mut table = cost::over(SCALAR);
    table = predict::over(table);
    table = pixels::over(table);
    table = color::over(table);
    table = temporal::over(table);
    table = transform::over(table);
    table = loop_filter::over(table);
    table = h264::over(table);
    table = vp9::over(table);
    table = vp9_forward::over(table);
    table = vmaf::over(table);
    table.level = Level::Sse41;
    table
};
