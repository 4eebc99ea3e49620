//! Stub.
#![expect(unused_variables, clippy::todo, clippy::too_many_arguments, reason = "stub")]
use crate::types::*;
use crate::view::{Window, WindowMut};
pub(crate) fn sse_row(a: &[u8], b: &[u8]) -> u64 {
    todo!()
}
pub(crate) fn halve_row(a: &[u8], b: &[u8], out: &mut [u8]) {
    todo!()
}
pub(crate) fn split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]) {
    todo!()
}
