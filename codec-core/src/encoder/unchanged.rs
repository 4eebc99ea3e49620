//! Macroblocks whose source has not changed since the last coded frame.
//!
//! In screen content, most of the frame is static for seconds. Unchanged macroblocks are copied
//! from the last frame without mode decision, or refined: coded again because the quantiser of the
//! frame is finer than the one that they were last coded with. A frame refines as many macroblocks
//! as its plan allows, from top to bottom.

use super::cyclic_refresh::CyclicRefresh;
use super::{CodecDescription, UnchangedStats};
use crate::analysis::FrameAnalysis;

/// Tracks changes of the source from frame to frame.
#[derive(Debug, Default)]
pub struct Unchanged {
    /// By macroblock: whether the source equals the source of the last frame.
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
    pub fn reset(&mut self, count: usize) {
        for list in [&mut self.same, &mut self.copied] {
            list.clear();
            list.resize(count, false);
        }
        (self.is_compared, self.recoded_cost) = (false, 0);
    }

    /// Compares the next source frame, coded or not, and returns statistics of unchanged
    /// macroblocks.
    pub fn compare(
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
    /// macroblocks whose quality is almost sufficient. `refresh` has the quality of the macroblocks.
    pub fn plan(
        &mut self,
        codec: &CodecDescription,
        (qindex, room): (u8, u64),
        analysis: Option<&FrameAnalysis>,
        refresh: &CyclicRefresh,
    ) {
        self.recoded_cost = 0;
        let Some(analysis) = analysis.filter(|_| self.is_compared) else {
            self.copied.fill(false);
            return;
        };
        let mut left = room;
        let goal = log2_q8(codec.step(qindex));
        let limit = qindex.saturating_add(codec.indices_per_sixth_octave / 2);
        let lists = self.copied.iter_mut().zip(&self.same).zip(&analysis.macroblocks);
        for (index, ((copied, &same), mb)) in lists.enumerate() {
            *copied = same;
            let quality = refresh.quality(index);
            if same && left > 0 && quality > limit {
                let octaves_q8 = log2_q8(codec.step(quality)).saturating_sub(goal);
                let cost = (u64::from(mb.intra_cost) + MODE_COST) * weight_q8(octaves_q8) / 256;
                left = left.saturating_sub(cost);
                self.recoded_cost += cost;
                *copied = false;
            }
        }
    }

    /// Disables copying for the next frame.
    pub fn copy_none(&mut self) {
        self.recoded_cost = 0;
        self.copied.fill(false);
    }

    /// Returns whether macroblock `index` is copied.
    #[inline]
    #[must_use]
    pub fn is_copied(&self, index: usize) -> bool {
        self.copied.get(index).is_some_and(|&copied| copied)
    }

    /// Returns whether the whole frame is copied.
    #[must_use]
    pub fn is_all_copied(&self) -> bool {
        !self.copied.is_empty() && self.copied.iter().all(|&copied| copied)
    }

    /// Returns the sum of intra costs of the macroblocks selected for recoding.
    #[must_use]
    pub fn recoded_cost(&self) -> u64 {
        self.recoded_cost
    }

    /// Records that the frame was coded; with `is_last` it becomes the last frame.
    pub fn coded(&mut self, is_last: bool) {
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
fn log2_q8(step: u64) -> u32 {
    let step = u32::try_from(step).unwrap_or(u32::MAX >> 8).max(1);
    let whole = step.ilog2();
    // Linear interpolation between powers of two suffices.
    (whole << 8) + ((step << 8 >> whole) - 256)
}

/// Cost of a macroblock without texture, as an intra cost.
const MODE_COST: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::MbAnalysis;
    use crate::encoder::cyclic_refresh::CodedMbHistory;
    use crate::encoder::tests::CODEC;

    fn analysis(same: &[bool]) -> FrameAnalysis {
        let mb = |&is_same: &bool| MbAnalysis { is_same, intra_cost: 92, ..MbAnalysis::default() };
        FrameAnalysis { macroblocks: same.iter().map(mb).collect(), ..FrameAnalysis::default() }
    }

    fn refresh(qindex: u8) -> CyclicRefresh {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(4, 127);
        let coded = CodedMbHistory { is_still: false, is_skipped: false, is_copied: false, qindex };
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
        assert_eq!(stats, UnchangedStats { macroblocks: 3, coarsest: 60 });
        unchanged.plan(&CODEC, (60, 0), Some(&analysis(&[true; 4])), &refresh);
        assert!(unchanged.is_copied(0) && !unchanged.is_copied(1) && !unchanged.is_all_copied());
    }

    #[test]
    fn recoding_is_limited_by_the_budget() {
        let mut unchanged = Unchanged::default();
        unchanged.reset(4);
        unchanged.coded(true);
        let (all, refresh) = (analysis(&[true; 4]), refresh(60));
        unchanged.compare(Some(&all), &refresh);
        unchanged.plan(&CODEC, (20, 60), Some(&all), &refresh);
        assert_eq!([0, 1, 2, 3].map(|n| unchanged.is_copied(n)), [false, false, true, true]);
        // About 1.4 octaves: 0.58 of 100 each.
        assert_eq!(unchanged.recoded_cost(), 116);
        unchanged.plan(&CODEC, (59, 200), Some(&all), &refresh);
        assert!(unchanged.is_all_copied());
    }
}
