//! Codes a row of superblocks. The row above may still be in progress, if it is ahead by at least one
//! superblock.

use std::ops::Range;

use codec_core::motion::QuarterPel;
use codec_core::parallel::Progress;

use super::coder::Coder;
use super::job::FrameJob;
use super::levels::{LevelMark, LevelReader, Levels};
use super::motion::FieldSite;
use super::quantisers::Prices;
use super::row_links::{Below, RowLinks};
use super::tiles::tile_columns;
use super::workspace::Workspace;
use super::write::blocks::BlockWriter;
use super::write::tokens::Discard;
use crate::block::contexts::SavedContexts;
use crate::block::mode_map::{ModeMap, ROWS_ABOVE};
use crate::block::planes::PlaneRow;
use crate::block::reconstruct::Reconstructor;
use crate::probability::Counts;

/// The coded blocks of a row of superblocks.
#[derive(Debug, Default)]
pub(super) struct RowStore {
    pub(super) modes: ModeMap,
    pub(super) levels: Levels,
    /// Start of the levels of each tile.
    pub(super) tiles: Vec<LevelMark>,
    /// Vectors of the macroblocks: of the row above, and of the rows of this one.
    pub(super) vectors: Vec<QuarterPel>,
}

impl RowStore {
    /// Prepares for the row `row` of a frame.
    fn reset(&mut self, job: &FrameJob<'_>, row: usize) {
        let setup = job.setup;
        self.modes.reset_rows(setup.cols, 8 * row, (setup.rows - 8 * row).min(8));
        self.levels.clear();
        self.tiles.clear();
        let (mb_cols, _) = setup.header.size.macroblocks();
        self.vectors.resize(5 * mb_cols, QuarterPel::ZERO);
    }

    /// Reads the levels of a tile.
    pub(super) fn levels_of(&self, tile: usize) -> LevelReader<'_> {
        self.tiles
            .get(tile)
            .map_or_else(LevelReader::default, |&mark| self.levels.reader_from(mark))
    }

    /// The vectors of the row's macroblocks; `mb_cols` is their number in a row.
    pub(super) fn own_vectors(&self, mb_cols: usize) -> &[QuarterPel] {
        &self.vectors[mb_cols..]
    }
}

/// A row of superblocks while it is coded.
#[derive(Debug)]
pub(super) struct RowSlot<'a> {
    pub(super) planes: [PlaneRow<'a, u8>; 3],
    pub(super) store: &'a mut RowStore,
}

/// State that the rows of a frame share.
#[derive(Debug)]
pub(super) struct RowsJob<'a> {
    pub(super) frame: &'a FrameJob<'a>,
    pub(super) links: &'a RowLinks,
    pub(super) progress: &'a [Progress],
    /// Vectors of the last frame by macroblock.
    pub(super) last_vectors: &'a [QuarterPel],
}

/// Decides and reconstructs the blocks of a row of superblocks, and counts them unless that is done while they are written.
pub(super) fn code_row(
    job: &RowsJob<'_>,
    row: usize,
    slot: &mut RowSlot<'_>,
    workspace: &mut Workspace,
) {
    let (frame, setup) = (job.frame, job.frame.setup);
    let RowSlot { planes: [y, u, v], store } = slot;
    store.reset(frame, row);
    let (superblocks, _) = setup.superblocks();
    workspace.reset(superblocks);
    let [above_y, above_u, above_v] = &mut workspace.above;
    let mut coder = Coder {
        job: frame,
        recon: Reconstructor {
            setup,
            planes: [y.plane_mut(above_y), u.plane_mut(above_u), v.plane_mut(above_v)],
            own: 0..3,
            filter: None,
            edges: &mut [],
            scratch: &mut workspace.blocks,
        },
        modes: &mut store.modes,
        contexts: &mut workspace.contexts,
        levels: &mut store.levels,
        cols: 0..0,
        segment: 0,
        prices: Prices::default(),
        superblock_col: 0,
        source: &mut workspace.source,
        field: &mut workspace.field,
        others: &mut workspace.others,
        scratch: &mut workspace.scratch,
        work_levels: &mut workspace.work_levels,
        kept_levels: &mut workspace.kept_levels,
        trial: std::mem::take(&mut workspace.trial),
        wholes: &mut workspace.wholes,
        halves: &mut workspace.halves,
    };
    for tile in tile_columns(setup) {
        store.tiles.push(coder.levels.mark());
        coder.contexts.reset_left();
        coder.cols = tile.clone();
        for col in tile.step_by(8) {
            let done = u32::try_from(col / 8 + 1).unwrap_or(u32::MAX);
            if let Some(above) = row.checked_sub(1) {
                job.progress[above].wait_for(done);
                let below = job.links.cell(above, col / 8);
                coder.receive(&below, (row, col), &mut store.vectors);
            }
            let before = (coder.contexts.save(col), coder.levels.mark());
            coder.code_superblock((row, col), job.last_vectors, &mut store.vectors);
            if frame.counts_first {
                coder.count((row, col), &before, &mut workspace.counts);
            }
            if 8 * row + 8 < setup.rows {
                coder.send(&mut job.links.cell(row, col / 8), (row, col), &store.vectors);
            }
            job.progress[row].advance(done);
        }
    }
    workspace.trial = std::mem::take(&mut coder.trial);
}

