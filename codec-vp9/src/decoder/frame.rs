//! Decoding of one frame, from its headers to the state that it leaves for the next ones.

use codec_core::entropy::BoolDecoder;
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{FrameBuf, Size};

use super::contexts::Contexts;
use super::loop_filter::{EdgeMap, LoopFilter};
use super::mode_map::ModeMap;
use super::planes::{planes, planes_mut};
use super::quantisers::quantisers;
use super::references::{ReferencePlanes, Scale};
use super::sample::{Kit, Sample};
use super::scratch::Scratch;
use super::segments::SegmentMaps;
use super::tile::{FrameSetup, Tile, TileDecoder};
use crate::header::FrameHeader;
use crate::header::compressed::{CompressedHeader, open_partition};
use crate::probability::{Adaptation, Counts, InterAdaptation, Probabilities, adapt};

/// Buffers and statistics of the frame that is decoded, and what the next frame needs of it.
#[derive(Debug, Default)]
pub(crate) struct FrameState {
    pub(crate) modes: ModeMap,
    pub(crate) segments: Vec<u8>,
    pub(crate) counts: Box<Counts>,
    pub(crate) contexts: Contexts,
    pub(crate) edges: EdgeMap,
}

/// The state before a frame.
#[derive(Debug)]
pub(crate) struct FrameInput<'a, S> {
    pub(crate) kit: Kit,
    pub(crate) header: &'a FrameHeader,
    /// The probabilities of the saved context that the frame starts from.
    pub(crate) saved: &'a Probabilities,
    pub(crate) references: [Option<&'a FrameBuf<S>>; 3],
    /// Modes of the last frame, if its vectors are usable.
    pub(crate) modes_before: Option<&'a ModeMap>,
    /// The last segment map; empty if all segments are 0.
    pub(crate) segments_before: &'a [u8],
    /// Whether this is an inter frame, and the frame before was a key frame.
    pub(crate) follows_key: bool,
    /// Whether blocks that damaged tiles lack are concealed.
    pub(crate) conceals: bool,
}

/// What the decoding of a frame yields apart from its samples.
#[derive(Debug)]
pub(crate) struct FrameOutcome {
    /// The probabilities at its end.
    pub(crate) probabilities: Probabilities,
    /// The references that its blocks are predicted from.
    pub(crate) used: [bool; 3],
    /// Number of 8x8 pixels that were concealed.
    pub(crate) concealed: usize,
}

/// Decodes the frame `data` into `frame`.
pub(crate) fn decode_frame<S: Sample>(
    data: &[u8],
    input: &FrameInput<'_, S>,
    state: &mut FrameState,
    scratch: &mut Scratch<S>,
    frame: &mut FrameBuf<S>,
) -> Result<FrameOutcome, Error> {
    let header = input.header;
    let truncated = Corrupt::HeaderTruncated {
        needed_bytes: header.header_bytes + header.compressed_bytes,
        had_bytes: data.len(),
    };
    let rest = data.get(header.header_bytes..).ok_or(truncated)?;
    let (compressed, tiles) = rest.split_at_checked(header.compressed_bytes).ok_or(truncated)?;
    let mut probabilities = input.saved.clone();
    let compressed = CompressedHeader::parse(compressed, header, &mut probabilities)?;
    let (cols, rows) = units_of(header.size);
    let setup = FrameSetup {
        kit: input.kit,
        header,
        compressed,
        probabilities: &probabilities,
        compound: header.references.compound(),
        references: input.references.map(|reference| {
            let reference = reference?;
            let scale = Scale::new(reference.size(), header.size);
            Some(ReferencePlanes { planes: planes(reference), scale })
        }),
        quantisers: quantisers(header),
        before: input.modes_before,
        cols,
        rows,
    };
    state.modes.reset(cols, rows);
    *state.counts = Counts::default();
    if header.segmentation.enabled {
        state.segments.clear();
        state.segments.resize(cols * rows, 0);
    }
    state.contexts.reset(cols.div_ceil(8));
    state.edges.reset(cols.div_ceil(8), rows.div_ceil(8));
    let filter = LoopFilter::new(input.kit, header, cols, rows);
    let mut decoder = TileDecoder {
        setup: &setup,
        planes: planes_mut(frame),
        modes: &mut state.modes,
        segments: SegmentMaps { cols, before: input.segments_before, current: &mut state.segments },
        counts: &mut state.counts,
        contexts: &mut state.contexts,
        filter: filter.as_ref(),
        edges: &mut state.edges,
        scratch,
        reader: BoolDecoder::new(&[]),
        cols: 0..0,
        offset_bytes: 0,
        used: [false; 3],
    };
    let offset_bytes = data.len() - tiles.len();
    let concealed = decode_tiles(tiles, offset_bytes, &mut decoder, input.conceals)?;
    let used = decoder.used;
    if header.contexts.adapt && concealed == 0 {
        let adaptation = Adaptation {
            follows_key: input.follows_key,
            inter: (!header.is_intra()).then_some(InterAdaptation {
                tx_mode: compressed.tx_mode,
                selects_filter: header.references.filter.is_none(),
                high_precision: header.references.high_precision,
            }),
        };
        adapt(&mut probabilities, input.saved, &state.counts, adaptation);
    }
    Ok(FrameOutcome { probabilities, used, concealed })
}

