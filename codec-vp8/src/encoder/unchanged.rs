//! Macroblocks whose source has not changed since the last frame was coded.
//!
//! On screens most of the picture stands still for seconds. What has not changed is taken over
//! without a look at its pixels, and coded again only as a plan allows: from the top down, straight
//! to the frame's quantiser, so that each macroblock pays for it once.

use super::segments::Refresh;
use crate::tables::AC_STEPS;
use codec_core::analysis::FrameAnalysis;

/// What is known of the unchanged macroblocks before a frame is planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnchangedFacts {
    /// How many there are.
    pub macroblocks: u32,
    /// Coarsest quantiser index that one of them was coded at.
    pub coarsest: u8,
}

/// Follows the source from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Unchanged {
    /// The source is that of the last frame, by macroblock.
    same: Vec<bool>,
    /// To be taken over by the frame being coded.
    kept: Vec<bool>,
    /// The picture to be coded has been compared with the one before.
    is_compared: bool,
    /// Intra costs of what the frame being coded codes again.
    recoded_cost: u64,
}

impl Unchanged {
    /// Forgets everything; `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        for list in [&mut self.same, &mut self.kept] {
            list.clear();
            list.resize(count, false);
        }
        (self.is_compared, self.recoded_cost) = (false, 0);
    }

    /// Takes in the next picture, coded or not, and tells what has not changed.
    pub(super) fn compare(
        &mut self,
        analysis: Option<&FrameAnalysis>,
        refresh: &Refresh,
    ) -> UnchangedFacts {
        self.is_compared = true;
        let Some(analysis) = analysis.filter(|a| a.macroblocks.len() == self.same.len()) else {
            self.same.fill(false);
            return UnchangedFacts::default();
        };
        let mut facts = UnchangedFacts::default();
        for (index, (same, mb)) in self.same.iter_mut().zip(&analysis.macroblocks).enumerate() {
            *same &= mb.is_same;
            if *same {
                facts.macroblocks += 1;
                facts.coarsest = facts.coarsest.max(refresh.quality(index));
            }
        }
        facts
    }

    /// Chooses what a frame at `qindex` takes over: all that has not changed, but for macroblocks
    /// that it makes finer, as far as `room` allows: a sum of intra costs, less where it is almost
    /// as fine already.
    pub(super) fn plan(
        &mut self,
        qindex: u8,
        room: u64,
        analysis: Option<&FrameAnalysis>,
        refresh: &Refresh,
    ) {
        self.recoded_cost = 0;
        let Some(analysis) = analysis.filter(|_| self.is_compared) else {
            self.kept.fill(false);
            return;
        };
        let mut left = room;
        let goal = log2_q8(AC_STEPS[usize::from(qindex.min(127))]);
        let lists = self.kept.iter_mut().zip(&self.same).zip(&analysis.macroblocks);
        for (index, ((kept, &same), mb)) in lists.enumerate() {
            *kept = same;
            let quality = refresh.quality(index);
            if same && left > 0 && quality > qindex.saturating_add(WORTHWHILE) {
                let octaves_q8 = log2_q8(AC_STEPS[usize::from(quality.min(127))]) - goal;
                let cost = (u64::from(mb.intra_cost) + MODE_COST) * weight_q8(octaves_q8) / 256;
                left = left.saturating_sub(cost);
                self.recoded_cost += cost;
                *kept = false;
            }
        }
    }

    /// Nothing is taken over by the frame to come.
    pub(super) fn keep_none(&mut self) {
        self.recoded_cost = 0;
        self.kept.fill(false);
    }

    /// Whether macroblock `index` is taken over.
    #[inline]
    pub(super) fn is_kept(&self, index: usize) -> bool {
        self.kept.get(index).is_some_and(|&kept| kept)
    }

    /// Whether the whole frame is taken over.
    pub(super) fn is_all_kept(&self) -> bool {
        !self.kept.is_empty() && self.kept.iter().all(|&kept| kept)
    }

    /// Intra costs of what has been chosen to be coded again.
    pub(super) fn recoded_cost(&self) -> u64 {
        self.recoded_cost
    }

    /// The frame was coded; it is the last frame from now on, if it `is_last`.
    pub(super) fn coded(&mut self, is_last: bool) {
        self.is_compared = false;
        if is_last {
            self.same.fill(true);
        }
    }
}

/// What it takes to refine by so many octaves of the step, in 1/256 of what it takes from nothing.
/// Measured on screens.
fn weight_q8(octaves_q8: u32) -> u64 {
    u64::from((28 + octaves_q8 * 77 / 256).min(256))
}

/// Binary logarithm with 8 fractional bits.
fn log2_q8(step: u16) -> u32 {
    let step = u32::from(step.max(1));
    let whole = step.ilog2();
    // Between powers of two a straight line does.
    (whole << 8) + ((step << 8 >> whole) - 256)
}

/// How many indices finer a frame must be for a macroblock to be coded again.
const WORTHWHILE: u8 = 2;
/// What a macroblock without texture costs, as an intra cost.
const MODE_COST: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::segments::Coded;
    use codec_core::analysis::MbAnalysis;

    fn analysis(same: &[bool]) -> FrameAnalysis {
        let mb = |&is_same: &bool| MbAnalysis { is_same, intra_cost: 92, ..MbAnalysis::default() };
        FrameAnalysis { macroblocks: same.iter().map(mb).collect(), ..FrameAnalysis::default() }
    }

    fn refresh(qindex: u8) -> Refresh {
        let mut refresh = Refresh::default();
        refresh.reset(4);
        let coded = Coded { is_still: false, is_skipped: false, is_kept: false, qindex };
        refresh.follow((0..4).map(|_| coded));
        refresh
    }

    #[test]
    fn a_change_counts_until_a_frame_has_shown_it() {
        let mut unchanged = Unchanged::default();
        unchanged.reset(4);
        let refresh = refresh(60);
        assert_eq!(unchanged.compare(Some(&analysis(&[true; 4])), &refresh).macroblocks, 0);
        unchanged.coded(true);
        // This picture is dropped.
        unchanged.compare(Some(&analysis(&[true, false, true, true])), &refresh);
        let facts = unchanged.compare(Some(&analysis(&[true; 4])), &refresh);
        assert_eq!(facts, UnchangedFacts { macroblocks: 3, coarsest: 60 });
        unchanged.plan(60, 0, Some(&analysis(&[true; 4])), &refresh);
        assert!(unchanged.is_kept(0) && !unchanged.is_kept(1) && !unchanged.is_all_kept());
    }

    #[test]
    fn as_much_as_there_is_room_for_is_coded_again() {
        let mut unchanged = Unchanged::default();
        unchanged.reset(4);
        unchanged.coded(true);
        let (all, refresh) = (analysis(&[true; 4]), refresh(60));
        unchanged.compare(Some(&all), &refresh);
        unchanged.plan(20, 60, Some(&all), &refresh);
        assert_eq!([0, 1, 2, 3].map(|n| unchanged.is_kept(n)), [false, false, true, true]);
        // 1.4 octaves or so: 0.58 of 100 each.
        assert_eq!(unchanged.recoded_cost(), 116);
        unchanged.plan(59, 200, Some(&all), &refresh);
        assert!(unchanged.is_all_kept());
    }
}
