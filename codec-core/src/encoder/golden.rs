//! Golden frame updates: golden holds the background of a stable scene.
//!
//! Updates are not periodic: an update costs bits, and pays off only if later frames can predict
//! content from golden that is missing from the last frame. Slow speeds, which search all
//! references, are an exception: with them, golden and altref are simply older frames.

use super::{CodecDescription, FrameReport};

/// Number of consecutive stable frames after which the frame counts as background.
const STABLE_FRAMES: u32 = 10;

/// Share of zero-motion macroblocks, in 1/256, above which a frame counts as calm.
const CALM_Q8: u64 = 128;

/// Detects stable scenes from coded frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GoldenUpdates {
    stable_frames: u32,
    /// Frames since the last update, including this one.
    age: u32,
    /// Whether the scene has moved since the last update, or there was none.
    has_moved: bool,
    /// Macroblocks refreshed since the last update.
    refreshed_mbs: u64,
    total_mbs: u64,
    /// Running mean of the share of zero-motion macroblocks, in 1/256.
    calm_q8: u64,
}

impl GoldenUpdates {
    /// Returns whether the next frame should update golden; `most` is the maximum number of frames
    /// between updates.
    pub(super) fn is_due(&self, most: Option<u32>) -> bool {
        if most.is_some_and(|most| self.age + 1 >= most) {
            return true;
        }
        let new_detail = self.refreshed_mbs * 2 >= self.total_mbs.max(1);
        self.stable_frames >= STABLE_FRAMES && (self.has_moved || new_detail)
    }

    /// Returns whether enough of the frame is static for a cyclic refresh to last.
    pub(super) fn is_calm(&self) -> bool {
        self.calm_q8 >= CALM_Q8
    }

    /// Records a coded inter frame of `total_mbs` macroblocks.
    pub(super) fn coded(&mut self, report: &FrameReport, total_mbs: u64, codec: &CodecDescription) {
        self.total_mbs = total_mbs;
        self.age = self.age.saturating_add(1);
        let share_q8 = u64::from(report.zero_motion) * 256 / total_mbs.max(1);
        self.calm_q8 = (3 * self.calm_q8 + share_q8) / 4;
        self.refreshed_mbs = self.refreshed_mbs.saturating_add(u64::from(report.refreshed));
        // Mostly static, and predicted within two thirds of the quantiser step.
        let step = codec.step(report.qindex);
        let level = u64::from(codec.steps_per_level).max(1);
        let is_static = u64::from(report.zero_motion) * 5 > total_mbs * 3;
        let is_close = report.prediction_sse / (256 * total_mbs.max(1))
            < (step * step / (2 * level * level)).max(4);
        if is_static && is_close {
            self.stable_frames = self.stable_frames.saturating_add(1);
        } else {
            self.stable_frames = 0;
            self.has_moved = true;
        }
    }

    /// Records that golden was updated.
    pub(super) fn renewed(&mut self) {
        *self = Self { total_mbs: self.total_mbs, calm_q8: self.calm_q8, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::tests::CODEC;

    const STILL: FrameReport = FrameReport {
        bits: 1000,
        over_cap: false,
        dropped: false,
        qindex: 40,
        zero_motion: 90,
        refreshed: 0,
        prediction_sse: 256 * 100 * 5,
        recoded_cost: 0,
    };

    #[test]
    fn a_static_scene_updates_golden_once_and_not_on_a_timer() {
        let mut watch = GoldenUpdates::default();
        let moving = FrameReport { zero_motion: 10, ..STILL };
        watch.coded(&moving, 100, &CODEC);
        for _ in 0..STABLE_FRAMES {
            assert!(!watch.is_due(None));
            watch.coded(&STILL, 100, &CODEC);
        }
        assert!(watch.is_due(None));
        watch.renewed();
        for _ in 0..1000 {
            watch.coded(&STILL, 100, &CODEC);
        }
        assert!(!watch.is_due(None));
    }

    #[test]
    fn golden_is_updated_within_its_maximum_age() {
        let mut watch = GoldenUpdates::default();
        let moving = FrameReport { zero_motion: 10, ..STILL };
        for _ in 0..2 {
            assert!(!watch.is_due(Some(3)));
            watch.coded(&moving, 100, &CODEC);
        }
        assert!(watch.is_due(Some(3)) && !watch.is_due(None));
        watch.renewed();
        assert!(!watch.is_due(Some(3)));
    }

    #[test]
    fn a_completed_refresh_triggers_an_update() {
        let mut watch = GoldenUpdates::default();
        for _ in 0..STABLE_FRAMES {
            watch.coded(&FrameReport { refreshed: 10, ..STILL }, 100, &CODEC);
        }
        assert!(watch.is_due(None));
    }
}
