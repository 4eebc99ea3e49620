//! Buffers that are reused from frame to frame.

use std::sync::Mutex;

use codec_core::frame::Size;
use codec_core::motion::MvCost;
use codec_core::parallel::{Progress, ScratchPool};

use super::pack::Writing;
use super::row::{RowSlot, RowStore};
use super::row_links::RowLinks;
use super::token_costs::TokenCosts;
use super::workspace::Workspace;
use crate::block::loop_filter::EdgeMap;
use crate::probability::Counts;

/// Side of a superblock in luma pixels.
const SUPERBLOCK: u32 = 64;
/// Bytes that a compressed header has at most, about.
const MAX_COMPRESSED: usize = 4096;

/// Buffers that are reused from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) edges: [EdgeMap; 2],
    /// Counts of all rows, if elements are counted before they are written.
    pub(super) counts: Counts,
    /// See [`super::job::FrameJob::counts_first`].
    pub(super) counts_first: bool,
    pub(super) tokens: TokenCosts,
    pub(super) vectors: MvCost,
    pub(super) rows: Rows,
    pub(super) writing: Writing,
}

/// Buffers for coding rows of superblocks.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) stores: Vec<RowStore>,
    pub(super) links: RowLinks,
    pub(super) progress: Vec<Progress>,
    pub(super) workspaces: ScratchPool<Box<Workspace>>,
    /// The memory of a list of the rows while they are coded.
    pub(super) slots: Vec<Mutex<RowSlot<'static>>>,
}

impl Buffers {
    /// The counts of the frame after it is written.
    pub(super) fn final_counts(&self) -> &Counts {
        if self.counts_first { &self.counts } else { &self.writing.counts }
    }

    /// Allocates room for frames whose superblocks have the size `coded`, so that frames allocate nothing.
    pub(super) fn reserve(&mut self, coded: Size) {
        let [cols, rows] = [coded.width, coded.height].map(|length| (length / SUPERBLOCK) as usize);
        self.rows.stores.resize_with(rows, RowStore::default);
        let samples = cols * (SUPERBLOCK * SUPERBLOCK * 3 / 2) as usize;
        for store in &mut self.rows.stores {
            store.levels.clear();
            store.levels.reserve(samples);
            store.tiles.reserve(64);
        }
        self.rows.slots.reserve(rows);
        self.rows.links.resize(cols);
        self.rows.progress.resize_with(rows, Progress::default);
        self.writing.compressed.reserve(MAX_COMPRESSED);
    }
}

impl Rows {
    /// Creates the buffers of `threads` threads.
    pub(super) fn reserve_threads(&mut self, threads: usize) {
        let missing = threads.saturating_sub(self.workspaces.values_mut().count());
        (0..missing).for_each(|_| self.workspaces.give_back(Box::default()));
    }
}
