//! Selects unchanged macroblocks: some are copied from the last frame, others are refreshed with a
//! finer quantiser.

use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{Content, FrameKind, SlotSet};
use codec_core::encoder::{CodedMbHistory, CyclicRefresh, Unchanged, UnchangedStats};

use super::coded_mb::CodedMb;
use super::description::H264;
use crate::picture::Mv;

/// How much finer the quantiser of refreshed macroblocks is: an octave of the step.
const FINER: u8 = 6;
/// Minimum gain for which a macroblock is refreshed.
const WORTHWHILE: u8 = 2;

/// State of the areas that do not change.
#[derive(Debug, Default)]
pub(super) struct StaticAreas {
    refresh: CyclicRefresh,
    unchanged: Unchanged,
    /// Whether the current frame refreshes a macroblock, by macroblock; empty if it refreshes none.
    refreshed: Vec<bool>,
}

impl StaticAreas {
    /// Resets the state for `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        self.refresh.reset(count, 51);
        self.unchanged.reset(count);
        self.refreshed.clear();
    }

    /// Compares the next frame with the last one, whether it will be coded or not.
    pub(super) fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.unchanged.compare(analysis, &self.refresh)
    }

    /// Selects the macroblocks to refresh in the next frame.
    pub(super) fn plan_refresh(&mut self, plan: &FramePlan) {
        let limit = plan.qindex.saturating_sub(FINER) + WORTHWHILE;
        let share = if plan.qindex < FINER { 0 } else { plan.cyclic_refresh_pct };
        self.refreshed.clear();
        self.refreshed.resize(self.refresh.count(), false);
        let refreshed = &mut self.refreshed;
        if !self.refresh.plan(limit, share, |index| refreshed[index] = true) {
            self.refreshed.clear();
        }
    }

    /// Selects the macroblocks that a frame at `qp` copies from the last frame.
    pub(super) fn plan_copies(
        &mut self,
        plan: &FramePlan,
        qp: u8,
        analysis: Option<&FrameAnalysis>,
    ) {
        let can_copy = plan.kind == FrameKind::Inter
            && plan.content == Content::Screen
            && plan.references.contains(SlotSet::LAST)
            && plan.intra_refresh.1 == 0
            && plan.order.is_none();
        match plan.recode {
            Some(room) if can_copy => {
                self.unchanged.plan(&H264, (qp, room), analysis, &self.refresh);
            }
            _ => self.unchanged.copy_none(),
        }
    }

    /// Returns whether macroblock `index` is copied from the last frame.
    #[inline]
    pub(super) fn is_copied(&self, index: usize) -> bool {
        self.unchanged.is_copied(index)
    }

    /// Returns the quantiser of macroblock `index` in a frame at `qp`.
    #[inline]
    pub(super) fn qp(&self, index: usize, qp: u8) -> u8 {
        match self.refreshed.get(index) {
            Some(true) => qp.saturating_sub(FINER),
            _ => qp,
        }
    }

    /// Returns the number of macroblocks that the frame refreshes.
    pub(super) fn refreshed(&self) -> u32 {
        let count = self.refreshed.iter().filter(|&&refreshed| refreshed).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Returns the sum of intra costs of the unchanged macroblocks that are coded again.
    pub(super) fn recoded_cost(&self) -> u64 {
        self.unchanged.recoded_cost()
    }

    /// Records how the macroblocks of a frame were coded, in raster order, with their first vectors. With
    /// `is_last` the frame becomes the last frame.
    pub(super) fn coded<'a>(
        &mut self,
        is_last: bool,
        macroblocks: impl Iterator<Item = (&'a CodedMb, &'a [Mv; 16])>,
    ) {
        let unchanged = &self.unchanged;
        if is_last {
            self.refresh.update(macroblocks.enumerate().map(|(index, (mb, mvs))| CodedMbHistory {
                is_still: mb.kind.is_still(mb.refs[0], mvs),
                is_skipped: mb.coded == 0,
                is_copied: unchanged.is_copied(index),
                qindex: mb.qp,
            }));
        }
        self.unchanged.coded(is_last);
    }
}
