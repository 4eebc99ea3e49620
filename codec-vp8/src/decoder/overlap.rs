//! Frame-parallel decoding with a delay of one frame: while a frame is parsed, the previous one is
//! reconstructed.
//!
//! Parsing needs no pixels of other frames. One thread parses the modes, a second one the
//! coefficients, row by row behind it; threads without parsing work take rows of the previous
//! frame. A row is filtered by the thread that finds it and all rows above it complete; no thread
//! waits for the filter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use codec_simd::Kernels;

use super::super::header::FrameHeader;
use super::super::residual::MbCoeffs;
use super::super::rows::mb_rows;
use super::super::types::{Reference, SubblockInfo};
use super::frame::FrameTask;
use super::parse::{MbData, ModeState, ParseTask, TokenState};
use super::parsed::{ParsedFrame, ParsedRow};
use super::references::References;
use super::threads::{RowShared, RowSlot, STEP, ThreadRows, lock, recycle};
use super::{FrameJob, RowsOutcome, Sized, shown};
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_core::frame::{Frame, FrameBuf};
use codec_core::parallel::{Pool, in_order};

/// A frame that is parsed but not reconstructed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) header: FrameHeader,
    pub(super) version: u8,
    pub(super) shown: bool,
    pub(super) pts: i64,
    pub(super) duration: Option<u64>,
}

/// Parsed frames; the memory is reused from frame to frame.
#[derive(Debug)]
pub(super) struct HeldFrames {
    held: Option<Held>,
    /// Macroblocks of `held`.
    mbs: ParsedFrame,
    /// Macroblocks of the frame being parsed.
    next: ParsedFrame,
}

impl HeldFrames {
    fn new(cols: usize, rows: usize) -> Self {
        Self { held: None, mbs: ParsedFrame::new(cols, rows), next: ParsedFrame::new(cols, rows) }
    }

    /// Holds the frame that was just parsed.
    pub(super) fn hold(&mut self, held: Held) {
        self.held = Some(held);
        std::mem::swap(&mut self.mbs, &mut self.next);
    }
}

/// Parses a frame for [`HeldFrames::hold`] and completes the held one. Also returns the latter if
/// it is shown.
pub(super) fn decode<'d>(
    job: &FrameJob<'_>,
    sized: &mut Sized,
    modes: BoolDecoder<'d>,
    readers: &mut [BoolDecoder<'d>],
    pool: &dyn Pool,
) -> (Result<RowsOutcome, Corrupt>, Option<Frame>) {
    let (cols, rows) = sized.size.macroblocks();
    let Sized { references, segments, next_segments, parse, probs, mb, ahead, .. } = sized;
    let HeldFrames { held, mbs, next } = ahead.get_or_insert_with(|| HeldFrames::new(cols, rows));
    let held = held.take();
    probs.update(&job.header.probs.coeffs);
    parse.begin_frame(rows);
    next.lists.clear();
    let frame = FrameParse {
        task: ParseTask::new(job, probs, references.is_some() || held.is_some()),
        rows: &next.rows,
        lost_row: AtomicUsize::new(usize::MAX),
    };
    let MbData { subblocks, coeffs, .. } = &mut **mb;
    let mode_stage = Mutex::new(ModeStage {
        state: &mut parse.modes,
        reader: modes,
        segments,
        next_segments,
        scratch: subblocks,
        list: &mut next.lists.subblocks,
        result: Ok(()),
    });
    let token_stage = Mutex::new(TokenStage {
        state: &mut parse.tokens,
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
    let threads = &mut sized.threads;
    threads.begin_frame(cols, rows);
    let shown_frame = match &held {
        None => {
            run(pool, &threads.rows, &stages, None);
            None
        }
        Some(held) => {
            let mut target = sized.pool.take();
            if let Some(target) = Arc::get_mut(&mut target) {
                let from = (held, &*mbs, references.as_ref());
                reconstruct(job.kernels, from, target, threads, pool, &stages);
            }
            sized.pool.recycle(target.clone());
            References::take_in(references, &held.header.references, &target);
            held.shown.then(|| shown(target, held.pts, held.duration))
        }
    };
    let of_tokens = token_stage.into_inner().unwrap_or_else(PoisonError::into_inner).result;
    let of_modes = mode_stage.into_inner().unwrap_or_else(PoisonError::into_inner).result;
    // Coefficients are parsed only in rows with intact modes, so token errors come first.
    (of_tokens.and(of_modes).map(|()| parse.outcome()), shown_frame)
}

/// Completes the held frame, if any. Returns it if it is shown.
pub(super) fn complete(
    kernels: &'static Kernels,
    sized: &mut Sized,
    pool: &dyn Pool,
) -> Option<Frame> {
    let (cols, rows) = sized.size.macroblocks();
    let ahead = sized.ahead.as_mut()?;
    let held = ahead.held.take()?;
    let mut target = sized.pool.take();
    if let Some(target) = Arc::get_mut(&mut target) {
        sized.threads.begin_frame(cols, rows);
        let from = (&held, &ahead.mbs, sized.references.as_ref());
        reconstruct(kernels, from, target, &mut sized.threads, pool, &[]);
    }
    sized.pool.recycle(target.clone());
    References::take_in(&mut sized.references, &held.header.references, &target);
    held.shown.then(|| shown(target, held.pts, held.duration))
}

/// State shared by the two parsing stages.
struct FrameParse<'a> {
    task: ParseTask<'a>,
    rows: &'a [Mutex<ParsedRow>],
    /// Row at whose end the modes were found to be exhausted, if that is an error.
    lost_row: AtomicUsize,
}

/// The first stage: modes.
struct ModeStage<'a, 'd> {
    state: &'a mut ModeState,
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
                    let info = self.state.parse_mb(&frame.task, reader, (x, y), old, scratch);
                    *new = info.segment;
                    row.keep_modes(x, &info, scratch, self.list);
                }
                let ended = self.state.end_row(&frame.task, &self.reader, y);
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
    state: &'a mut TokenState,
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
            self.result = self.run_row(&frame.task, y, &mut lock(row));
            if self.result.is_err() {
                return;
            }
        }
    }

    fn run_row(
        &mut self,
        task: &ParseTask<'_>,
        y: usize,
        row: &mut ParsedRow,
    ) -> Result<(), Corrupt> {
        let index = y & (self.readers.len() - 1);
        let reader = &mut self.readers[index];
        row.begin_coeffs(self.list);
        self.state.begin_row(index, row.was_lost);
        for x in 0..row.mbs.len() {
            let info = &row.mbs[x].info;
            let has_coeffs = self.state.parse_mb(task, reader, x, info, self.scratch);
            row.keep_coeffs(x, has_coeffs, self.scratch, self.list);
        }
        self.state.end_row(task, (index, reader), y, row.is_lost)
    }
}

