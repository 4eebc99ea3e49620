//! Golden frame updates: the golden reference contains the background of a stable scene.
//!
//! An update costs bits, and pays off only if later frames can predict content from golden that is
//! missing from the previous frame. Updates are therefore not periodic, with two exceptions:
//! - At slow speeds the encoder searches all references. Golden and altref then hold older frames,
//!   and are replaced after a maximum number of frames.
//! - If frames retain most of the previous frame, a frame of higher quality improves all later
//!   frames. Every fifth frame then updates golden and has a finer quantiser, and the other frames
//!   have a coarser one. With constant bitrate, this saves 1 to 4 % of the bits at the same PSNR.

use super::{CodecDescription, FrameReport};
use crate::fixed::{ONE_Q16, log2_q16, mul_div};
use crate::rate::repeats;

/// Number of consecutive stable frames after which the frame counts as background.
const STABLE_FRAMES: u32 = 10;

/// Share of zero-motion macroblocks, in 1/256, above which a frame counts as calm.
const CALM_Q8: u64 = 128;

/// Number of frames between golden frames of higher quality.
const BOOST_PERIOD: u32 = 5;
/// Highest boost, in octaves of the quantiser step with 16 fractional bits.
const MAX_BOOST_Q16: i32 = ONE_Q16 * 5 / 6;

/// Detects stable scenes from coded frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GoldenUpdates {
    stable_frames: u32,
    /// Frames since the last update, including this one.
    age: u32,
    /// Whether the scene has moved since the last update, or no update has happened.
    has_moved: bool,
    /// Macroblocks refreshed since the last update.
    refreshed_mbs: u64,
    total_mbs: u64,
    /// Running mean of the share of zero-motion macroblocks, in 1/256.
    calm_q8: u64,
    /// Running mean of the inter cost relative to the intra cost, with 16 fractional bits.
    change_q16: Option<u64>,
    /// Inter cost of the last frame.
    last_inter_cost: u64,
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

    /// Returns by how many octaves of the step (16 fractional bits) the next frame, as a golden frame,
    /// should be better than the frames around it; 0 if no golden frame is due. The boost is higher if
    /// later frames retain more of a frame. `inter_cost` is the inter cost of the next frame, and
    /// `most` is the maximum number of frames between updates.
    pub(super) fn due_boost_q16(&self, inter_cost: u64, most: Option<u32>) -> i32 {
        let period = most.map_or(BOOST_PERIOD, |most| most.min(BOOST_PERIOD));
        if repeats(inter_cost, self.last_inter_cost) || self.age + 1 < period {
            return 0;
        }
        let Some(change) = self.change_q16 else { return 0 };
        // Five sixteenths of the octaves by which the inter cost is below half of the intra cost.
        let octaves_q16 = 15 * ONE_Q16 - log2_q16(change.max(1));
        (octaves_q16 / 16 * 5).clamp(0, MAX_BOOST_Q16)
    }

    /// Records the costs of a frame that is coded as an inter frame.
    pub(super) fn compared(&mut self, inter_cost: u64, intra_cost: u64) {
        let now = mul_div(inter_cost, 1 << 16, intra_cost.max(1)).min(1 << 16);
        let mean = self.change_q16.map_or(now, |mean| (7 * mean + now) / 8);
        self.change_q16 = Some(mean);
        self.last_inter_cost = inter_cost;
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
        *self = Self {
            total_mbs: self.total_mbs,
            calm_q8: self.calm_q8,
            change_q16: self.change_q16,
            last_inter_cost: self.last_inter_cost,
            ..Self::default()
        };
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
    fn every_fifth_frame_is_better_if_frames_retain_the_one_before() {
        let mut watch = GoldenUpdates::default();
        let boost = |watch: &GoldenUpdates| watch.due_boost_q16(1000, None);
        for _ in 0..4 {
            assert_eq!(boost(&watch), 0);
            watch.compared(1000, 8000);
            watch.coded(&STILL, 100, &CODEC);
        }
        // Two octaves below half of the intra cost.
        assert_eq!(boost(&watch), ONE_Q16 / 16 * 10);
        assert_eq!(watch.due_boost_q16(1000 / 17, None), 0, "a repeated frame");
        watch.renewed();
        assert_eq!(boost(&watch), 0);
    }

    #[test]
    fn frames_that_change_entirely_are_not_better() {
        let mut watch = GoldenUpdates::default();
        for _ in 0..20 {
            watch.compared(5000, 8000);
            watch.coded(&STILL, 100, &CODEC);
            assert_eq!(watch.due_boost_q16(5000, Some(3)), 0);
        }
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
