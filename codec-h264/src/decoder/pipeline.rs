//! Decoding of a slice on several threads.
//!
//! Three stages process the rows of macroblocks in order: parsing, luma and chroma. The last two
//! reconstruct a row and filter the row above, and do not depend on each other. One thread at a time
//! works on a stage, but any thread does: it takes a row of the stage that it worked on before, or
//! else of another stage that is not waiting. So two threads are always occupied, however the work
//! divides between the stages, and a caller whose pool has no idle thread completes the slice alone.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use codec_core::error::Corrupt;
use codec_core::parallel::Pool;
use codec_simd::Kernels;

use super::entropy::Entropy;
use super::parse::MbParser;
use super::reconstruct::Reconstructor;
use super::row_filter::Progress;
use super::slice_context::SliceContext;
use super::slice_data::SliceData;
use crate::deblock::{EdgeFinder, MbEdges, ThresholdTable};
use crate::macroblock::{Arrangement, Mb};
use crate::planes::{PlaneLines, PlaneSet};
use crate::slice::Deblocking;

/// Rows that are parsed but not reconstructed, at most.
const AHEAD: usize = 8;
/// Rows of edges: of those rows, of the row being reconstructed, and of the row above.
const EDGE_ROWS: usize = AHEAD + 2;

const PARSE: usize = 0;
const LUMA: usize = 1;
const CHROMA: usize = 2;

/// Memory of the stages, reused from slice to slice.
#[derive(Debug)]
pub(super) struct PipelineMemory {
    /// Parsed rows: a ring.
    parsed: Vec<RwLock<ParsedRow>>,
    /// The edges of the rows: a ring by row of the picture.
    edges: Vec<RwLock<Vec<Option<MbEdges>>>>,
    /// Thresholds of the filters of luma and chroma.
    thresholds: [ThresholdTable; 2],
}

/// The macroblocks of a slice in a row, or in a row of pairs.
#[derive(Debug, Default)]
struct ParsedRow {
    mbs: Vec<Mb>,
    /// How many of `mbs` are used.
    count: usize,
}

impl Default for PipelineMemory {
    fn default() -> Self {
        Self {
            parsed: Vec::new(),
            edges: Vec::new(),
            thresholds: [ThresholdTable::new(Deblocking::default()); 2],
        }
    }
}

impl PipelineMemory {
    /// Prepares for pictures of `cols` columns.
    fn begin(&mut self, cols: usize, arrangement: Arrangement) {
        let count = if arrangement == Arrangement::Mbaff { 2 * cols } else { cols };
        self.parsed.resize_with(AHEAD, RwLock::default);
        for row in &mut self.parsed {
            let row = row.get_mut().unwrap_or_else(PoisonError::into_inner);
            row.mbs.resize_with(count, Mb::new);
        }
        self.edges.resize_with(EDGE_ROWS, RwLock::default);
        for row in &mut self.edges {
            row.get_mut().unwrap_or_else(PoisonError::into_inner).resize(cols, None);
        }
    }
}

/// A slice whose stages run on a pool.
pub(super) struct ParallelSlice<'a> {
    pub kernels: &'static Kernels,
    pub cx: &'a SliceContext<'a>,
    /// Planes of the picture.
    pub planes: [PlaneLines<'a>; 3],
    /// Parameters of the slices of the picture.
    pub slices: &'a [Deblocking],
    pub progress: &'a mut Progress,
    /// Whether rows are filtered during the slice: see [`Progress`].
    pub is_filtered: bool,
}

