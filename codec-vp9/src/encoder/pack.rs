//! Writing of a frame: once to count, then with the probabilities that follow from the counts.

use std::ops::Range;

use codec_core::codec::{BitsByPart, Packet};
use codec_core::entropy::{BoolEncoder, BoolSink};

use super::buffers::Buffers;
use super::write::blocks::BlockWriter;
use super::write::compressed::write_compressed;
use super::write::uncompressed::write_header;
use crate::block::mode_map::ModeMap;
use crate::block::setup::FrameSetup;
use crate::probability::{Counts, Probabilities};

/// Columns of the tiles, in units of 8 pixels.
pub(super) fn tile_columns(setup: &FrameSetup<'_, u8>) -> impl Iterator<Item = Range<usize>> {
    let (layout, cols, superblocks) = (setup.header.tiles, setup.cols, setup.superblocks().0);
    (0..1 << layout.log2_cols).map(move |index| {
        let range = layout.col(index, superblocks);
        8 * range.start..(8 * range.end).min(cols)
    })
}

/// Counts syntax elements without writing them.
struct Discard;

impl BoolSink for Discard {
    #[inline]
    fn put_bool(&mut self, _bit: bool, _prob: u8) {}
}

/// Writes the frame into `packet`, and the probabilities that it is written with into `probabilities`.
/// Returns the sizes of both headers in bytes.
pub(super) fn pack(
    setup: &FrameSetup<'_, u8>,
    buffers: &mut Buffers,
    modes: &ModeMap,
    probabilities: &mut Probabilities,
    packet: &mut Packet,
) -> ((usize, usize), BitsByPart) {
    let (superblock_cols, _) = setup.superblocks();
    let before = probabilities.clone();
    buffers.counts = Counts::default();
    buffers.contexts.reset(superblock_cols);
    let mut levels = buffers.levels.reader();
    let mut writer = BlockWriter {
        setup,
        probabilities: &before,
        modes,
        levels: &mut levels,
        counts: &mut buffers.counts,
        contexts: &mut buffers.contexts,
        magnitudes: &mut buffers.magnitudes.0,
        sink: Discard,
        cols: 0..0,
    };
    for tile in tile_columns(setup) {
        writer.cols = tile;
        writer.write_tile();
    }
    let counts = &buffers.counts;
    let mut compressed = std::mem::take(&mut buffers.compressed);
    compressed.clear();
    let compressed =
        write_compressed(setup.header, setup.compressed, counts, probabilities, compressed);
    let out = &mut packet.data;
    out.clear();
    let mut header = setup.header.clone();
    header.compressed_bytes = compressed.len();
    let first = setup.references[0].as_ref();
    let explicit_size = first.is_some_and(|reference| reference.scale.is_some());
    write_header(&header, explicit_size, out);
    let header_bytes = out.len();
    out.extend_from_slice(&compressed);
    write_tiles(setup, buffers, modes, probabilities, out);
    // The last byte must not look like the end of a superframe.
    if out.last().is_some_and(|last| last & 0xe0 == 0xc0) {
        out.push(0);
    }
    let bits = BitsByPart {
        header: 8 * (header_bytes + compressed.len()) as u64,
        modes: 0,
        coefficients: 8 * (out.len() - header_bytes - compressed.len()) as u64,
    };
    let sizes = (header_bytes, compressed.len());
    buffers.compressed = compressed;
    (sizes, bits)
}

/// Appends the tiles.
fn write_tiles(
    setup: &FrameSetup<'_, u8>,
    buffers: &mut Buffers,
    modes: &ModeMap,
    probabilities: &Probabilities,
    out: &mut Vec<u8>,
) {
    buffers.contexts.reset(setup.superblocks().0);
    let mut levels = buffers.levels.reader();
    let count = 1 << setup.header.tiles.log2_cols;
    for (index, tile) in tile_columns(setup).enumerate() {
        let size_at = out.len();
        let is_last = index + 1 == count;
        if !is_last {
            out.extend_from_slice(&[0; 4]);
        }
        let start = out.len();
        let mut encoder = BoolEncoder::new(std::mem::take(out));
        encoder.put_flag(false);
        let mut writer = BlockWriter {
            setup,
            probabilities,
            modes,
            levels: &mut levels,
            counts: &mut buffers.written,
            contexts: &mut buffers.contexts,
            magnitudes: &mut buffers.magnitudes.0,
            sink: encoder,
            cols: tile,
        };
        writer.write_tile();
        *out = writer.sink.finish();
        if !is_last {
            let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
            out[size_at..start].copy_from_slice(&size.to_be_bytes());
        }
    }
}
