//! Row-parallel decoding of one frame.
//!
//! Rows are parsed one after the other, ahead of reconstruction, which runs on several rows as a
//! wavefront. A row is filtered after the row above it. Each thread takes a group of rows and so
//! waits a few times per frame instead of once per row, because waking a thread takes as long as
//! decoding a row.
//!
//! Each macroblock row owns its lines of the frame, behind a mutex that is never contended. Data
//! that a row needs from the one above passes through [`UnfilteredLine`] and [`Progress`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::loop_filter::MbStrength;
use super::super::predict::UnfilteredLine;
use super::super::rows::{MbRow, mb_rows};
use super::parse::{MbData, MbParser, ParseParams};
use super::reconstruct::Reconstructor;
use super::{FrameParams, MacroblockStats, StreamState};
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_core::frame::FrameBuf;
use codec_core::parallel::{Pool, Progress, in_order};

/// Number of row groups per frame.
const GROUPS: usize = 6;
/// Maximum number of groups that are parsed but not yet reconstructed.
const AHEAD: usize = 2;
/// Number of macroblocks after which a row publishes its progress.
pub(super) const STEP: usize = 4;

/// Memory of row-parallel decoding, reused from frame to frame.
#[derive(Debug, Default)]
pub(super) struct RowParallelState {
    /// Ring buffer of parsed rows.
    parsed: Vec<Mutex<Vec<MbData>>>,
    pub(super) rows: Vec<RowShared>,
    /// Filter strength of each macroblock.
    pub(super) strengths: Vec<MbStrength>,
    /// Memory for the rows of the current frame; empty between frames.
    pub(super) slots: Vec<Mutex<RowSlot<'static>>>,
}

/// State that rows share.
#[derive(Debug)]
pub(super) struct RowShared {
    pub(super) line: UnfilteredLine,
    /// Number of parsed macroblocks: 0 or all of the row. In frame-parallel decoding, it is about the
    /// next frame: 1 once the modes of that frame's row are parsed.
    pub(super) parsed: Progress,
    /// Number of reconstructed macroblocks.
    pub(super) reconstructed: Progress,
    /// 1 once the row is filtered.
    filtered: Progress,
}

impl RowShared {
    pub(super) fn poison(&self) {
        self.parsed.poison();
        self.reconstructed.poison();
        self.filtered.poison();
    }
}

/// Returns the number of rows in each group except the last, for a frame of `rows` rows.
fn group_rows(rows: usize) -> usize {
    rows.div_ceil(GROUPS).max(1)
}

impl RowParallelState {
    /// Prepares for a frame, except for the ring buffer.
    pub(super) fn begin_frame(&mut self, cols: usize, rows: usize) {
        if self.rows.is_empty() {
            self.strengths = vec![MbStrength::default(); cols * rows];
            self.rows = (0..rows)
                .map(|_| RowShared {
                    line: UnfilteredLine::new(cols),
                    parsed: Progress::default(),
                    reconstructed: Progress::default(),
                    filtered: Progress::default(),
                })
                .collect();
        }
        for row in &mut self.rows {
            row.parsed.reset();
            row.reconstructed.reset();
            row.filtered.reset();
        }
    }
}

impl RowParallelState {
    fn begin_ring(&mut self, cols: usize, rows: usize) {
        if self.parsed.is_empty() {
            let ahead = (AHEAD * group_rows(rows)).min(rows);
            self.parsed = (0..ahead).map(|_| Mutex::new(vec![MbData::default(); cols])).collect();
        }
    }

    /// Clears the coefficients of rows that were parsed but not reconstructed.
    fn clear_coeffs(&mut self) {
        for row in &mut self.parsed {
            let mbs = row.get_mut().unwrap_or_else(PoisonError::into_inner);
            mbs.iter_mut().for_each(|mb| mb.coeffs.clear());
        }
    }
}

