//! Coding of the rows of superblocks of a frame on the thread pool, and the steps after it: loop
//! filter and writing.

use std::sync::{Mutex, PoisonError};

use codec_core::codec::{BitsByPart, Stage, StageClock, StageTimer};
use codec_core::frame::FrameBuf;
use codec_core::motion::QuarterPel;
use codec_core::parallel::{Pool, Progress, in_order};

use super::buffers::{Buffers, Rows};
use super::job::FrameJob;
use super::pack::{PackInput, pack};
use super::row::{RowSlot, RowsJob, code_row};
use crate::block::loop_filter::{EdgeMap, LoopFilter};
use crate::block::mode_map::ModeMap;
use crate::block::planes::{PlaneMut, planes_mut, superblock_rows};
use crate::block::setup::FrameSetup;
use crate::probability::{Counts, Probabilities};

/// Decides, reconstructs and counts all blocks.
pub(super) fn code_rows(
    pool: &dyn Pool,
    job: &FrameJob<'_>,
    rows: &mut Rows,
    counts: &mut Counts,
    last_vectors: &[QuarterPel],
    frame: &mut FrameBuf,
) {
    rows.reserve_threads(pool.threads());
    rows.progress.iter_mut().for_each(Progress::reset);
    for workspace in rows.workspaces.values_mut() {
        workspace.counts = Counts::default();
    }
    let mut slots = recycle(std::mem::take(&mut rows.slots));
    let parts = superblock_rows(frame).zip(&mut rows.stores);
    slots.extend(parts.map(|(planes, store)| Mutex::new(RowSlot { planes, store })));
    let job = RowsJob { frame: job, links: &rows.links, progress: &rows.progress, last_vectors };
    let poison = || job.progress.iter().for_each(Progress::poison);
    in_order(pool, slots.len(), &poison, &|row| {
        let mut workspace = rows.workspaces.take();
        let mut slot = slots[row].lock().unwrap_or_else(PoisonError::into_inner);
        code_row(&job, row, &mut slot, &mut workspace);
        rows.workspaces.give_back(workspace);
    });
    rows.slots = recycle(slots);
    *counts = Counts::default();
    for workspace in rows.workspaces.values_mut() {
        counts.add(&workspace.counts);
    }
}

/// Collects the blocks and the vectors of all rows.
pub(super) fn collect_rows(
    setup: &FrameSetup<'_, u8>,
    rows: &Rows,
    modes: &mut ModeMap,
    vectors: &mut [QuarterPel],
) {
    modes.reset(setup.cols, setup.rows);
    for store in &rows.stores {
        for info in store.modes.blocks() {
            let (width, height) = info.size.mi();
            let (row, col) = (usize::from(info.row), usize::from(info.col));
            modes.push(info, width.min(setup.cols - col), height.min(setup.rows - row));
        }
    }
    if setup.header.is_intra() {
        return;
    }
    let (mb_cols, _) = setup.header.size.macroblocks();
    for (to, store) in vectors.chunks_mut(4 * mb_cols).zip(&rows.stores) {
        to.copy_from_slice(&store.own_vectors(mb_cols)[..to.len()]);
    }
}

/// A job after the blocks: the loop filter of luma, the loop filter of chroma, or writing.
enum FinalJob<'a> {
    Filter { planes: [PlaneMut<'a, u8>; 3], edges: &'a mut [EdgeMap], first: usize },
    Write(&'a mut (dyn FnMut() + Send)),
}

/// Filters the edges of all blocks and writes the frame. Returns the sizes of both headers in bytes.
pub(super) fn filter_and_write(
    pool: &dyn Pool,
    stages: Option<&dyn StageClock>,
    setup: &FrameSetup<'_, u8>,
    buffers: &mut Buffers,
    modes: &ModeMap,
    probabilities: &mut Probabilities,
    (frame, out): (&mut FrameBuf, &mut Vec<u8>),
) -> ((usize, usize), BitsByPart) {
    let filter = LoopFilter::new(setup.kit, setup.header, setup.cols, setup.rows);
    let counts = buffers.counts_first.then_some(&buffers.counts);
    let input = PackInput { setup, counts, rows: &buffers.rows.stores, modes };
    let writing = &mut buffers.writing;
    let mut packed = ((0, 0), BitsByPart::default());
    let mut write = || packed = pack(input, writing, probabilities, out);
    let [y, u, v] = planes_mut(frame);
    let (luma, chroma) = buffers.edges.split_at_mut(1);
    let jobs = [
        FinalJob::Write(&mut write),
        FinalJob::Filter {
            planes: [y, PlaneMut::empty(), PlaneMut::empty()],
            edges: luma,
            first: 0,
        },
        FinalJob::Filter { planes: [PlaneMut::empty(), u, v], edges: chroma, first: 1 },
    ];
    let jobs = jobs.map(Mutex::new);
    in_order(pool, jobs.len(), &|| {}, &|index| {
        let mut job = jobs[index].lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *job {
            FinalJob::Write(write) => {
                let _timer = StageTimer::start(stages, Stage::Entropy);
                write();
            }
            FinalJob::Filter { planes, edges, first } => {
                let _timer = StageTimer::start(stages, Stage::LoopFilter);
                if let Some(filter) = &filter {
                    filter_planes(setup, filter, modes, planes, (edges, *first));
                }
            }
        }
    });
    packed
}

/// Filters luma or chroma: the planes from `first` on.
fn filter_planes(
    setup: &FrameSetup<'_, u8>,
    filter: &LoopFilter,
    modes: &ModeMap,
    planes: &mut [PlaneMut<'_, u8>; 3],
    (edges, first): (&mut [EdgeMap], usize),
) {
    let (cols, rows) = setup.superblocks();
    edges.iter_mut().for_each(|map| map.reset(cols, rows));
    for info in modes.blocks() {
        filter.add_block(edges, first, info);
    }
    let own = if first == 0 { 0..1 } else { 1..3 };
    for row in 0..rows {
        filter.filter_row(edges, own.clone(), row, planes);
    }
}

/// Reuses the memory of a list for a list with another lifetime, dropping its content.
fn recycle<'a>(mut list: Vec<Mutex<RowSlot<'_>>>) -> Vec<Mutex<RowSlot<'a>>> {
    list.clear();
    // Collecting in place keeps the allocation.
    list.into_iter().map_while(|_| None).collect()
}
