//! Quantiser steps of a frame by segment.

use crate::header::FrameHeader;
use crate::tables::quantiser::steps;

/// Steps of DC and AC coefficients.
pub(crate) type Steps = [i32; 2];

/// Returns the steps of luma and chroma for each segment.
pub(crate) fn quantisers(header: &FrameHeader) -> [[Steps; 2]; 8] {
    let quantiser = &header.quantiser;
    std::array::from_fn(|segment| {
        let segment = segment.to_le_bytes()[0];
        let base = i16::from(header.segmentation.qindex(segment, quantiser.base));
        let index = |delta: i16| (base + delta).clamp(0, 255).to_le_bytes()[0];
        let depth = header.format.depth;
        [
            steps(depth, index(quantiser.luma_dc), index(0)),
            steps(depth, index(quantiser.chroma_dc), index(quantiser.chroma_ac)),
        ]
    })
}
