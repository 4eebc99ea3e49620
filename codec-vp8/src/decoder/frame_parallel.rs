//! Frame-parallel decoding with a delay of one frame: while a frame is parsed, the previous one is
//! reconstructed.
//!
//! Parsing needs no pixels of other frames. One thread parses the modes; a second one follows it
//! row by row and parses the coefficients. Threads without parsing work reconstruct rows of the
//! previous frame. A thread that has reconstructed a row then filters, from top to bottom, all rows
//! that are reconstructed but not filtered, unless another thread is filtering; no thread waits for
//! the loop filter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use codec_simd::Kernels;

use super::super::header::FrameHeader;
use super::super::residual::MbCoeffs;
use super::super::rows::mb_rows;
use super::super::types::SubblockInfo;
use super::parse::{MbData, ModeParser, ParseParams, TokenParser};
use super::parsed_frame::{ParsedFrame, ParsedRow};
use super::reconstruct::Reconstructor;
use super::references::References;
use super::row_parallel::{RowParallelState, RowShared, RowSlot, STEP, lock, recycle};
use super::{FrameParams, MacroblockStats, StreamState, Timing};
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_core::frame::{Frame, FrameBuf};
use codec_core::parallel::{Pool, in_order};

/// A frame that is parsed but not reconstructed.
#[derive(Debug)]
pub(super) struct HeldFrame {
    pub(super) header: FrameHeader,
    pub(super) version: u8,
    pub(super) shown: bool,
    pub(super) timing: Timing,
}

/// Parsed frames; the memory is reused from frame to frame.
#[derive(Debug)]
pub(super) struct FrameParallelState {
    held: Option<HeldFrame>,
    /// Macroblocks of `held`.
    mbs: ParsedFrame,
    /// Macroblocks of the frame being parsed.
    next: ParsedFrame,
}

impl FrameParallelState {
    fn new(cols: usize, rows: usize) -> Self {
        Self { held: None, mbs: ParsedFrame::new(cols, rows), next: ParsedFrame::new(cols, rows) }
    }

    /// Holds the frame that was just parsed.
    pub(super) fn hold(&mut self, held: HeldFrame) {
        self.held = Some(held);
        std::mem::swap(&mut self.mbs, &mut self.next);
    }
}

/// Parses a frame for [`FrameParallelState::hold`] and completes the held frame. Also returns
/// the completed frame if it is shown.
pub(super) fn decode<'d>(
    params: &FrameParams<'_>,
    stream: &mut StreamState,
    modes: BoolDecoder<'d>,
    readers: &mut [BoolDecoder<'d>],
    pool: &dyn Pool,
) -> (Result<MacroblockStats, Corrupt>, Option<Frame>) {
    let (cols, rows) = stream.size.macroblocks();
    let StreamState {
        references, segments, next_segments, parser, probs, mb, frame_parallel, ..
    } = stream;
    let FrameParallelState { held, mbs, next } =
        frame_parallel.get_or_insert_with(|| FrameParallelState::new(cols, rows));
    let held = held.take();
    probs.update(&params.header.probs.coeffs);
    parser.begin_frame(rows);
    next.lists.clear();
    let frame = FrameParse {
        params: ParseParams::new(params, probs, references.is_some() || held.is_some()),
        rows: &next.rows,
        lost_row: AtomicUsize::new(usize::MAX),
    };
    let MbData { subblocks, coeffs, .. } = &mut **mb;
    let mode_stage = Mutex::new(ModeStage {
        state: &mut parser.modes,
        reader: modes,
        segments,
        next_segments,
        scratch: subblocks,
        list: &mut next.lists.subblocks,
        result: Ok(()),
    });
    let token_stage = Mutex::new(TokenStage {
        state: &mut parser.tokens,
        readers,
        scratch: coeffs,
        list: &mut next.lists.blocks,
        result: Ok(()),
    });
    let parse_modes = |shared: &[RowShared], _: Option<&Reconstruction<'_, '_>>| {
        lock(&mode_stage).run(&frame, shared, cols);
    };
    let parse_tokens = |shared: &[RowShared], reconstruction: Option<&Reconstruction<'_, '_>>| {
        lock(&token_stage).run(&frame, shared, reconstruction);
    };
    let stages: [Stage<'_>; 2] = [&parse_modes, &parse_tokens];
    let row_parallel = &mut stream.row_parallel;
    row_parallel.begin_frame(cols, rows);
    let shown_frame = match &held {
        None => {
            run(pool, &row_parallel.rows, &stages, None);
            None
        }
        Some(held) => {
            let mut target = stream.pool.take();
            if let Some(target) = Arc::get_mut(&mut target) {
                let from = (held, &*mbs, references.as_ref());
                reconstruct(params.kernels, from, target, row_parallel, pool, &stages);
            }
            stream.pool.recycle(target.clone());
            References::apply(references, &held.header.references, &target);
            held.shown.then(|| held.timing.frame(target))
        }
    };
    let of_tokens = token_stage.into_inner().unwrap_or_else(PoisonError::into_inner).result;
    let of_modes = mode_stage.into_inner().unwrap_or_else(PoisonError::into_inner).result;
    // Coefficients are parsed only in rows with intact modes, so token errors come first.
    (of_tokens.and(of_modes).map(|()| parser.stats()), shown_frame)
}

/// Completes the held frame, if any. Returns it if it is shown.
pub(super) fn complete(
    kernels: &'static Kernels,
    stream: &mut StreamState,
    pool: &dyn Pool,
) -> Option<Frame> {
    let (cols, rows) = stream.size.macroblocks();
    let parallel = stream.frame_parallel.as_mut()?;
    let held = parallel.held.take()?;
    let mut target = stream.pool.take();
    if let Some(target) = Arc::get_mut(&mut target) {
        stream.row_parallel.begin_frame(cols, rows);
        let from = (&held, &parallel.mbs, stream.references.as_ref());
        reconstruct(kernels, from, target, &mut stream.row_parallel, pool, &[]);
    }
    stream.pool.recycle(target.clone());
    References::apply(&mut stream.references, &held.header.references, &target);
    held.shown.then(|| held.timing.frame(target))
}

/// State shared by the two parsing stages.
struct FrameParse<'a> {
    params: ParseParams<'a>,
    rows: &'a [Mutex<ParsedRow>],
    /// Row at whose end the modes were found to be exhausted, if that is an error.
    lost_row: AtomicUsize,
}

