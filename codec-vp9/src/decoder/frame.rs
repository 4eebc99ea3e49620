//! Decoding of one frame, from its headers to the state that later frames depend on.

use codec_core::entropy::BoolDecoder;
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{FrameBuf, Size};
use codec_core::parallel::Pool;

use super::conceal::conceal_run;
use super::memory::Memory;
use super::segments::SegmentMaps;
use super::tile::TileParser;
use super::tiles::{Runs, Tiles};
use super::trace::Tracer;
use crate::block::contexts::Contexts;
use crate::block::loop_filter::{EdgeMap, LoopFilter};
use crate::block::mode_map::ModeMap;
use crate::block::planes::{planes, planes_mut};
use crate::block::quantisers::quantisers;
use crate::block::reconstruct::Reconstructor;
use crate::block::references::{ReferencePlanes, Scale};
use crate::block::sample::{Kit, Sample};
use crate::block::setup::FrameSetup;
use crate::header::FrameHeader;
use crate::header::compressed::CompressedHeader;
use crate::probability::{Adaptation, Counts, InterAdaptation, Probabilities, adapt};

/// Buffers and statistics of the frame that is decoded, and what the next frame needs of it.
#[derive(Debug, Default)]
pub(crate) struct FrameState {
    pub(crate) modes: ModeMap,
    pub(crate) segments: Vec<u8>,
    pub(crate) counts: Box<Counts>,
    pub(crate) contexts: Contexts,
    /// Edges of luma and of chroma.
    pub(crate) edges: [EdgeMap; 2],
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
    /// `None` if the frame is decoded on the caller's thread.
    pub(crate) threads: Option<&'a dyn Pool>,
}

/// Results of decoding a frame, apart from its samples.
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
    memory: &mut Memory<S>,
    frame: &mut FrameBuf<S>,
    mut tracer: Option<&mut Tracer>,
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
    if let Some(tracer) = &mut tracer {
        tracer.begin_frame(header, input.saved, &probabilities);
    }
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
        knows_before: true,
        cols,
        rows,
    };
    let filter = LoopFilter::new(input.kit, header, cols, rows);
    let mut task = FrameTask {
        setup: &setup,
        tiles: Tiles::new(header.tiles, tiles, data.len() - tiles.len()),
        filter: filter.as_ref(),
        segments_before: input.segments_before,
        state: &mut *state,
        memory,
        frame,
        tracer,
    };
    let BlockOutcome { used, concealed } = task.decode(input.threads, input.conceals)?;
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

/// The blocks of a frame, which are to be decoded.
#[derive(Debug)]
pub(super) struct FrameTask<'a, S: Sample> {
    pub(super) setup: &'a FrameSetup<'a, S>,
    pub(super) tiles: Tiles<'a>,
    pub(super) filter: Option<&'a LoopFilter>,
    pub(super) segments_before: &'a [u8],
    pub(super) state: &'a mut FrameState,
    pub(super) memory: &'a mut Memory<S>,
    pub(super) frame: &'a mut FrameBuf<S>,
    /// Records blocks, if traces are wanted. A frame that is traced is decoded on one thread.
    pub(super) tracer: Option<&'a mut Tracer>,
}

/// The fields of [`FrameOutcome`] that the blocks determine.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockOutcome {
    pub(super) used: [bool; 3],
    pub(super) concealed: usize,
}

impl<S: Sample> FrameTask<'_, S> {
    fn decode(
        &mut self,
        threads: Option<&dyn Pool>,
        conceals: bool,
    ) -> Result<BlockOutcome, Corrupt> {
        if let Some(pool) = threads.filter(|_| self.tracer.is_none()) {
            let tiles = self.tiles.clone();
            self.begin();
            let outcome = self.decode_on(pool);
            if outcome.is_ok() || !conceals {
                return outcome;
            }
            // A damaged frame is decoded again, up to each tile's damage.
            self.tiles = tiles;
        }
        self.begin();
        self.decode_in_order(conceals)
    }

    /// Removes the state of another frame.
    fn begin(&mut self) {
        let FrameSetup { header, cols, rows, .. } = *self.setup;
        let (superblock_cols, superblock_rows) = self.setup.superblocks();
        self.state.modes.reset(cols, rows);
        *self.state.counts = Counts::default();
        if header.segmentation.enabled {
            self.state.segments.clear();
            self.state.segments.resize(cols * rows, 0);
        }
        self.state.contexts.reset(superblock_cols);
        self.state.edges.iter_mut().for_each(|map| map.reset(superblock_cols, superblock_rows));
    }

    /// Decodes the frame on the caller's thread: the runs of superblocks in order.
    fn decode_in_order(&mut self, conceals: bool) -> Result<BlockOutcome, Corrupt> {
        let Self { setup, tiles, filter, segments_before, state, memory, frame, tracer } = self;
        let FrameState { modes, segments, counts, contexts, edges } = &mut **state;
        let mut parser = TileParser {
            setup,
            modes,
            segments: SegmentMaps { cols: setup.cols, before: segments_before, current: segments },
            counts,
            contexts,
            magnitudes: &mut memory.magnitudes,
            reader: BoolDecoder::new(&[]),
            cols: 0..0,
            offset_bytes: 0,
            used: [false; 3],
        };
        let mut reconstructor = Reconstructor {
            setup,
            planes: planes_mut(frame),
            own: 0..3,
            filter: *filter,
            edges,
            scratch: &mut memory.blocks[0],
        };
        let mut concealed = 0;
        for run in Runs::new(setup.header.tiles, setup.superblocks(), usize::MAX) {
            tiles.open_row(run.tile_row, conceals)?;
            let tile = &mut tiles.cols[run.tile_col];
            let index = (run.tile_row << setup.header.tiles.log2_cols) + run.tile_col;
            let recorder = tracer.as_mut().zip(tile.as_ref()).and_then(|(tracer, tile)| {
                tracer.recorder(index, &tile.reader, &mut reconstructor)
            });
            let parsed = match recorder {
                None => parser.run(tile, &run, &mut reconstructor),
                Some(mut recorder) => parser.run(tile, &run, &mut recorder),
            };
            if let Err(error) = parsed {
                if !conceals {
                    return Err(error);
                }
                *tile = None;
            }
            if tile.is_none() {
                let first = parser.modes.len();
                concealed += conceal_run(&run, &mut parser, &mut reconstructor);
                if let Some(tracer) = tracer {
                    tracer.conceal(&run, parser.modes, first);
                }
            }
            run.filtered.for_each(|row| reconstructor.filter_row(row));
        }
        Ok(BlockOutcome { used: parser.used, concealed })
    }
}

/// Returns the number of columns and rows of 8x8 pixels.
pub(crate) fn units_of(size: Size) -> (usize, usize) {
    (size.width.div_ceil(8) as usize, size.height.div_ceil(8) as usize)
}