/// State of the parsing stage.
struct RowParser<'a, 'd> {
    state: &'a mut MbParser,
    modes: BoolDecoder<'d>,
    readers: &'a mut [BoolDecoder<'d>],
    segments: &'a [u8],
    next_segments: &'a mut [u8],
    result: Result<(), Corrupt>,
}

/// A row of the frame with the data that its filter needs.
#[derive(Debug)]
pub(super) struct RowSlot<'f> {
    pub(super) row: MbRow<'f>,
    pub(super) strengths: &'f mut [MbStrength],
}

/// Reuses the memory of a list for a list with another lifetime.
pub(super) fn recycle<'a>(mut list: Vec<Mutex<RowSlot<'_>>>) -> Vec<Mutex<RowSlot<'a>>> {
    list.clear();
    // Collecting in place keeps the allocation.
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

struct Wavefront<'a, 'd, 'f> {
    reconstructor: &'a Reconstructor<'a>,
    parse_params: &'a ParseParams<'a>,
    parser: Mutex<RowParser<'a, 'd>>,
    parsed: &'a [Mutex<Vec<MbData>>],
    shared: &'a [RowShared],
    slots: &'a [Mutex<RowSlot<'f>>],
    failed: AtomicBool,
}

/// Locks a mutex, ignoring poison: after a panic elsewhere the data is as usable as after any other
/// damage.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decodes all rows on `pool`.
pub(super) fn decode<'d>(
    params: &FrameParams<'_>,
    stream: &mut StreamState,
    modes: BoolDecoder<'d>,
    readers: &mut [BoolDecoder<'d>],
    target: &mut FrameBuf,
    pool: &dyn Pool,
) -> Result<MacroblockStats, Corrupt> {
    let (cols, rows) = stream.size.macroblocks();
    let StreamState { references, segments, next_segments, parser, probs, row_parallel, .. } =
        stream;
    probs.update(&params.header.probs.coeffs);
    row_parallel.begin_frame(cols, rows);
    row_parallel.begin_ring(cols, rows);
    parser.begin_frame(rows);
    let parse_params = ParseParams::new(params, probs, references.is_some());
    let reconstructor = Reconstructor::new(
        params.kernels,
        params.header,
        params.version,
        references.as_ref(),
        cols,
    );
    let row_parser =
        RowParser { state: &mut *parser, modes, readers, segments, next_segments, result: Ok(()) };
    let mut slots = recycle(std::mem::take(&mut row_parallel.slots));
    let rows_strengths = mb_rows(target).zip(row_parallel.strengths.chunks_exact_mut(cols));
    slots.extend(rows_strengths.map(|(row, strengths)| Mutex::new(RowSlot { row, strengths })));
    let wavefront = Wavefront {
        reconstructor: &reconstructor,
        parse_params: &parse_params,
        parser: Mutex::new(row_parser),
        parsed: &row_parallel.parsed,
        shared: &row_parallel.rows,
        slots: &slots,
        failed: AtomicBool::new(false),
    };
    let group = group_rows(rows);
    let rows_of = |index: usize| index * group..((index + 1) * group).min(rows);
    let parse_group = |index| rows_of(index).for_each(|y| wavefront.parse_row(y));
    let reconstruct_group = |index| rows_of(index).for_each(|y| wavefront.reconstruct_row(y));
    let groups = rows.div_ceil(group);
    let ahead = AHEAD.min(groups);
    // First the groups that fill the ring buffer, then alternately: each job waits only for earlier
    // ones.
    let poison = || wavefront.shared.iter().for_each(RowShared::poison);
    in_order(pool, 2 * groups, &poison, &|job| {
        if job < ahead {
            parse_group(job);
        } else if job < 2 * groups - ahead {
            let (pair, is_parse) = ((job - ahead) / 2, !(job - ahead).is_multiple_of(2));
            if is_parse {
                parse_group(pair + ahead);
            } else {
                reconstruct_group(pair);
            }
        } else {
            reconstruct_group(job - groups);
        }
    });
    let row_parser = wavefront.parser.into_inner().unwrap_or_else(PoisonError::into_inner);
    let result = row_parser.result;
    row_parallel.slots = recycle(slots);
    if let Err(error) = result {
        row_parallel.clear_coeffs();
        return Err(error);
    }
    Ok(parser.stats())
}

