//! What the rows of one frame share, all of it read-only while they run.

use std::ops::Range;

use codec_simd::{Kernels, Layout};

use super::costs::ModeCosts;
use super::exchange::Exchange;
use super::predict::InterPredictor;
use super::quant::QuantiserSet;
use super::row::Workspaces;
use super::segments::Refresh;
use super::speed::Speed;
use super::store::SearchMemory;
use super::trellis::TokenPrices;
use super::unchanged::Unchanged;
use crate::predict::MotionFilter;
use crate::types::{MotionVector, Reference};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::StageClock;
use codec_core::frame::{FrameBuf, Picture};
use codec_core::motion::MvCost;
use codec_core::parallel::Progress;

/// One frame to be coded, for the rows.
#[derive(Debug)]
pub(super) struct FrameJob<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) picture: &'a Picture<'a>,
    pub(super) cols: usize,
    pub(super) rows: usize,
    /// How many threads rows run on.
    pub(super) threads: usize,
    pub(super) is_key: bool,
    /// No 4x4 intra and no splits: their modes did not fit the first partition.
    pub(super) has_plain_modes: bool,
    pub(super) speed: Speed,
    pub(super) filter: MotionFilter,
    /// Last, golden, altref: those that may be used and differ from the ones before.
    pub(super) references: [Option<&'a FrameBuf>; 3],
    /// By segment.
    pub(super) sets: &'a [QuantiserSet; 4],
    pub(super) costs: &'a ModeCosts,
    /// Used where the speed asks for it, else not up to date.
    pub(super) token_prices: &'a TokenPrices,
    pub(super) mv_cost: &'a MvCost,
    pub(super) refresh: &'a Refresh,
    pub(super) unchanged: &'a Unchanged,
    pub(super) exchange: &'a Exchange,
    pub(super) workspaces: &'a Workspaces,
    pub(super) progress: &'a [Progress],
    /// Vectors of the previous frame, by macroblock.
    pub(super) before: &'a [MotionVector],
    /// How searches went in the previous frames, by macroblock.
    pub(super) memories: &'a [SearchMemory],
    /// Counts frames, for what is not done in every one of them.
    pub(super) turn: usize,
    pub(super) analysis: Option<&'a FrameAnalysis>,
    /// Macroblocks that must be intra, in raster order.
    pub(super) forced_intra: Range<usize>,
    /// Of the planes that the reconstruction goes to.
    pub(super) layouts: [Layout; 3],
    pub(super) stages: Option<&'a dyn StageClock>,
}

impl<'a> FrameJob<'a> {
    /// The predictor from `reference`, if it may be used.
    pub(super) fn predictor(&self, reference: Reference) -> Option<InterPredictor<'a>> {
        let index = (reference as usize).checked_sub(1)?;
        let frame = self.references[index]?;
        Some(InterPredictor { kernels: self.kernels, frame, filter: self.filter })
    }

    /// The last frame, if macroblock `index` is to be taken over from it.
    #[inline]
    pub(super) fn kept(&self, index: usize) -> Option<&'a FrameBuf> {
        self.references[0].filter(|_| self.unchanged.is_kept(index))
    }

    /// Waits until row `row` may code column `col`: its neighbours above are done. `seen` is how
    /// far the row above is known to have come.
    #[inline]
    pub(super) fn wait_for_above(&self, row: usize, col: usize, seen: &mut usize) {
        let needed = (col + 2).min(self.cols);
        if *seen >= needed {
            return;
        }
        let Some(above) = row.checked_sub(1).map(|above| &self.progress[above]) else { return };
        *seen = above.done() as usize;
        if *seen < needed {
            // Waking takes as long as some macroblocks do. Rows that lie this far apart have no
            // need to wait: the thread that ends a row finds the one above its next row done.
            let apart = (self.cols / self.threads).max(8);
            let wanted = (needed + apart).min(self.cols);
            above.wait_for(u32::try_from(wanted).unwrap_or(u32::MAX));
            *seen = wanted;
        }
    }

    /// Says that row `row` has coded `done` macroblocks.
    #[inline]
    pub(super) fn advance(&self, row: usize, done: usize) {
        // Every word to another core takes a while. Nobody waits for parts of a row where all rows
        // run one after the other.
        const STEP: usize = 4;
        if done < self.cols && (self.threads == 1 || !done.is_multiple_of(STEP)) {
            return;
        }
        self.progress[row].advance(u32::try_from(done).unwrap_or(u32::MAX));
    }
}
