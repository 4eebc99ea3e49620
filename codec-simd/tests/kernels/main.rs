//! Compares every level of every kernel with the scalar kernels, and the scalar kernels with the
//! standards. All tests are in one binary, so that it is linked once.
//! `cargo test -p codec-simd --test kernels transform::` runs the tests of one subject.

mod color;
mod cost;
mod h264;
mod h264_encode;
mod harness;
mod level;
mod loop_filter;
mod pixels;
mod predict;
mod standard;
mod temporal;
mod transform;
mod vmaf;
mod vp9;
