//! Decoding of a frame on several threads.
//!
//! Parsing, luma and chroma are separate stages ([`Stages`]). Each stage processes one unit at a
//! time: a few superblocks of a tile. After the reconstruction of a unit, the loop filter processes
//! the rows above it.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_core::frame::PlaneSet;
use codec_core::parallel::{AHEAD, Pool, Stages, run_stages};

use super::frame::{BlockOutcome, FrameState, FrameTask};
use super::segments::SegmentMaps;
use super::tile::TileParser;
use super::tiles::{Runs, Tiles};
use super::unit::{UNIT_SUPERBLOCKS, Unit};
use crate::block::planes::{PlaneMut, planes_mut};
use crate::block::reconstruct::Reconstructor;
use crate::block::sample::Sample;

impl<S: Sample> FrameTask<'_, S> {
    /// Decodes the frame on several threads.
    ///
    /// # Errors
    /// The error of the first damaged tile. Blocks after it are not decoded.
    pub(super) fn decode_on(&mut self, pool: &dyn Pool) -> Result<BlockOutcome, Corrupt> {
        let Self { setup, tiles, filter, segments_before, state, memory, frame, .. } = self;
        let FrameState { modes, segments, counts, contexts, edges } = &mut **state;
        memory.units.resize_with(AHEAD, RwLock::default);
        let parser = TileParser {
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
        let (luma_edges, chroma_edges) = edges.split_at_mut(1);
        let [luma_scratch, chroma_scratch] = &mut memory.blocks;
        let [y, u, v] = planes_mut(frame);
        let pipeline = Pipeline {
            parse: Mutex::new(ParseStage {
                parser,
                tiles,
                runs: Runs::new(setup.header.tiles, setup.superblocks(), UNIT_SUPERBLOCKS),
                result: Ok(()),
            }),
            luma: Mutex::new(Reconstructor {
                setup,
                planes: [y, PlaneMut::empty(), PlaneMut::empty()],
                own: 0..1,
                filter: *filter,
                edges: luma_edges,
                scratch: luma_scratch,
            }),
            chroma: Mutex::new(Reconstructor {
                setup,
                planes: [PlaneMut::empty(), u, v],
                own: 1..3,
                filter: *filter,
                edges: chroma_edges,
                scratch: chroma_scratch,
            }),
            units: &memory.units,
        };
        run_stages(pool, &pipeline);
        let ParseStage { parser, result, .. } =
            pipeline.parse.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.map(|()| BlockOutcome { used: parser.used, concealed: 0 })
    }
}

/// The stages of a frame, each with what only one thread at a time uses.
struct Pipeline<'a, 'd, S: Sample> {
    parse: Mutex<ParseStage<'a, 'd, S>>,
    luma: Mutex<Reconstructor<'a, S>>,
    chroma: Mutex<Reconstructor<'a, S>>,
    /// See [`super::memory::Memory::units`].
    units: &'a [RwLock<Unit<S>>],
}

struct ParseStage<'a, 'd, S: Sample> {
    parser: TileParser<'a, 'd, S>,
    tiles: &'a mut Tiles<'d>,
    runs: Runs,
    result: Result<(), Corrupt>,
}

impl<S: Sample> ParseStage<'_, '_, S> {
    /// Parses the next run into `unit`.
    fn parse(&mut self, unit: &mut Unit<S>) -> Result<(), Corrupt> {
        unit.clear();
        let Some(run) = self.runs.next() else { return Ok(()) };
        self.tiles.open_row(run.tile_row, false)?;
        self.parser.run(&mut self.tiles.cols[run.tile_col], &run, unit)?;
        unit.filtered = run.filtered;
        Ok(())
    }
}

/// Locks a mutex that no other thread holds; data of a thread that panicked is not used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Sample> Stages for Pipeline<'_, '_, S> {
    type Worker = ();

    fn worker(&self) {}

    fn parse(&self, index: usize) -> bool {
        let mut stage = lock(&self.parse);
        let mut unit = self.units[index % AHEAD].write().unwrap_or_else(PoisonError::into_inner);
        stage.result = stage.parse(&mut unit);
        stage.result.is_err() || stage.runs.is_over()
    }

    fn reconstruct(&self, (): &mut (), planes: PlaneSet, index: usize) {
        let unit = self.units[index % AHEAD].read().unwrap_or_else(PoisonError::into_inner);
        if planes.luma {
            unit.reconstruct(&mut lock(&self.luma));
        }
        if planes.chroma {
            unit.reconstruct(&mut lock(&self.chroma));
        }
    }
}