/// Sides of a superblock in the planes.
const SIDES: [usize; 3] = [64, 32, 32];

/// Columns of a superblock that are in a frame of `cols` columns.
fn columns(col: usize, length: usize, cols: usize) -> Range<usize> {
    col..(col + length).min(cols)
}

impl Coder<'_> {
    /// Takes over the state from the superblock above; `vectors` are the vectors of its row.
    fn receive(&mut self, above: &Below, (row, col): (usize, usize), vectors: &mut [QuarterPel]) {
        let (setup, col_16) = (self.job.setup, col / 2);
        let planes = self.recon.planes.iter_mut().zip(SIDES);
        for ((plane, side), samples) in planes.zip(&above.samples) {
            plane.set_above(col / 8 * side, &samples[..side]);
        }
        for (index, line) in above.modes.iter().enumerate() {
            for (col, info) in columns(col, 8, setup.cols).zip(line) {
                self.modes.set_above(8 * row - ROWS_ABOVE + index, col, info);
            }
        }
        self.contexts.set_above(col, &above.contexts);
        let (mb_cols, _) = setup.header.size.macroblocks();
        for (col, vector) in columns(col_16, 4, mb_cols).zip(above.vectors) {
            vectors[col] = vector;
        }
    }

    /// Counts the syntax elements of a superblock, of which `before` is the state before it.
    fn count(
        &mut self,
        (row, col): (usize, usize),
        before: &(SavedContexts, LevelMark),
        counts: &mut Counts,
    ) {
        let after = self.contexts.save(col);
        self.contexts.restore(col, &before.0);
        let mut writer = BlockWriter {
            setup: self.job.setup,
            probabilities: self.job.setup.probabilities,
            modes: self.modes,
            levels: self.levels.reader_from(before.1),
            counts,
            contexts: self.contexts,
            sink: Discard,
            cols: self.cols.clone(),
        };
        writer.write_partition(8 * row, col, 0);
        self.contexts.restore(col, &after);
    }

    /// Passes on what the superblock below needs.
    fn send(&mut self, below: &mut Below, (row, col): (usize, usize), vectors: &[QuarterPel]) {
        let (setup, col_16) = (self.job.setup, col / 2);
        let planes = self.recon.planes.iter().zip(SIDES);
        for ((plane, side), samples) in planes.zip(&mut below.samples) {
            let line = plane.row(col / 8 * side, side * row + side - 1, side);
            samples[..side].copy_from_slice(line);
        }
        for (index, line) in below.modes.iter_mut().enumerate() {
            for (col, info) in columns(col, 8, setup.cols).zip(line) {
                *info = *self.modes.get(8 * (row + 1) - ROWS_ABOVE + index, col);
            }
        }
        below.contexts = self.contexts.above(col);
        let (mb_cols, _) = setup.header.size.macroblocks();
        for (col, vector) in columns(col_16, 4, mb_cols).zip(&mut below.vectors) {
            *vector = vectors[4 * mb_cols + col];
        }
    }

    /// Decides and reconstructs the blocks of a superblock. `vectors` are the vectors of its row.
    fn code_superblock(
        &mut self,
        (row, col): (usize, usize),
        last: &[QuarterPel],
        vectors: &mut [QuarterPel],
    ) {
        self.superblock_col = col;
        self.source.gather(self.job.kernels, self.job.picture, row, col / 8);
        if !self.job.is_intra() {
            let (mb_cols, mb_rows) = self.job.setup.header.size.macroblocks();
            let quantisers = self.square_quantisers(8 * row, col, 0);
            let vectors_now = &*vectors;
            let site = FieldSite {
                row,
                col: col / 8,
                vectors: vectors_now,
                last,
                mb_cols,
                mb_rows,
                quantisers,
            };
            self.field.search(self.job, self.source, site);
            if self.job.speed.tools.is_some() {
                self.others.search(self.job, self.source, site, &self.field.all_vectors());
            }
            for (index, vector) in self.field.vectors() {
                vectors[(1 + index / 4) * mb_cols + col / 2 + index % 4] = vector;
            }
        }
        self.code_square(8 * row, col, 0);
    }
}
