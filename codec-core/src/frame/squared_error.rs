//! Squared error of reconstructions.

use codec_simd::{Kernels, PlaneRef};

use super::{Chroma, FrameBuf, Picture};

/// Returns the sums of squared errors of Y, U and V over the visible area.
pub fn picture_sse(kernels: &Kernels, source: &Picture<'_>, recon: &FrameBuf) -> [u64; 3] {
    let luma = plane_sse(kernels, source.luma(), recon.plane(0));
    match source.chroma() {
        Chroma::Planar { u, v } => {
            [luma, plane_sse(kernels, u, recon.plane(1)), plane_sse(kernels, v, recon.plane(2))]
        }
        Chroma::Interleaved(uv) => {
            let sse = |plane: usize| {
                let rows = (0..uv.layout().height).map(|y| {
                    let pairs =
                        uv.row(y).as_chunks::<2>().0.iter().zip(recon.plane(1 + plane).row(y));
                    pairs.map(|(pair, &b)| u64::from(pair[plane].abs_diff(b)).pow(2)).sum::<u64>()
                });
                rows.sum()
            };
            [luma, sse(0), sse(1)]
        }
    }
}

/// Returns the sum of squared errors of Y over the visible area.
pub fn luma_sse(kernels: &Kernels, source: &Picture<'_>, recon: &FrameBuf) -> u64 {
    plane_sse(kernels, source.luma(), recon.plane(0))
}

fn plane_sse(kernels: &Kernels, source: PlaneRef<'_>, recon: PlaneRef<'_>) -> u64 {
    let width = source.layout().width;
    (0..source.layout().height)
        .map(|y| kernels.sse_row(source.row(y), &recon.row(y)[..width]))
        .sum()
}