impl ParallelSlice<'_> {
    /// Decodes the macroblocks that `parser` reads.
    ///
    /// # Errors
    /// [`Corrupt`] if the data is damaged.
    pub(super) fn decode<E: Entropy + Send>(
        self,
        parser: MbParser<'_, E>,
        pool: &dyn Pool,
        memory: &mut PipelineMemory,
    ) -> Result<(), Corrupt> {
        let Self { kernels, cx, planes: [luma, cb, cr], slices, progress, is_filtered } = self;
        memory.begin(cx.cols, cx.arrangement);
        let PipelineMemory { parsed, edges, thresholds: [of_luma, of_chroma] } = memory;
        let parse = ParseStage {
            data: SliceData::new(cx),
            parser,
            slices: if is_filtered { Some(slices) } else { None },
            decoded: 0,
            result: Ok(()),
        };
        // Rows with macroblocks of earlier slices that are not filtered yet.
        let end = (progress.decoded / cx.cols + 1).min(cx.rows);
        (progress.filtered..end).for_each(|row| parse.find_edges(edges, row, 0..cx.cols));
        let plane_stage = |planes, set, thresholds| PlaneStage {
            reconstructor: Reconstructor::new(kernels, cx, planes, set),
            thresholds,
            filtered: progress.filtered,
            is_filtered,
        };
        let none = |stride| PlaneLines { data: &mut [], stride };
        let (luma_stride, chroma_stride) = (luma.stride, cb.stride);
        let pipeline = Pipeline {
            luma: Mutex::new(plane_stage(
                [luma, none(chroma_stride), none(chroma_stride)],
                PlaneSet { luma: true, chroma: false },
                of_luma,
            )),
            chroma: Mutex::new(plane_stage(
                [none(luma_stride), cb, cr],
                PlaneSet { luma: false, chroma: true },
                of_chroma,
            )),
            parse: Mutex::new(parse),
            parsed,
            edges,
            state: Mutex::default(),
            moved: Condvar::new(),
        };
        pool.run(pool.threads().min(3), &|worker| pipeline.work(worker));
        let parse = into_inner(pipeline.parse);
        if is_filtered {
            progress.decoded += parse.decoded;
            progress.filtered = into_inner(pipeline.luma).filtered;
        }
        parse.result
    }
}

/// Which rows the stages have processed.
#[derive(Debug, Default)]
struct State {
    /// Rows that each stage has processed.
    done: [usize; 3],
    /// Whether a thread works on the stage.
    is_busy: [bool; 3],
    /// Whether the last row is parsed.
    is_parsed: bool,
    /// Whether a thread panicked.
    is_poisoned: bool,
    /// Number of threads that wait for a row.
    waiting: usize,
}

impl State {
    /// Returns whether a thread may begin a row of a stage.
    fn is_ready(&self, stage: usize) -> bool {
        let [parsed, luma, chroma] = self.done;
        !self.is_busy[stage]
            && match stage {
                PARSE => !self.is_parsed && parsed < luma.min(chroma) + AHEAD,
                _ => self.done[stage] < parsed,
            }
    }

    fn is_over(&self) -> bool {
        self.is_poisoned || (self.is_parsed && self.done == [self.done[PARSE]; 3])
    }
}

struct Pipeline<'a, 'm, E> {
    parse: Mutex<ParseStage<'a, E>>,
    luma: Mutex<PlaneStage<'a, 'm>>,
    chroma: Mutex<PlaneStage<'a, 'm>>,
    parsed: &'m [RwLock<ParsedRow>],
    edges: &'m [RwLock<Vec<Option<MbEdges>>>],
    state: Mutex<State>,
    /// Signalled when a row is processed and a thread waits.
    moved: Condvar,
}

/// A mutex that is only contended for a moment; data of a thread that panicked is not used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Entropy + Send> Pipeline<'_, '_, E> {
    /// Works on rows of all stages until the slice is decoded.
    fn work(&self, worker: usize) {
        let mut guard = PoisonGuard { state: &self.state, moved: &self.moved, is_done: false };
        let mut stage = worker % 3;
        let mut state = lock(&self.state);
        while !state.is_over() {
            let next = [stage, LUMA, PARSE, CHROMA].into_iter().find(|next| state.is_ready(*next));
            let Some(next) = next else {
                state.waiting += 1;
                state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
                continue;
            };
            stage = next;
            state.is_busy[stage] = true;
            let row = state.done[stage];
            drop(state);
            let is_parsed = match stage {
                PARSE => self.parse_row(row),
                LUMA => self.reconstruct_row(&self.luma, row),
                _ => self.reconstruct_row(&self.chroma, row),
            };
            state = lock(&self.state);
            state.is_busy[stage] = false;
            state.done[stage] += 1;
            state.is_parsed |= is_parsed;
            if state.waiting > 0 {
                self.moved.notify_all();
            }
        }
        drop(state);
        guard.is_done = true;
    }

    /// Parses a row and returns whether it is the last one.
    fn parse_row(&self, row: usize) -> bool {
        let mut stage = lock(&self.parse);
        let mut parsed = self.parsed[row % AHEAD].write().unwrap_or_else(PoisonError::into_inner);
        stage.row(&mut parsed, self.edges)
    }

    /// Reconstructs the luma or chroma of a row and filters rows above. Returns false.
    fn reconstruct_row(&self, stage: &Mutex<PlaneStage<'_, '_>>, row: usize) -> bool {
        let parsed = self.parsed[row % AHEAD].read().unwrap_or_else(PoisonError::into_inner);
        lock(stage).row(&parsed, self.edges);
        false
    }
}

