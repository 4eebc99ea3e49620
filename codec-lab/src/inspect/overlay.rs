//! Packs the blocks of a frame compactly, in the order that the page's script reads.

use std::io::Write;

use codec_core::codec::trace::{BlockTrace, FrameTrace, Motion};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::chroma::ChromaError;

/// The byte that means "none".
const NONE: u8 = 255;

/// Packs blocks, then partitions, then places if blocks differ in size, then chroma errors: the values of
/// each property one after the other, little-endian,
/// compressed as a whole (RFC 1950).
pub(super) fn pack(trace: &FrameTrace, error: Option<&ChromaError>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(24 * trace.blocks.len() + 16 * trace.parts.len());
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(count(trace.blocks.len()));
    bytes.extend(count(trace.parts.len()));
    let mut each = |value: &dyn Fn(&BlockTrace) -> u8| bytes.extend(trace.blocks.iter().map(value));
    each(&|block| block.luma);
    each(&|block| block.chroma.unwrap_or(NONE));
    each(&|block| block.motion[0].map_or(NONE, |motion| motion.slot));
    each(&|block| block.segment);
    each(&|block| block.qindex);
    each(&|block| {
        u8::from(block.skip) | u8::from(block.filters_inside) << 1 | u8::from(block.concealed) << 2
    });
    each(&|block| u8::try_from(block.coded_blocks).unwrap_or(u8::MAX));
    each(&|block| block.transform_px);
    each(&|block| block.filter_level);
    each(&|block| block.parts.1);
    let vectors = trace.blocks.iter().map(|block| block.motion[0].unwrap_or_default().vector);
    bytes.extend(vectors.clone().flat_map(|vector| vector.x.to_le_bytes()));
    bytes.extend(vectors.flat_map(|vector| vector.y.to_le_bytes()));
    bytes.extend(trace.blocks.iter().flat_map(|block| block.mode_q8.to_le_bytes()));
    bytes.extend(trace.blocks.iter().flat_map(|block| block.token_q8.to_le_bytes()));
    bytes.extend(trace.parts.iter().map(|part| part.at.0));
    bytes.extend(trace.parts.iter().map(|part| part.at.1));
    bytes.extend(trace.parts.iter().map(|part| part.size.0));
    bytes.extend(trace.parts.iter().map(|part| part.size.1));
    bytes.extend(trace.parts.iter().map(|part| part.mode.unwrap_or(NONE)));
    let vectors = trace.parts.iter().map(|part| part.motion[0].unwrap_or_default().vector);
    bytes.extend(vectors.clone().flat_map(|vector| vector.x.to_le_bytes()));
    bytes.extend(vectors.flat_map(|vector| vector.y.to_le_bytes()));
    let blocks: Vec<_> = trace.blocks.iter().map(|block| block.motion[1]).collect();
    pack_motion(&blocks, &mut bytes);
    let first = trace.parts.iter().map(|part| part.motion[0]);
    bytes.extend(first.map(|motion| motion.map_or(NONE, |motion| motion.slot)));
    let parts: Vec<_> = trace.parts.iter().map(|part| part.motion[1]).collect();
    pack_motion(&parts, &mut bytes);
    if trace.block_pixels.is_none() {
        bytes.extend(trace.blocks.iter().flat_map(|block| block.at.0.to_le_bytes()));
        bytes.extend(trace.blocks.iter().flat_map(|block| block.at.1.to_le_bytes()));
        bytes.extend(trace.blocks.iter().map(|block| block.size.0));
        bytes.extend(trace.blocks.iter().map(|block| block.size.1));
    }
    for plane in error.iter().flat_map(|error| [0, 1].map(|n| (error, n))) {
        let (ChromaError { blocks, .. }, n) = plane;
        bytes.extend(blocks.iter().flat_map(|block| block.mean_q4[n].to_le_bytes()));
        bytes.extend(blocks.iter().flat_map(|block| block.mse_q4[n].to_le_bytes()));
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&bytes)?;
    encoder.finish()
}

/// Packs references, then vectors.
fn pack_motion(motion: &[Option<Motion>], bytes: &mut Vec<u8>) {
    bytes.extend(motion.iter().map(|motion| motion.map_or(NONE, |motion| motion.slot)));
    let vectors = motion.iter().map(|motion| motion.unwrap_or_default().vector);
    bytes.extend(vectors.clone().flat_map(|vector| vector.x.to_le_bytes()));
    bytes.extend(vectors.flat_map(|vector| vector.y.to_le_bytes()));
}
