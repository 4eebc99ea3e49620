//! Target size of a frame.

use super::accounting::GOLDEN_RECOVERY_FRAMES;
use super::{RateController, VBR_BOOST_RECOVERY_US};
use crate::codec::RateControl;
use crate::fixed::{ONE_Q16, exp2_q16, log2_q16, mul_div, mul_div_signed, positive, signed};
use crate::rate::buffer::SECOND_US;
use crate::rate::frame_stats::{Class, FrameRole, FrameStats, boost_q16};
use crate::rate::layers::LayerPlanner;
use crate::rate::two_pass::quality_base_q16;

/// Time over which CBR corrects buffer deviations, in microseconds.
const RECOVERY_US: u64 = SECOND_US;
/// Time over which a layer's deviation from its share is corrected, in microseconds.
const LAYER_RECOVERY_US: u64 = 2 * SECOND_US;
/// Time over which VBR corrects its deviation, in microseconds.
const VBR_RECOVERY_US: u64 = 5 * SECOND_US / 2;

/// Share of the bits of a group of B frames that the frame of level 0 takes, in percent.
const GROUP_SHARE_PCT: u64 = 70;

impl RateController {
    /// Returns the frame's share of the rate in bits.
    pub(super) fn share_bits(&self, stats: &FrameStats) -> u64 {
        let mean = self.buffer.bits_of_us(self.clock.interval_us());
        let mode = self.config.scalability;
        let fixed = || LayerPlanner::weight_q8(mode, self.active_layers, stats.temporal_id);
        let weight = self.layer_weight_q8(stats.temporal_id).unwrap_or_else(fixed);
        mul_div(mean, weight, 256).max(1)
    }

    /// Returns the weight of a frame of a temporal layer relative to the mean frame, in 1/256, if the shares of the
    /// layers follow the content.
    fn layer_weight_q8(&self, layer: u8) -> Option<u64> {
        let layers = (self.config.scalability.temporal_layers(), self.active_layers);
        let boosts = self.config.layer_boosts_q16?[usize::from(layers.0.clamp(1, 3)) - 1];
        let model = &self.models[Class::Layer(0).index()];
        self.layer_shares.weight_q8(layers, layer, boosts.map(|boost| model.octaves_q16(boost)))
    }

    /// Returns the target size in bits and the logarithm of the step expected to meet it.
    pub(super) fn target_size(
        &self,
        stats: &FrameStats,
        class: Class,
        share_bits: u64,
        complexity_q16: i32,
    ) -> (u64, i32) {
        // The step of golden frames follows from the step of the frames around them.
        let model_class = if class == Class::Golden { Class::Layer(0) } else { class };
        let model = &self.models[model_class.index()];
        match self.config.mode {
            RateControl::FixedQ(qindex) => (0, self.steps.log_q16(qindex)),
            RateControl::Quality(quality) => {
                let fraction_q8 = self.config.quality_fraction_q8;
                let base = quality_base_q16(&self.steps, quality, fraction_q8);
                (0, base + self.extra_q16(stats, class))
            }
            RateControl::Cbr(_) => {
                let target = match class {
                    // The first frame of a scene is worth as much as a key frame, regardless of its type.
                    Class::Key | Class::SceneCut => self.key_target_bits(),
                    Class::Altref
                    | Class::Overlay
                    | Class::Refine
                    | Class::Layer(_)
                    | Class::B
                    | Class::Golden => self.cbr_target_bits(stats, share_bits),
                };
                (target, model.step_q16(complexity_q16, log2_q16(self.detail_bits(target))))
            }
            RateControl::Vbr(_) => {
                let target = self.vbr_target_bits(share_bits);
                let inter = &self.models[Class::Layer(0).index()];
                let mean = match (stats.mean_complexity, self.mean_complexity) {
                    (Some(ahead), Some(past)) => ahead / 2 + past / 2,
                    (Some(mean), None) | (None, Some(mean)) => mean,
                    (None, None) => stats.complexity,
                };
                let boost = boost_q16(stats, class);
                let (shared, usual_boost) = match stats.group_frames {
                    0 => (target, 0),
                    1 => (target, boost),
                    // The rest is for the B frames.
                    frames => (mul_div(target, u64::from(frames) * GROUP_SHARE_PCT, 100), boost),
                };
                let detail = log2_q16(self.detail_bits(shared));
                let base = inter.step_q16(log2_q16(mean.max(1)), detail) - usual_boost;
                let step = base.saturating_add(boost);
                (exp2_q16(model.bits_q16(complexity_q16, step)), step)
            }
        }
    }