/// Ends the work of all threads when dropped, unless the work is done: if a thread panics.
struct PoisonGuard<'a> {
    state: &'a Mutex<State>,
    moved: &'a Condvar,
    is_done: bool,
}

impl Drop for PoisonGuard<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            lock(self.state).is_poisoned = true;
            self.moved.notify_all();
        }
    }
}

/// Parses rows, and finds their edges.
struct ParseStage<'a, E> {
    parser: MbParser<'a, E>,
    data: SliceData,
    /// Parameters of the slices of the picture, if rows are filtered.
    slices: Option<&'a [Deblocking]>,
    /// Number of macroblocks.
    decoded: usize,
    result: Result<(), Corrupt>,
}

impl<E: Entropy> ParseStage<'_, E> {
    fn row(&mut self, row: &mut ParsedRow, edges: &[RwLock<Vec<Option<MbEdges>>>]) -> bool {
        row.count = 0;
        let is_last = loop {
            // A row that has no more macroblocks is at its end.
            let Some(mb) = row.mbs.get_mut(row.count) else { break false };
            let mut is_parsed = false;
            let result = self.data.next(&mut self.parser, mb, |_, _| is_parsed = true);
            row.count += usize::from(is_parsed);
            match result {
                Ok(true) => break true,
                Ok(false) if self.is_row_end(mb) => break false,
                Ok(false) => {}
                Err(error) => {
                    // Coefficients of the damaged macroblock.
                    if !is_parsed {
                        mb.coeffs = [[0; 16]; 24];
                    }
                    self.result = Err(error);
                    break true;
                }
            }
        };
        self.decoded += row.count;
        if let [first, ..] = &row.mbs[..row.count] {
            self.find_edges(edges, first.row, first.x..first.x + row.count);
        }
        is_last
    }

    fn is_row_end(&self, mb: &Mb) -> bool {
        let cx = self.parser.cx;
        mb.x + 1 == cx.cols && (cx.arrangement != Arrangement::Mbaff || mb.row % 2 == 1)
    }

    /// Finds the edges of macroblocks of a row.
    fn find_edges(
        &self,
        edges: &[RwLock<Vec<Option<MbEdges>>>],
        row: usize,
        xs: std::ops::Range<usize>,
    ) {
        let (Some(slices), Some(edges)) = (self.slices, edges.get(row % EDGE_ROWS)) else { return };
        let (infos, motion) = self.parser.stored();
        let cols = self.parser.cx.cols;
        let finder = EdgeFinder { infos, motion: &motion.mbs, slices, cols, is_field: false };
        let mut edges = edges.write().unwrap_or_else(PoisonError::into_inner);
        for x in xs {
            edges[x] = finder.edges(x, row);
        }
    }
}

/// Reconstructs and filters luma or chroma.
struct PlaneStage<'a, 'm> {
    reconstructor: Reconstructor<'a>,
    thresholds: &'m mut ThresholdTable,
    /// Number of rows of the picture that are filtered.
    filtered: usize,
    is_filtered: bool,
}

impl PlaneStage<'_, '_> {
    fn row(&mut self, row: &ParsedRow, edges: &[RwLock<Vec<Option<MbEdges>>>]) {
        let mbs = &row.mbs[..row.count];
        self.reconstructor.macroblocks(mbs, |_, _| {});
        let Some(last) = mbs.last().filter(|_| self.is_filtered) else { return };
        if last.x + 1 < self.reconstructor.cx.cols {
            return;
        }
        let mut filter = self.reconstructor.edge_filter(self.thresholds);
        for row in self.filtered..last.row {
            let edges = edges[row % EDGE_ROWS].read().unwrap_or_else(PoisonError::into_inner);
            for (x, edges) in edges.iter().enumerate() {
                if let Some(edges) = edges {
                    filter.whole((x, row), false, edges);
                }
            }
        }
        self.filtered = last.row;
    }
}