/// Returns the number of columns and rows of 8x8 pixels.
pub(crate) fn units_of(size: Size) -> (usize, usize) {
    (size.width.div_ceil(8) as usize, size.height.div_ceil(8) as usize)
}

/// Largest number of columns of tiles.
const MAX_TILE_COLS: usize = 64;

/// Decodes all rows of superblocks, and filters each one after the next, whose intra prediction needs
/// it without a filter. Returns the number of 8x8 pixels that were concealed.
fn decode_tiles<'a, S: Sample>(
    data: &'a [u8],
    offset_bytes: usize,
    decoder: &mut TileDecoder<'a, S>,
    conceals: bool,
) -> Result<usize, Corrupt> {
    let layout = decoder.setup.header.tiles;
    let superblock_rows = decoder.setup.rows.div_ceil(8);
    let superblock_cols = decoder.setup.cols.div_ceil(8);
    let tile_cols = 1 << layout.log2_cols;
    let mut concealed = 0;
    let mut rest = Some(data);
    for tile_row in 0..1 << layout.log2_rows {
        let mut tiles: [Option<Tile<'a>>; MAX_TILE_COLS] = [const { None }; MAX_TILE_COLS];
        for (col, tile) in tiles.iter_mut().enumerate().take(tile_cols) {
            let index = tile_row * tile_cols + col;
            let is_last = index + 1 == tile_cols << layout.log2_rows;
            match open_tile(&mut rest, index, is_last, offset_bytes + data.len()) {
                Ok(opened) => *tile = Some(opened),
                Err(error) if !conceals => return Err(error),
                Err(_) => {}
            }
        }
        for row in layout.row(tile_row, superblock_rows) {
            for (index, tile) in tiles.iter_mut().enumerate().take(tile_cols) {
                let cols = layout.col(index, superblock_cols);
                let result = decoder.decode_row(tile, row, cols.clone());
                if let Err(error) = result {
                    if !conceals {
                        return Err(error);
                    }
                    *tile = None;
                }
                if tile.is_none() {
                    concealed += decoder.conceal_row(row, cols);
                }
            }
            if let Some(above) = row.checked_sub(1) {
                decoder.filter_row(above);
            }
        }
    }
    decoder.filter_row(superblock_rows - 1);
    Ok(concealed)
}

/// Takes a tile off the start of `rest`, which is `None` after a damaged size. All tiles but the last
/// are preceded by their size. The frame's data ends at `end_bytes`.
fn open_tile<'a>(
    rest: &mut Option<&'a [u8]>,
    index: usize,
    is_last: bool,
    end_bytes: usize,
) -> Result<Tile<'a>, Corrupt> {
    const WHAT: &str = "a tile";
    let missing = Corrupt::Other { what: WHAT, offset_bytes: end_bytes };
    let mut data = rest.take().ok_or(missing)?;
    let tile = if is_last {
        data
    } else {
        let at = end_bytes - data.len();
        let tile = split_tile(&mut data, index, at)?;
        *rest = Some(data);
        tile
    };
    let after = if is_last { 0 } else { data.len() };
    let offset_bytes = end_bytes - after - tile.len();
    Ok(Tile { reader: open_partition(tile, WHAT, offset_bytes)?, offset_bytes })
}

/// Takes a tile and its size off the start of `rest`.
fn split_tile<'a>(
    rest: &mut &'a [u8],
    index: usize,
    offset_bytes: usize,
) -> Result<&'a [u8], Corrupt> {
    let had_bytes = rest.len();
    let damaged =
        |size_bytes| Corrupt::TokenPartition { index, offset_bytes, size_bytes, had_bytes };
    let (size, after) = rest.split_first_chunk::<4>().ok_or(damaged(4))?;
    let size = u32::from_be_bytes(*size) as usize;
    let (tile, after) = after.split_at_checked(size).ok_or(damaged(size))?;
    *rest = after;
    Ok(tile)
}