/// The first stage: modes.
struct ModeStage<'a, 'd> {
    state: &'a mut ModeParser,
    reader: BoolDecoder<'d>,
    segments: &'a [u8],
    next_segments: &'a mut [u8],
    scratch: &'a mut SubblockInfo,
    list: &'a mut Vec<SubblockInfo>,
    result: Result<(), Corrupt>,
}

impl ModeStage<'_, '_> {
    fn run(&mut self, frame: &FrameParse<'_>, shared: &[RowShared], cols: usize) {
        let maps = self.segments.chunks_exact(cols).zip(self.next_segments.chunks_exact_mut(cols));
        let rows = frame.rows.iter().zip(shared).zip(maps).enumerate();
        for (y, ((row, shared), (old, new))) in rows {
            if self.result.is_ok() {
                let row = &mut *lock(row);
                row.begin_modes(self.list);
                row.was_lost = self.state.begin_row();
                for (x, (&old, new)) in old.iter().zip(new).enumerate() {
                    let (reader, scratch) = (&mut self.reader, &mut *self.scratch);
                    let info = self.state.parse_mb(&frame.params, reader, (x, y), old, scratch);
                    *new = info.segment;
                    row.store_modes(x, &info, scratch, self.list);
                }
                let ended = self.state.end_row(&frame.params, &self.reader, y);
                row.is_lost = !matches!(ended, Ok(false));
                if ended.is_err() {
                    frame.lost_row.store(y, Ordering::Release);
                    self.result = ended.map(|_| ());
                }
            }
            shared.parsed.advance(1);
        }
    }
}

/// The second stage: coefficients.
struct TokenStage<'a, 'd> {
    state: &'a mut TokenParser,
    readers: &'a mut [BoolDecoder<'d>],
    scratch: &'a mut MbCoeffs,
    list: &'a mut Vec<[i16; 16]>,
    result: Result<(), Corrupt>,
}

impl TokenStage<'_, '_> {
    fn run(
        &mut self,
        frame: &FrameParse<'_>,
        shared: &[RowShared],
        reconstruction: Option<&Reconstruction<'_, '_>>,
    ) {
        for (y, (row, shared)) in frame.rows.iter().zip(shared).enumerate() {
            while shared.parsed.done() == 0 {
                if !reconstruction.is_some_and(Reconstruction::reconstruct_next) {
                    shared.parsed.wait_for(1);
                }
            }
            if frame.lost_row.load(Ordering::Acquire) <= y {
                return;
            }
            self.result = self.run_row(&frame.params, y, &mut lock(row));
            if self.result.is_err() {
                return;
            }
        }
    }

    fn run_row(
        &mut self,
        params: &ParseParams<'_>,
        y: usize,
        row: &mut ParsedRow,
    ) -> Result<(), Corrupt> {
        let index = y & (self.readers.len() - 1);
        let reader = &mut self.readers[index];
        row.begin_coeffs(self.list);
        self.state.begin_row(index, row.was_lost);
        for x in 0..row.mbs.len() {
            let info = &row.mbs[x].info;
            let has_coeffs = self.state.parse_mb(params, reader, x, info, self.scratch);
            row.store_coeffs(x, has_coeffs, self.scratch, self.list);
        }
        self.state.end_row(params, (index, reader), y, row.is_lost)
    }
}

