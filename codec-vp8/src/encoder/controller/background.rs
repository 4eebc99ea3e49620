//! When the golden frame is renewed: it is to be the background of a stable scene.
//!
//! Not on a timer: a renewal costs bits, and pays only if later frames find in it what the last
//! frame has lost. Slow speeds, which search all references, are an exception: to them golden and
//! altref are what the picture was a few frames ago.

use crate::encoder::UnitReport;
use crate::tables::AC_STEPS;

/// Stable frames in a row after which the picture counts as a background.
const STABLE_FRAMES: u32 = 10;

/// Share of macroblocks without motion, in 1/256, from which a picture is calm.
const CALM_Q8: u64 = 128;

/// Watches coded frames for stability.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BackgroundWatch {
    stable_frames: u32,
    /// Frames since the last renewal, this one counted.
    age: u32,
    /// The scene has moved since the last renewal, or there was none.
    has_moved: bool,
    /// Macroblocks refreshed since the last renewal.
    refreshed_mbs: u64,
    total_mbs: u64,
    /// Running mean of the share of macroblocks without motion, in 1/256.
    calm_q8: u64,
}

impl BackgroundWatch {
    /// Whether the next frame should become the background; `most`: frames that one may be kept.
    pub(super) fn is_due(&self, most: Option<u32>) -> bool {
        if most.is_some_and(|most| self.age + 1 >= most) {
            return true;
        }
        let new_detail = self.refreshed_mbs * 2 >= self.total_mbs.max(1);
        self.stable_frames >= STABLE_FRAMES && (self.has_moved || new_detail)
    }

    /// Whether enough of the picture stands still for a refresh to last.
    pub(super) fn is_calm(&self) -> bool {
        self.calm_q8 >= CALM_Q8
    }

    /// Takes note of a coded inter frame of `total_mbs` macroblocks.
    pub(super) fn coded(&mut self, report: &UnitReport, total_mbs: u64) {
        self.total_mbs = total_mbs;
        self.age = self.age.saturating_add(1);
        let share_q8 = u64::from(report.zero_motion) * 256 / total_mbs.max(1);
        self.calm_q8 = (3 * self.calm_q8 + share_q8) / 4;
        self.refreshed_mbs = self.refreshed_mbs.saturating_add(u64::from(report.refreshed));
        // Static for the most part, and predicted within a third of the quantiser's step.
        let step = u64::from(AC_STEPS[usize::from(report.qindex.min(127))]);
        let is_static = u64::from(report.zero_motion) * 5 > total_mbs * 3;
        let is_close = report.prediction_sse / (256 * total_mbs.max(1)) < (step * step / 8).max(4);
        if is_static && is_close {
            self.stable_frames = self.stable_frames.saturating_add(1);
        } else {
            self.stable_frames = 0;
            self.has_moved = true;
        }
    }

    /// The background was renewed.
    pub(super) fn renewed(&mut self) {
        *self = Self { total_mbs: self.total_mbs, calm_q8: self.calm_q8, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: UnitReport = UnitReport {
        bits: 1000,
        over_cap: false,
        given_up: false,
        qindex: 40,
        zero_motion: 90,
        refreshed: 0,
        prediction_sse: 256 * 100 * 5,
        recoded_cost: 0,
    };

    #[test]
    fn a_still_scene_is_taken_once_and_not_on_a_timer() {
        let mut watch = BackgroundWatch::default();
        let moving = UnitReport { zero_motion: 10, ..STILL };
        watch.coded(&moving, 100);
        for _ in 0..STABLE_FRAMES {
            assert!(!watch.is_due(None));
            watch.coded(&STILL, 100);
        }
        assert!(watch.is_due(None));
        watch.renewed();
        for _ in 0..1000 {
            watch.coded(&STILL, 100);
        }
        assert!(!watch.is_due(None));
    }

    #[test]
    fn where_it_may_not_grow_old_it_is_renewed_in_time() {
        let mut watch = BackgroundWatch::default();
        let moving = UnitReport { zero_motion: 10, ..STILL };
        for _ in 0..2 {
            assert!(!watch.is_due(Some(3)));
            watch.coded(&moving, 100);
        }
        assert!(watch.is_due(Some(3)) && !watch.is_due(None));
        watch.renewed();
        assert!(!watch.is_due(Some(3)));
    }

    #[test]
    fn a_finished_refresh_is_worth_a_renewal() {
        let mut watch = BackgroundWatch::default();
        for _ in 0..STABLE_FRAMES {
            watch.coded(&UnitReport { refreshed: 10, ..STILL }, 100);
        }
        assert!(watch.is_due(None));
    }
}