impl Wavefront<'_, '_, '_> {
    fn cols(&self) -> u32 {
        u32::try_from(self.reconstructor.cols).unwrap_or(u32::MAX)
    }

    fn parse_row(&self, y: usize) {
        if let Some(above) = y.checked_sub(1) {
            self.shared[above].parsed.wait_for(self.cols());
        }
        if let Some(before) = y.checked_sub(self.parsed.len()) {
            // The slot of the ring buffer is free once its previous row is reconstructed.
            self.shared[before].reconstructed.wait_for(self.cols());
        }
        if !self.failed.load(Ordering::Relaxed) {
            let mut parser = lock(&self.parser);
            let mut mbs = lock(&self.parsed[y % self.parsed.len()]);
            let result = parser.parse_row(self.parse_params, self.reconstructor.cols, y, &mut mbs);
            if result.is_err() {
                self.failed.store(true, Ordering::Relaxed);
                parser.result = result;
            }
        }
        self.shared[y].parsed.advance(self.cols());
    }

    fn reconstruct_row(&self, y: usize) {
        let shared = &self.shared[y];
        shared.parsed.wait_for(self.cols());
        let mut slot = lock(&self.slots[y]);
        if !self.failed.load(Ordering::Relaxed) {
            self.reconstruct_mbs(y, &mut slot);
        }
        shared.reconstructed.advance(self.cols());
        if let Some(above) = y.checked_sub(1) {
            self.shared[above].filtered.wait_for(1);
        }
        if !self.failed.load(Ordering::Relaxed) {
            let mut above = y.checked_sub(1).map(|above| lock(&self.slots[above]));
            let RowSlot { row, strengths } = &mut *slot;
            self.reconstructor.filter(strengths, row, above.as_mut().map(|above| &mut above.row));
        }
        drop(slot);
        shared.filtered.advance(1);
    }

    fn reconstruct_mbs(&self, y: usize, slot: &mut RowSlot<'_>) {
        let shared = &self.shared[y];
        let above = y.checked_sub(1).map(|above| &self.shared[above]);
        let cols = self.reconstructor.cols;
        let mut mbs = lock(&self.parsed[y % self.parsed.len()]);
        for (x, mb) in mbs.iter_mut().enumerate() {
            // Only intra prediction reads the row above, up to the next macroblock.
            if let Some(above) = above
                && mb.info.mode.is_intra()
            {
                let wanted = u32::try_from((x + 2).min(cols)).unwrap_or(u32::MAX);
                above.reconstructed.wait_for(wanted);
            }
            slot.strengths[x] = self.reconstructor.filter.strength(&mb.info);
            self.reconstructor.reconstruct(
                (x, y),
                mb,
                above.map(|above| &above.line),
                &mut slot.row,
            );
            shared.line.save(x, &slot.row);
            if (x + 1).is_multiple_of(STEP) && x + 1 < cols {
                shared.reconstructed.advance(u32::try_from(x + 1).unwrap_or(u32::MAX));
            }
        }
    }
}

impl RowParser<'_, '_> {
    fn parse_row(
        &mut self,
        params: &ParseParams<'_>,
        cols: usize,
        y: usize,
        mbs: &mut [MbData],
    ) -> Result<(), Corrupt> {
        let index = y & (self.readers.len() - 1);
        let tokens = &mut self.readers[index];
        let at = y * cols..(y + 1) * cols;
        let (old, new) = (&self.segments[at.clone()], &mut self.next_segments[at]);
        self.state.begin_row(index);
        for (x, mb) in mbs.iter_mut().enumerate() {
            self.state.parse_mb(params, &mut self.modes, tokens, (x, y), old[x], mb);
            new[x] = mb.info.segment;
        }
        self.state.end_row(params, &self.modes, (index, tokens), y)
    }
}
