//! Macroblocks whose source has not changed since the last coded frame.
//!
//! In screen content, most of the frame is static for seconds. Unchanged macroblocks are copied
//! without mode decision, except those that the frame refines: as many as its plan allows, from top to
//! bottom, directly at the frame's quantiser, so that each is refined once.

use super::cyclic_refresh::CyclicRefresh;
use crate::types::QIndex;
use codec_core::analysis::FrameAnalysis;

/// Statistics of the unchanged macroblocks, for planning a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnchangedStats {
    /// Number of unchanged macroblocks.
    pub macroblocks: u32,
    /// Highest quantiser index at which one of them was coded.
    pub coarsest: QIndex,
}

/// Tracks changes of the source from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Unchanged {
    /// By macroblock: whether the source equals that of the last frame.
    same: Vec<bool>,
    /// By macroblock: whether the current frame copies it.
    copied: Vec<bool>,
    /// Whether the current source has been compared with the previous one.
    is_compared: bool,
    /// Sum of the intra costs of the macroblocks that the current frame recodes.
    recoded_cost: u64,
}

impl Unchanged {
    /// Resets the state for `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        for list in [&mut self.same, &mut self.copied] {
            list.clear();
            list.resize(count, false);
        }
        (self.is_compared, self.recoded_cost) = (false, 0);
    }

    /// Compares the next source frame, coded or not, and returns statistics of unchanged
    /// macroblocks.
    pub(super) fn compare(
        &mut self,
        analysis: Option<&FrameAnalysis>,
        refresh: &CyclicRefresh,
    ) -> UnchangedStats {
        self.is_compared = true;
        let Some(analysis) = analysis.filter(|a| a.macroblocks.len() == self.same.len()) else {
            self.same.fill(false);
            return UnchangedStats::default();
        };
        let mut stats = UnchangedStats::default();
        for (index, (same, mb)) in self.same.iter_mut().zip(&analysis.macroblocks).enumerate() {
            *same &= mb.is_same;
            if *same {
                stats.macroblocks += 1;
                stats.coarsest = stats.coarsest.max(refresh.quality(index));
            }
        }
        stats
    }

    /// Selects the macroblocks that a frame at `qindex` copies: all unchanged ones except those
    /// that it refines, as far as `room` allows. `room` is a sum of intra costs, weighted lower for
    /// macroblocks that are almost fine enough.
    pub(super) fn plan(
        &mut self,
        qindex: QIndex,
        room: u64,
        analysis: Option<&FrameAnalysis>,
        refresh: &CyclicRefresh,
    ) {
        self.recoded_cost = 0;
        let Some(analysis) = analysis.filter(|_| self.is_compared) else {
            self.copied.fill(false);
            return;
        };
        let mut left = room;
        let goal = log2_q8(qindex.ac_step());
        let lists = self.copied.iter_mut().zip(&self.same).zip(&analysis.macroblocks);
        for (index, ((copied, &same), mb)) in lists.enumerate() {
            *copied = same;
            let quality = refresh.quality(index);
            if same && left > 0 && quality > qindex.offset(WORTHWHILE) {
                let octaves_q8 = log2_q8(quality.ac_step()) - goal;
                let cost = (u64::from(mb.intra_cost) + MODE_COST) * weight_q8(octaves_q8) / 256;
                left = left.saturating_sub(cost);
                self.recoded_cost += cost;
                *copied = false;
            }
        }
    }

    /// Disables copying for the next frame.
    pub(super) fn copy_none(&mut self) {
        self.recoded_cost = 0;
        self.copied.fill(false);
    }

    /// Returns whether macroblock `index` is copied.
    #[inline]
    pub(super) fn is_copied(&self, index: usize) -> bool {
        self.copied.get(index).is_some_and(|&copied| copied)
    }

    /// Returns whether the whole frame is copied.
    pub(super) fn is_all_copied(&self) -> bool {
        !self.copied.is_empty() && self.copied.iter().all(|&copied| copied)
    }

    /// Returns the sum of intra costs of the macroblocks selected for recoding.
    pub(super) fn recoded_cost(&self) -> u64 {
        self.recoded_cost
    }

    /// Records that the frame was coded; with `is_last` it becomes the last frame.
    pub(super) fn coded(&mut self, is_last: bool) {
        self.is_compared = false;
        if is_last {
            self.same.fill(true);
        }
    }
}

/// Returns the cost of refining by the given octaves of the step relative to coding from scratch,
/// in 1/256. Measured on screen content.
fn weight_q8(octaves_q8: u32) -> u64 {
    u64::from((28 + octaves_q8 * 77 / 256).min(256))
}

/// Returns the base-2 logarithm with 8 fractional bits.
fn log2_q8(step: u16) -> u32 {
    let step = u32::from(step.max(1));
    let whole = step.ilog2();
    // Linear interpolation between powers of two suffices.
    (whole << 8) + ((step << 8 >> whole) - 256)
}

/// Minimum decrease of the quantiser index for which recoding a macroblock is worthwhile.
const WORTHWHILE: i8 = 2;
/// Cost of a macroblock without texture, as an intra cost.
const MODE_COST: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::cyclic_refresh::CodedMbHistory;
    use codec_core::analysis::MbAnalysis;

    fn analysis(same: &[bool]) -> FrameAnalysis {
        let mb = |&is_same: &bool| MbAnalysis { is_same, intra_cost: 92, ..MbAnalysis::default() };
        FrameAnalysis { macroblocks: same.iter().map(mb).collect(), ..FrameAnalysis::default() }
    }

    fn refresh(qindex: u8) -> CyclicRefresh {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(4);
        let coded = CodedMbHistory {
            is_still: false,
            is_skipped: false,
            is_copied: false,
            qindex: QIndex::saturating(qindex),
        };
        refresh.update((0..4).map(|_| coded));
        refresh
    }

    #[test]
    fn a_change_counts_until_a_frame_has_coded_it() {
        let mut unchanged = Unchanged::default();
        unchanged.reset(4);
        let refresh = refresh(60);
        assert_eq!(unchanged.compare(Some(&analysis(&[true; 4])), &refresh).macroblocks, 0);
        unchanged.coded(true);
        // This frame is dropped.
        unchanged.compare(Some(&analysis(&[true, false, true, true])), &refresh);
        let stats = unchanged.compare(Some(&analysis(&[true; 4])), &refresh);
        assert_eq!(stats, UnchangedStats { macroblocks: 3, coarsest: QIndex::saturating(60) });
        unchanged.plan(QIndex::saturating(60), 0, Some(&analysis(&[true; 4])), &refresh);
        assert!(unchanged.is_copied(0) && !unchanged.is_copied(1) && !unchanged.is_all_copied());
    }

    #[test]
    fn recoding_is_limited_by_the_budget() {
        let mut unchanged = Unchanged::default();
        unchanged.reset(4);
        unchanged.coded(true);
        let (all, refresh) = (analysis(&[true; 4]), refresh(60));
        unchanged.compare(Some(&all), &refresh);
        unchanged.plan(QIndex::saturating(20), 60, Some(&all), &refresh);
        assert_eq!([0, 1, 2, 3].map(|n| unchanged.is_copied(n)), [false, false, true, true]);
        // About 1.4 octaves: 0.58 of 100 each.
        assert_eq!(unchanged.recoded_cost(), 116);
        unchanged.plan(QIndex::saturating(59), 200, Some(&all), &refresh);
        assert!(unchanged.is_all_copied());
    }
}