/// Work that one thread does before it takes rows.
type Stage<'a> = &'a (dyn Fn(&[RowShared], Option<&Reconstruction<'_, '_>>) + Sync);

/// Reconstructs a frame into `target` while running `stages`.
fn reconstruct(
    kernels: &'static Kernels,
    (held, mbs, references): (&Held, &ParsedFrame, Option<&References>),
    target: &mut FrameBuf,
    threads: &mut ThreadRows,
    pool: &dyn Pool,
    stages: &[Stage<'_>],
) {
    let (cols, _) = target.size().macroblocks();
    let mut slots = recycle(std::mem::take(&mut threads.slots));
    let rows_strengths = mb_rows(target).zip(threads.strengths.chunks_exact_mut(cols));
    slots.extend(rows_strengths.map(|(row, strengths)| Mutex::new(RowSlot { row, strengths })));
    let reconstruction = Reconstruction {
        task: FrameTask::new(kernels, &held.header, held.version, references, cols),
        mbs,
        shared: &threads.rows,
        slots: &slots,
        begun: AtomicUsize::new(0),
        filtered: Mutex::new(0),
    };
    run(pool, &threads.rows, stages, Some(&reconstruction));
    reconstruction.filter_complete_rows();
    threads.slots = recycle(slots);
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
    task: FrameTask<'a>,
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
        let cols = self.task.cols;
        let mut slot = lock(&self.slots[y]);
        let mut mb = MbData::default();
        self.mbs.read(y, |mut parsed| {
            for x in 0..cols {
                parsed.read(&mut mb);
                // Only intra prediction reads the row above, up to the next macroblock.
                if let Some(above) = above
                    && mb.info.reference == Reference::Current
                {
                    above.reconstructed.wait_for(count((x + 2).min(cols)));
                }
                slot.strengths[x] = self.task.filter.strength(&mb.info);
                self.task.prefetch((x, y), &slot.row);
                let line = above.map(|above| &above.line);
                self.task.reconstruct((x, y), &mut mb, line, &mut slot.row);
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
        let cols = u32::try_from(self.task.cols).unwrap_or(u32::MAX);
        while let Some(shared) = self.shared.get(*filtered)
            && shared.reconstructed.done() >= cols
        {
            let mut above = filtered.checked_sub(1).map(|above| lock(&self.slots[above]));
            let RowSlot { row, strengths } = &mut *lock(&self.slots[*filtered]);
            self.task.filter(strengths, row, above.as_mut().map(|above| &mut above.row));
            *filtered += 1;
        }
    }
}
