//! Stub.
#![expect(unused_variables, clippy::todo, clippy::too_many_arguments, reason = "stub")]
use crate::types::*;
use crate::view::{Window, WindowMut};
pub(crate) fn sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    todo!()
}
pub(crate) fn sad_16x16_x4(cur: &Block16, refs: [Window<'_, 16, 16>; 4]) -> [u32; 4] {
    todo!()
}
pub(crate) fn sad_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
    todo!()
}
pub(crate) fn sad_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    todo!()
}
pub(crate) fn sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4] {
    todo!()
}
pub(crate) fn sad_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    todo!()
}
pub(crate) fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    todo!()
}
pub(crate) fn sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    todo!()
}
pub(crate) fn sse_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    todo!()
}
pub(crate) fn sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32 {
    todo!()
}
pub(crate) fn moments_16x16(cur: &Block16) -> (u32, u32) {
    todo!()
}
pub(crate) fn satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
    todo!()
}
pub(crate) fn satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
    todo!()
}
pub(crate) fn satd_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
    todo!()
}
pub(crate) fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
    todo!()
}
pub(crate) fn sse_bilinear_8x8(
    cur: Window<'_, 8, 8>,
    refp: Window<'_, 16, 9>,
    fx: u8,
    fy: u8,
) -> u32 {
    todo!()
}
pub(crate) fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
    todo!()
}
