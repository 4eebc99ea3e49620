//! Reconstruction: prediction plus residual. RFC 6386, sections 14 and 20.14.

use codec_simd::{IntraMode, Kernels, WindowMut, YuvWindows};

use super::predict::{MbEdges, block_edges};
use super::residual::MbCoeffs;
use super::types::IntraLuma;
use codec_simd::SubblockMode;

/// Windows of a macroblock's Y, U and V blocks in the frame.
pub type MbWindows<'a> = YuvWindows<'a, 16, 16, 8, 8>;

/// Adds the residual to the prediction in `mb`.
///
/// If there is a Y2 block, it provides the luma DCs. Section 14.3.
#[inline]
pub fn add_residual(kernels: &Kernels, coeffs: &MbCoeffs, mb: MbWindows<'_>) {
    if coeffs.has_y2 {
        let dcs = kernels.inverse_wht(&coeffs.y2.0[0]);
        kernels.idct_add_luma_y2(&coeffs.luma.0, &dcs, coeffs.luma_mask.ac, mb.y);
    } else if coeffs.luma_mask.any != 0 {
        kernels.idct_add_luma(&coeffs.luma.0, coeffs.luma_mask, mb.y);
    }
    add_chroma(kernels, coeffs, mb.u, mb.v);
}

#[inline]
fn add_chroma(
    kernels: &Kernels,
    coeffs: &MbCoeffs,
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
) {
    if coeffs.chroma_mask.any != 0 {
        kernels.idct_add_chroma(&coeffs.chroma.0, coeffs.chroma_mask, u, v);
    }
}

/// Reconstructs an intra macroblock with whole-block modes.
#[inline]
pub fn reconstruct_intra(
    kernels: &Kernels,
    (luma, chroma): (IntraLuma, IntraMode),
    modes: &[SubblockMode; 16],
    edges: &MbEdges,
    coeffs: &MbCoeffs,
    mut windows: MbWindows<'_>,
) {
    kernels.intra_8x8(chroma, &edges.u, windows.u.reborrow());
    kernels.intra_8x8(chroma, &edges.v, windows.v.reborrow());
    if let IntraLuma::Whole(mode) = luma {
        kernels.intra_16x16(mode, &edges.y, windows.y.reborrow());
        return add_residual(kernels, coeffs, windows);
    }
    for (n, &mode) in modes.iter().enumerate() {
        let block = block_edges(&windows.y, edges, n);
        let (x, y) = (n % 4 * 4, n / 4 * 4);
        kernels.intra_4x4(mode, &block, windows.y.sub(x, y));
        if coeffs.luma_mask.any >> n & 1 != 0 {
            kernels.idct_add_4x4(&coeffs.luma.0[n], windows.y.sub(x, y));
        }
    }
    add_chroma(kernels, coeffs, windows.u, windows.v);
}
