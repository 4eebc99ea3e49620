//! Quantiser steps of a frame by segment.

use crate::header::FrameHeader;
use crate::tables::quantiser::steps;

/// Steps of DC and AC coefficients.
pub(crate) type Steps = [i32; 2];

/// Returns the steps of luma and chroma for each segment.
pub(crate) fn quantisers(header: &FrameHeader) -> [[Steps; 2]; 8] {
    std::array::from_fn(|segment| {
        let segment = segment.to_le_bytes()[0];
        steps_at(header, header.segmentation.qindex(segment, header.quantiser.base))
    })
}

/// Returns the steps of luma and chroma for blocks of the quantiser index `base`.
pub(crate) fn steps_at(header: &FrameHeader, base: u8) -> [Steps; 2] {
    let quantiser = &header.quantiser;
    let index = |delta: i16| (i16::from(base) + delta).clamp(0, 255).to_le_bytes()[0];
    let depth = header.format.depth;
    [
        steps(depth, index(quantiser.luma_dc), index(0)),
        steps(depth, index(quantiser.chroma_dc), index(quantiser.chroma_ac)),
    ]
}
