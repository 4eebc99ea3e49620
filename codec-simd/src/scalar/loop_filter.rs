//! Stub.
#![expect(unused_variables, clippy::todo, clippy::too_many_arguments, reason = "stub")]
use crate::types::*;
use crate::view::{Window, WindowMut};
pub(crate) fn filter_mb_edge_h_16(
    above: WindowMut<'_, 16, 4>,
    below: WindowMut<'_, 16, 4>,
    limits: EdgeLimits,
) {
    todo!()
}
pub(crate) fn filter_mb_edge_v_16(pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits) {
    todo!()
}
pub(crate) fn filter_inner_edges_h_16(mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    todo!()
}
pub(crate) fn filter_inner_edges_v_16(mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
    todo!()
}
pub(crate) fn filter_mb_edge_h_uv(
    u_above: WindowMut<'_, 8, 4>,
    u_below: WindowMut<'_, 8, 4>,
    v_above: WindowMut<'_, 8, 4>,
    v_below: WindowMut<'_, 8, 4>,
    limits: EdgeLimits,
) {
    todo!()
}
pub(crate) fn filter_mb_edge_v_uv(
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    todo!()
}
pub(crate) fn filter_inner_edge_h_uv(
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    todo!()
}
pub(crate) fn filter_inner_edge_v_uv(
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
    limits: EdgeLimits,
) {
    todo!()
}
pub(crate) fn simple_edge_h_16(
    above: WindowMut<'_, 16, 2>,
    below: WindowMut<'_, 16, 2>,
    limit: u8,
) {
    todo!()
}
pub(crate) fn simple_edge_v_16(pixels: WindowMut<'_, 4, 16>, limit: u8) {
    todo!()
}
pub(crate) fn simple_inner_edges_h_16(mb: WindowMut<'_, 16, 16>, limit: u8) {
    todo!()
}
pub(crate) fn simple_inner_edges_v_16(mb: WindowMut<'_, 16, 16>, limit: u8) {
    todo!()
}
