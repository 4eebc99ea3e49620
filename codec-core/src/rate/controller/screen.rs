//! Constant bitrate for screen content.
//!
//! Screen content changes abruptly and then stays static. A change may drain the decoder buffer.
//! Each unchanged area is then refined (coded again at a finer quantiser), in several steps if its
//! quality is far below the goal. During refinement, frames use the whole target bitrate, so the
//! delay stays constant. The buffer refills when nothing is left to refine.

use super::RateController;
use crate::codec::{DropPolicy, FrameKind};
use crate::fixed::{ONE_Q16, exp2_q16, log2_q16, mul_div, mul_div_signed, positive, signed};
use crate::rate::frame_stats::{Class, FrameStats};

/// Plan for a frame of screen content.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScreenPlan {
    pub(super) class: Class,
    pub(super) target_bits: u64,
    pub(super) qindex: u8,
    /// See [`crate::rate::FrameBudget::recode`].
    pub(super) recode: u64,
}

/// If the quality is further from the goal than this ratio of steps (a logarithm), refinement goes
/// through an intermediate quality, so that text becomes readable soon at a low cost.
const FAR_Q16: i32 = ONE_Q16 * 21 / 8;

impl RateController {
    /// Returns the bits to keep in the buffer, so that the next change can be sent immediately and
    /// no frame is dropped.
    fn reserve_bits(&self, share_bits: u64) -> i64 {
        let optimal = self.buffer.optimal_bits();
        let mark = match self.config.drops {
            DropPolicy::BelowBufferPct(pct) => {
                mul_div_signed(optimal, u64::from(pct.min(100)), 100)
                    .saturating_add(2 * signed(share_bits))
            }
            DropPolicy::Never => 0,
        };
        (optimal / 6).max(mark)
    }

    pub(super) fn screen_plan(
        &self,
        stats: &FrameStats,
        class: Class,
        share_bits: u64,
        complexity_q16: i32,
        hard_bits: Option<u64>,
    ) -> ScreenPlan {
        let spare = self.buffer.level_bits() - self.reserve_bits(share_bits);
        let cap = |bits: u64| bits.min(hard_bits.unwrap_or(u64::MAX)).max(1);
        let model = &self.models[class.index()];
        if stats.kind == FrameKind::Key {
            let target = cap(positive(spare).min(self.screen_key_cap_bits()).max(share_bits));
            let step = model.step_q16(complexity_q16, log2_q16(target));
            let qindex = self.nearest_allowed(step);
            return ScreenPlan { class, target_bits: target, qindex, recode: 0 };
        }

        let burst = if spare > 0 { spare / 4 * 3 } else { spare / 8 };
        let least = share_bits / 4;
        let target = cap(positive(signed(share_bits).saturating_add(burst)).max(least));
        let is_change = stats.complexity >= self.config.static_complexity;
        let step_for = |bits: u64| model.step_q16(complexity_q16, log2_q16(self.detail_bits(bits)));
        let good = self.steps.log_q16(self.config.sharp_qindex);
        // Use a step below the good quality only if that is cheap.
        let step = step_for(target).max(good.min(step_for(target / 3)));
        let changed = ScreenPlan {
            class,
            target_bits: target,
            qindex: self.nearest_allowed(step),
            recode: 0,
        };
        let Some(goal) = self.refinement_goal(stats.coarsest) else {
            return changed;
        };
        if is_change && changed.qindex > goal {
            return changed;
        }
        let goal_step = self.steps.log_q16(goal);
        let taken = if is_change {
            exp2_q16(model.bits_q16(complexity_q16, goal_step))
        } else {
            self.config.overhead_bits
        };
        let burst = if spare > 0 { spare / 4 } else { spare / 2 };
        let room = cap(positive(signed(share_bits).saturating_add(burst))).saturating_sub(taken);
        if room < share_bits / 4 {
            return changed;
        }
        let per_complexity = self.models[Class::Refine.index()].bits_q16(0, goal_step);
        let recode = exp2_q16(log2_q16(room).saturating_sub(per_complexity));
        let class = if is_change { class } else { Class::Refine };
        ScreenPlan { class, target_bits: room.saturating_add(taken), qindex: goal, recode }
    }

    /// Returns the cap on key frames of screen content: at least two thirds of the optimal buffer,
    /// unless the cap is configured, because few bits follow a key frame of screen content.
    fn screen_key_cap_bits(&self) -> u64 {
        match self.config.max_key_frame_pct {
            Some(_) => self.key_cap_bits(),
            None => self.key_cap_bits().max(positive(self.buffer.optimal_bits() / 3 * 2)),
        }
    }

    /// Returns the index to which areas coded at `coarsest` should be refined, if refining is
    /// worthwhile.
    fn refinement_goal(&self, coarsest: Option<u8>) -> Option<u8> {
        let coarsest = coarsest?;
        let sharp_qindex = self.config.sharp_qindex;
        // Differences up to half of this are not worth the bits.
        let unit = self.config.indices_per_sixth_octave;
        let [from, good] = [coarsest, sharp_qindex].map(|qindex| self.steps.log_q16(qindex));
        let goal = if from > good + FAR_Q16 {
            self.steps.nearest(good + (from - good) / 2)
        } else if coarsest > sharp_qindex.saturating_add(unit * 3 / 4) {
            sharp_qindex
        } else {
            self.steps.nearest(good - ONE_Q16)
        };
        let goal = goal.clamp(self.config.min_qindex, self.config.max_qindex);
        (coarsest > goal.saturating_add(unit / 2)).then_some(goal)
    }

    /// Returns the size in bits above which a frame of screen content is recoded at a higher
    /// quantiser index.
    pub(super) fn screen_max_bits(&self, plan: &ScreenPlan, share_bits: u64) -> u64 {
        let level = positive(self.buffer.level_bits());
        let most = match plan.class {
            // At a higher quantiser index the frame would refine nothing.
            Class::Refine => plan.target_bits.saturating_mul(8).max(level),
            _ => mul_div(plan.target_bits, 5, 4),
        };
        most.max(2 * share_bits)
    }

    /// Returns the index for a step, not below the lowest index used to refine screen content.
    fn nearest_allowed(&self, step_q16: i32) -> u8 {
        let finest = self.steps.log_q16(self.config.sharp_qindex) - ONE_Q16;
        let qindex = self.steps.nearest(step_q16.max(finest));
        qindex.clamp(self.config.min_qindex, self.config.max_qindex)
    }
}