    /// Returns the step offset of a frame relative to the base step, in octaves.
    pub(super) fn extra_q16(&self, stats: &FrameStats, class: Class) -> i32 {
        boost_q16(stats, class) + self.complexity_ratio_q16(stats) / 10
    }

    /// Subtracts the fixed overhead from a frame's bits.
    pub(super) fn detail_bits(&self, bits: u64) -> u64 {
        bits.saturating_sub(self.config.overhead_bits).max(bits / 4).max(1)
    }

    /// Returns the frame's complexity relative to the mean in octaves, clamped to two in either
    /// direction.
    pub(super) fn complexity_ratio_q16(&self, stats: &FrameStats) -> i32 {
        let mean = stats.mean_complexity.or(self.mean_complexity).unwrap_or(stats.complexity);
        let octaves = log2_q16(stats.complexity.max(1)) - log2_q16(mean.max(1));
        octaves.clamp(-2 * ONE_Q16, 2 * ONE_Q16)
    }

    pub(super) fn key_cap_bits(&self) -> u64 {
        let share = self.buffer.bits_of_us(self.clock.interval_us());
        match self.config.max_key_frame_pct {
            Some(pct) => mul_div(share, u64::from(pct), 100).max(1),
            None => positive(self.buffer.optimal_bits() / 2).max(share),
        }
    }

    /// Returns the target of a key frame: with a buffer of 600 ms, six frame shares at 30 frames per second (180 ms).
    /// The first frame has a quarter more, because nothing waits on the link, and all later frames start from its
    /// quality. At most half of the buffer level.
    pub(super) fn key_target_bits(&self) -> u64 {
        let level = positive(self.buffer.level_bits());
        let share = self.buffer.bits_of_us(self.clock.interval_us());
        let usual = positive(self.buffer.optimal_bits() * 3 / 10);
        let wish = if self.is_first() { usual + usual / 4 } else { usual }.min(level / 2);
        wish.min(self.key_cap_bits()).max(share).max(1)
    }

    /// Whether no frame has been coded.
    pub(super) fn is_first(&self) -> bool {
        self.last_coded_us.is_none()
    }

    pub(super) fn cbr_target_bits(&self, stats: &FrameStats, share_bits: u64) -> u64 {
        let share = signed(share_bits);
        let level = self.buffer.level_bits().saturating_add(self.golden_debt_bits);
        let deviation = level.saturating_sub(self.steered_bits);
        let mut change =
            mul_div_signed(deviation, share_bits, self.buffer.bits_of_us(RECOVERY_US).max(1));
        change = change.saturating_sub(self.golden_debt_bits / GOLDEN_RECOVERY_FRAMES);
        if self.active_layers > 1 && self.config.layer_boosts_q16.is_none() {
            let debt = self.layer_debt_bits[usize::from(stats.temporal_id.min(2))];
            let interval = self.clock.interval_us();
            change = change.saturating_sub(mul_div_signed(debt, interval, LAYER_RECOVERY_US));
        }
        let most = mul_div_signed(share, u64::from(self.config.overshoot_pct), 100);
        let least = -mul_div_signed(share, u64::from(self.config.undershoot_pct.min(90)), 100);
        let target = share.saturating_add(change.clamp(least, most));
        let rich = self.buffer.level_bits() > self.buffer.optimal_bits() / 4 * 3;
        let golden = stats.role == FrameRole::Golden && stats.golden_boost_q16 == 0 && rich;
        positive(if golden { target.saturating_add(target / 4) } else { target }).max(1)
    }

    pub(super) fn vbr_target_bits(&self, share_bits: u64) -> u64 {
        let interval = self.clock.interval_us();
        let errors = self.debt_bits.saturating_sub(self.boost_debt_bits);
        let errors = mul_div_signed(errors, interval, VBR_RECOVERY_US);
        let boosts = mul_div_signed(self.boost_debt_bits, interval, VBR_BOOST_RECOVERY_US);
        let target = signed(share_bits).saturating_sub(errors.saturating_add(boosts));
        positive(target).clamp(share_bits / 4 + 1, share_bits.saturating_mul(2))
    }
}
