//! `simd128` kernels. Feature: `simd128`.

mod cost;
mod h264;
mod loop_filter;
mod pixels;
mod predict;
mod temporal;
mod transform;
mod vp9;
mod vp9_forward;

use crate::level::Level;
use crate::table::{Kernels, SCALAR};

pub(crate) const TABLE: Kernels = {
    let mut table = cost::over(SCALAR);
    table = predict::over(table);
    table = pixels::over(table);
    table = temporal::over(table);
    table = transform::over(table);
    table = loop_filter::over(table);
    table = h264::over(table);
    table = vp9::over(table);
    table = vp9_forward::over(table);
    table.level = Level::Simd128;
    table
};
