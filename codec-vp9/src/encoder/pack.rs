//! Writes a frame with probabilities that are computed from the counts of its syntax elements.

use std::ops::Range;

use codec_core::codec::BitsByPart;
use codec_core::entropy::{BoolEncoder, BoolSink};

use super::levels::LevelReader;
use super::row::RowStore;
use super::tiles::tile_columns;
use super::write::blocks::BlockWriter;
use super::write::compressed::write_compressed;
use super::write::tokens::{CountingEncoder, TokenSink};
use super::write::uncompressed::write_header;
use crate::block::contexts::Contexts;
use crate::block::mode_map::ModeMap;
use crate::block::setup::FrameSetup;
use crate::probability::{Counts, Probabilities};

/// Buffers for writing a frame.
#[derive(Debug, Default)]
pub(super) struct Writing {
    pub(super) contexts: Contexts,
    /// Counts of the elements that are written, if they were not counted before.
    pub(super) counts: Counts,
    /// The compressed header.
    pub(super) compressed: Vec<u8>,
}

/// A frame to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackInput<'a> {
    pub(super) setup: &'a FrameSetup<'a, u8>,
    /// Counts of its syntax elements; `None` if they are counted while they are written.
    pub(super) counts: Option<&'a Counts>,
    pub(super) rows: &'a [RowStore],
    pub(super) modes: &'a ModeMap,
}

/// Writes the frame into `out`, and the probabilities that it is written with into `probabilities`.
/// Returns the sizes of both headers in bytes.
pub(super) fn pack(
    input: PackInput<'_>,
    writing: &mut Writing,
    probabilities: &mut Probabilities,
    out: &mut Vec<u8>,
) -> ((usize, usize), BitsByPart) {
    let PackInput { setup, counts, .. } = input;
    writing.counts = Counts::default();
    let counts = counts.unwrap_or(&writing.counts);
    let mut compressed = std::mem::take(&mut writing.compressed);
    compressed.clear();
    let compressed =
        write_compressed(setup.header, setup.compressed, counts, probabilities, compressed);
    out.clear();
    let mut header = setup.header.clone();
    header.compressed_bytes = compressed.len();
    let first = setup.references[0].as_ref();
    let explicit_size = first.is_some_and(|reference| reference.scale.is_some());
    write_header(&header, explicit_size, out);
    let header_bytes = out.len();
    out.extend_from_slice(&compressed);
    write_tiles(input, writing, probabilities, out);
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
    writing.compressed = compressed;
    (sizes, bits)
}

/// Appends the tiles.
fn write_tiles(
    input: PackInput<'_>,
    writing: &mut Writing,
    probabilities: &Probabilities,
    out: &mut Vec<u8>,
) {
    let setup = input.setup;
    writing.contexts.reset(setup.superblocks().0);
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
        let tile = (index, tile);
        encoder = if input.counts.is_some() {
            write_tile(input, writing, probabilities, tile, encoder)
        } else {
            write_tile(input, writing, probabilities, tile, CountingEncoder(encoder)).0
        };
        *out = encoder.finish();
        if !is_last {
            let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
            out[size_at..start].copy_from_slice(&size.to_be_bytes());
        }
    }
}

/// Writes the blocks of the tile with a number and columns into `sink`, and returns it.
fn write_tile<K: TokenSink>(
    input: PackInput<'_>,
    writing: &mut Writing,
    probabilities: &Probabilities,
    (index, cols): (usize, Range<usize>),
    sink: K,
) -> K {
    let mut writer = BlockWriter {
        setup: input.setup,
        probabilities,
        modes: input.modes,
        levels: LevelReader::default(),
        counts: &mut writing.counts,
        contexts: &mut writing.contexts,
        sink,
        cols,
    };
    for (row, store) in input.rows.iter().enumerate() {
        writer.levels = store.levels_of(index);
        writer.write_row(row);
    }
    writer.sink
}
