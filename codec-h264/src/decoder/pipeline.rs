//! Decoding of a slice on several threads.
//!
//! Parsing, luma and chroma are separate stages ([`Stages`]), and each stage processes one row of
//! macroblocks at a time. After a row is reconstructed, the row above it is deblocked.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use codec_core::error::Corrupt;
use codec_core::frame::PlaneSet;
use codec_core::parallel::{AHEAD, Pool, Stages, run_stages};
use codec_simd::Kernels;

use super::entropy::Entropy;
use super::parse::MbParser;
use super::reconstruct::Reconstructor;
use super::row_filter::Progress;
use super::slice_context::SliceContext;
use super::slice_data::SliceData;
use crate::deblock::{EdgeFinder, MbEdges, ThresholdTable};
use crate::macroblock::{Arrangement, Mb};
use crate::planes::PlaneLines;
use crate::slice::Deblocking;

/// Rows of edges: of the rows that are parsed but not reconstructed, of the row being reconstructed, and
/// of the row above.
const EDGE_ROWS: usize = AHEAD + 2;

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
        let plane_stage = |lines, own, thresholds| PlaneStage {
            lines,
            own,
            thresholds,
            filtered: progress.filtered,
            is_filtered,
        };
        let none = |stride| PlaneLines { data: &mut [], stride };
        let strides = [luma.stride, cb.stride, cr.stride];
        let pipeline = Pipeline {
            kernels,
            cx,
            strides,
            luma: Mutex::new(plane_stage(
                [luma, none(strides[1]), none(strides[2])],
                0..1,
                of_luma,
            )),
            chroma: Mutex::new(plane_stage([none(strides[0]), cb, cr], 1..3, of_chroma)),
            parse: Mutex::new(parse),
            parsed,
            edges,
        };
        run_stages(pool, &pipeline);
        let parse = into_inner(pipeline.parse);
        if is_filtered {
            progress.decoded += parse.decoded;
            progress.filtered = into_inner(pipeline.luma).filtered;
        }
        parse.result
    }
}

struct Pipeline<'a, 'm, E> {
    kernels: &'static Kernels,
    cx: &'a SliceContext<'a>,
    /// Strides of the planes, in samples.
    strides: [usize; 3],
    parse: Mutex<ParseStage<'a, E>>,
    luma: Mutex<PlaneStage<'a, 'm>>,
    chroma: Mutex<PlaneStage<'a, 'm>>,
    parsed: &'m [RwLock<ParsedRow>],
    edges: &'m [RwLock<Vec<Option<MbEdges>>>],
}

/// A mutex that is only contended for a moment; data of a thread that panicked is not used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, E: Entropy + Send> Stages for Pipeline<'a, '_, E> {
    type Worker = Reconstructor<'a>;

    fn worker(&self) -> Reconstructor<'a> {
        let planes = self.strides.map(|stride| PlaneLines { data: &mut [], stride });
        Reconstructor::new(self.kernels, self.cx, planes, PlaneSet::all(true))
    }

    fn parse(&self, row: usize) -> bool {
        let mut stage = lock(&self.parse);
        let mut parsed = self.parsed[row % AHEAD].write().unwrap_or_else(PoisonError::into_inner);
        stage.row(&mut parsed, self.edges)
    }

    /// Reconstructs the planes of a row and filters rows above.
    fn reconstruct(&self, reconstructor: &mut Reconstructor<'a>, set: PlaneSet, row: usize) {
        let parsed = self.parsed[row % AHEAD].read().unwrap_or_else(PoisonError::into_inner);
        let mut luma = set.luma.then(|| lock(&self.luma));
        let mut chroma = set.chroma.then(|| lock(&self.chroma));
        let mut stages = [luma.as_deref_mut(), chroma.as_deref_mut()].into_iter().flatten();
        let (Some(first), second) = (stages.next(), stages.next()) else { return };
        reconstructor.select(set);
        first.exchange(reconstructor);
        let filtered = match second {
            Some(second) => {
                second.exchange(reconstructor);
                let filtered = first.row(&parsed, self.edges, reconstructor);
                second.exchange(reconstructor);
                second.filtered = filtered;
                filtered
            }
            None => first.row(&parsed, self.edges, reconstructor),
        };
        first.filtered = filtered;
        first.exchange(reconstructor);
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

/// Luma or chroma of the picture.
struct PlaneStage<'a, 'm> {
    /// Without samples in the planes of other stages, and while a thread works on the stage.
    lines: [PlaneLines<'a>; 3],
    /// Which planes.
    own: std::ops::Range<usize>,
    thresholds: &'m mut ThresholdTable,
    /// Number of rows of the picture that are filtered.
    filtered: usize,
    is_filtered: bool,
}

impl<'a> PlaneStage<'a, '_> {
    /// Passes the samples to a reconstructor, or back.
    fn exchange(&mut self, reconstructor: &mut Reconstructor<'a>) {
        let own = self.own.clone();
        for (line, other) in self.lines[own.clone()].iter_mut().zip(&mut reconstructor.planes[own])
        {
            std::mem::swap(&mut line.data, &mut other.data);
        }
    }

    /// Reconstructs a row, filters rows above, and returns the number of rows that are filtered.
    fn row(
        &mut self,
        row: &ParsedRow,
        edges: &[RwLock<Vec<Option<MbEdges>>>],
        reconstructor: &mut Reconstructor<'a>,
    ) -> usize {
        let mbs = &row.mbs[..row.count];
        reconstructor.macroblocks(mbs, |_, _| {});
        let Some(last) = mbs.last().filter(|_| self.is_filtered) else { return self.filtered };
        if last.x + 1 < reconstructor.cx.cols {
            return self.filtered;
        }
        let mut filter = reconstructor.edge_filter(self.thresholds);
        for row in self.filtered..last.row {
            let edges = edges[row % EDGE_ROWS].read().unwrap_or_else(PoisonError::into_inner);
            for (x, edges) in edges.iter().enumerate() {
                if let Some(edges) = edges {
                    filter.whole((x, row), false, edges);
                }
            }
        }
        last.row
    }
}