/// Work that one thread does before it takes rows.
type Stage<'a> = &'a (dyn Fn(&[RowShared], Option<&Reconstruction<'_, '_>>) + Sync);

/// Reconstructs a frame into `target` while running `stages`.
fn reconstruct(
    kernels: &'static Kernels,
    (held, mbs, references): (&HeldFrame, &ParsedFrame, Option<&References>),
    target: &mut FrameBuf,
    row_parallel: &mut RowParallelState,
    pool: &dyn Pool,
    stages: &[Stage<'_>],
) {
    let (cols, _) = target.size().macroblocks();
    let mut slots = recycle(std::mem::take(&mut row_parallel.slots));
    let rows_strengths = mb_rows(target).zip(row_parallel.strengths.chunks_exact_mut(cols));
    slots.extend(rows_strengths.map(|(row, strengths)| Mutex::new(RowSlot { row, strengths })));
    let reconstruction = Reconstruction {
        reconstructor: Reconstructor::new(kernels, &held.header, held.version, references, cols),
        mbs,
        shared: &row_parallel.rows,
        slots: &slots,
        begun: AtomicUsize::new(0),
        filtered: Mutex::new(0),
    };
    run(pool, &row_parallel.rows, stages, Some(&reconstruction));
    reconstruction.filter_complete_rows();
    row_parallel.slots = recycle(slots);
}

fn run(
    pool: &dyn Pool,
    shared: &[RowShared],
    stages: &[Stage<'_>],
    reconstruction: Option<&Reconstruction<'_, '_>>,
) {
    let poison = || shared.iter().for_each(RowShared::poison);
    let rows = reconstruction.map_or(0, |reconstruction| reconstruction.slots.len());
    in_order(pool, stages.len() + rows, &poison, &|job| match (stages.get(job), reconstruction) {
        (Some(stage), _) => stage(shared, reconstruction),
        (None, Some(reconstruction)) => {
            reconstruction.reconstruct_next();
        }
        (None, None) => {}
    });
}

/// A frame being reconstructed.
struct Reconstruction<'a, 'f> {
    reconstructor: Reconstructor<'a>,
    mbs: &'a ParsedFrame,
    shared: &'a [RowShared],
    slots: &'a [Mutex<RowSlot<'f>>],
    /// Number of rows that threads have taken.
    begun: AtomicUsize,
    /// Number of filtered rows.
    filtered: Mutex<usize>,
}

impl Reconstruction<'_, '_> {
    /// Takes and reconstructs the next row; returns `false` if there is none. Rows wait only for
    /// rows above them, which were taken before.
    fn reconstruct_next(&self) -> bool {
        let y = self.begun.fetch_add(1, Ordering::Relaxed);
        let is_row = y < self.slots.len();
        if is_row {
            self.reconstruct_row(y);
            self.filter_complete_rows();
        }
        is_row
    }

    fn reconstruct_row(&self, y: usize) {
        let shared = &self.shared[y];
        let above = y.checked_sub(1).map(|above| &self.shared[above]);
        let count = |mbs: usize| u32::try_from(mbs).unwrap_or(u32::MAX);
        let cols = self.reconstructor.cols;
        let mut slot = lock(&self.slots[y]);
        let mut mb = MbData::default();
        self.mbs.read(y, |mut parsed| {
            for x in 0..cols {
                parsed.read(&mut mb);
                // Only intra prediction reads the row above, up to the next macroblock.
                if let Some(above) = above
                    && mb.info.mode.is_intra()
                {
                    above.reconstructed.wait_for(count((x + 2).min(cols)));
                }
                slot.strengths[x] = self.reconstructor.filter.strength(&mb.info);
                self.reconstructor.prefetch((x, y), &slot.row);
                let line = above.map(|above| &above.line);
                self.reconstructor.reconstruct((x, y), &mut mb, line, &mut slot.row);
                shared.line.save(x, &slot.row);
                if (x + 1).is_multiple_of(STEP) && x + 1 < cols {
                    shared.reconstructed.advance(count(x + 1));
                }
            }
        });
        drop(slot);
        shared.reconstructed.advance(count(cols));
    }

    /// Filters all complete rows unless another thread is doing so. A row completed in the meantime
    /// is filtered after the next completed row, or at the end.
    fn filter_complete_rows(&self) {
        let Ok(mut filtered) = self.filtered.try_lock() else { return };
        let cols = u32::try_from(self.reconstructor.cols).unwrap_or(u32::MAX);
        while let Some(shared) = self.shared.get(*filtered)
            && shared.reconstructed.done() >= cols
        {
            let mut above = filtered.checked_sub(1).map(|above| lock(&self.slots[above]));
            let RowSlot { row, strengths } = &mut *lock(&self.slots[*filtered]);
            self.reconstructor.filter(strengths, row, above.as_mut().map(|above| &mut above.row));
            *filtered += 1;
        }
    }
}
