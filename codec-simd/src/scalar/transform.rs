//! Stub.
#![expect(unused_variables, clippy::todo, clippy::too_many_arguments, reason = "stub")]
use crate::types::*;
use crate::view::{Window, WindowMut};
pub(crate) fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    todo!()
}
pub(crate) fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    todo!()
}
pub(crate) fn fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
    todo!()
}
pub(crate) fn forward_wht(dcs: &[i16; 16]) -> [i16; 16] {
    todo!()
}
pub(crate) fn quantise(
    coeffs: &[[i16; 16]],
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]],
    dequantised: &mut [[i16; 16]],
    eobs: &mut [u8],
) {
    todo!()
}
pub(crate) fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
    todo!()
}
pub(crate) fn inverse_wht(coeffs: &[i16; 16]) -> [i16; 16] {
    todo!()
}
pub(crate) fn idct_add_4x4(coeffs: &[i16; 16], dst: WindowMut<'_, 4, 4>) {
    todo!()
}
pub(crate) fn idct_add_luma(coeffs: &[[i16; 16]; 16], mask: BlockMask, dst: WindowMut<'_, 16, 16>) {
    todo!()
}
pub(crate) fn idct_add_chroma(
    coeffs: &[[i16; 16]; 8],
    mask: BlockMask,
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
) {
    todo!()
}
