//! Stub.
#![expect(unused_variables, clippy::todo, clippy::too_many_arguments, reason = "stub")]
use crate::types::*;
use crate::view::{Window, WindowMut};
pub(crate) fn copy_16x16(refp: Window<'_, 16, 16>, dst: WindowMut<'_, 16, 16>) {
    todo!()
}
pub(crate) fn copy_8x8(refp: Window<'_, 8, 8>, dst: WindowMut<'_, 8, 8>) {
    todo!()
}
pub(crate) fn copy_4x4(refp: Window<'_, 4, 4>, dst: WindowMut<'_, 4, 4>) {
    todo!()
}
pub(crate) fn sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    todo!()
}
pub(crate) fn sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    todo!()
}
pub(crate) fn sixtap_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
    todo!()
}
pub(crate) fn bilinear_16x16(refp: Window<'_, 17, 17>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    todo!()
}
pub(crate) fn bilinear_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    todo!()
}
pub(crate) fn bilinear_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
    todo!()
}
pub(crate) fn intra_16x16(mode: IntraMode, edges: &Edges<16>, dst: WindowMut<'_, 16, 16>) {
    todo!()
}
pub(crate) fn intra_8x8(mode: IntraMode, edges: &Edges<8>, dst: WindowMut<'_, 8, 8>) {
    todo!()
}
pub(crate) fn intra_4x4(mode: SubblockMode, edges: &Edges4, dst: WindowMut<'_, 4, 4>) {
    todo!()
}
