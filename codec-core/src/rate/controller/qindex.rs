//! Choice of the quantiser index for a target size.

use super::RateController;
use crate::codec::RateControl;
use crate::fixed::{ONE_Q16, log2_q16, positive};
use crate::rate::frame_stats::{Class, FrameStats, boost_q16, repeats};

/// Maximum decrease of the quantiser index from one frame to the next of its class, in sixths of an
/// octave of the step.
const MAX_FINER: u8 = 3;

impl RateController {
    /// Returns whether look-ahead has determined the frame's boost, so that its step follows from
    /// the base step.
    pub(super) fn uses_lookahead_qindex(&self, stats: &FrameStats) -> bool {
        let by_base = matches!(self.config.mode, RateControl::Vbr(_) | RateControl::Quality(_));
        by_base && stats.mb_tree_boost_q16.is_some()
    }

    /// Returns whether a frame repeats the previous one in a moving scene, as in a film at 24 frames
    /// per second that is stored at 30. The bits of a repeated frame only improve the quality of the
    /// previous frame, so they do not predict the size of the next frame.
    pub(super) fn is_repeated(&self, stats: &FrameStats, class: Class) -> bool {
        matches!(class, Class::Layer(_)) && repeats(stats.complexity, self.last_complexity)
    }

    /// Limits how fast variable bitrate moves the base step: only with plain frames, and slowly.
    pub(super) fn smoothed_qindex(
        &mut self,
        stats: &FrameStats,
        class: Class,
        step_q16: i32,
    ) -> i32 {
        if !matches!(self.config.mode, RateControl::Vbr(_)) {
            return step_q16;
        }
        let extra = boost_q16(stats, class);
        let base = match (class, self.last_base_q16) {
            (_, None) => step_q16 - extra,
            (Class::Layer(_), Some(last)) => damped(step_q16 - extra, last),
            (_, Some(last)) => last,
        };
        self.last_base_q16 = Some(base);
        base + extra
    }

    /// Returns the index nearest to the step of a frame planned with look-ahead, raised if needed
    /// to meet the cap.
    pub(super) fn lookahead_qindex(
        &self,
        class: Class,
        complexity_q16: i32,
        step_q16: i32,
        max_bits: Option<u64>,
    ) -> u8 {
        let model = &self.models[class.index()];
        let fitting = max_bits
            .map(|max| model.step_q16(complexity_q16, log2_q16(max - max / 8)))
            .filter(|_| model.is_trained());
        let step_q16 = fitting.map_or(step_q16, |fitting| fitting.max(step_q16));
        self.steps.nearest(step_q16).clamp(self.config.min_qindex, self.config.max_qindex)
    }

    pub(super) fn choose_qindex(
        &self,
        stats: &FrameStats,
        class: Class,
        step_q16: i32,
        target_bits: u64,
        max_bits: Option<u64>,
    ) -> u8 {
        if let RateControl::FixedQ(qindex) = self.config.mode {
            return qindex.min(self.steps.last());
        }
        let model = &self.models[class.index()];
        let complexity_q16 = log2_q16(stats.complexity.max(1));
        let is_still = self.is_cbr() && complexity_q16 < log2_q16(self.config.static_complexity);
        let mut step_q16 = step_q16;
        let plain = if class == Class::Golden { Class::Layer(0) } else { class };
        if let (Class::Layer(_), Some(last)) = (plain, self.last_qindex[plain.index()])
            && !self.free_fall
        {
            let last_q16 = self.steps.log_q16(last);
            step_q16 = if is_still {
                self.refined(last_q16, target_bits)
            } else {
                damped(step_q16, last_q16)
            };
        }
        if class == Class::Golden && !is_still {
            let boost = stats.golden_boost_q16.saturating_sub(self.golden_excess_q16).max(0);
            step_q16 = step_q16.saturating_sub(boost);
        }
        if let Some(max_bits) = max_bits {
            // Keep a margin of one eighth: the model is not exact, and recoding is expensive. Key
            // frames are rare, so they use the full cap.
            let margin = if class == Class::Key { 0 } else { max_bits / 8 };
            let fitting = model.step_q16(complexity_q16, log2_q16(max_bits - margin));
            step_q16 = step_q16.max(fitting);
        }
        let mut qindex = self.steps.nearest(step_q16);
        let max_finer = MAX_FINER * self.config.indices_per_sixth_octave;
        let inter = self.last_qindex[Class::Layer(0).index()];
        match (class, self.last_qindex[class.index()], inter) {
            (Class::Layer(_), Some(last), _) if !self.free_fall => {
                qindex = qindex.max(last.saturating_sub(max_finer));
            }
            // A key frame of much higher quality than the frames around it wastes bits.
            (Class::Key, _, Some(inter)) if self.is_cbr() => {
                let finest = self.steps.log_q16(inter) - ONE_Q16 * 3 / 4;
                qindex = qindex.max(self.steps.nearest(finest));
            }
            _ => {}
        }
        qindex.clamp(self.config.min_qindex, self.config.max_qindex)
    }

    /// Returns the step after `last_q16` in a static scene: lower while the frame stays within its
    /// share and a part of the buffer surplus above the optimal level.
    pub(super) fn refined(&self, last_q16: i32, target_bits: u64) -> i32 {
        let surplus = positive(self.buffer.level_bits().saturating_sub(self.buffer.optimal_bits()));
        let budget = target_bits.saturating_add(surplus / 8);
        if self.last_bits / 2 > budget {
            last_q16 + ONE_Q16 / 8
        } else if self.last_bits > budget {
            last_q16
        } else {
            last_q16 - ONE_Q16 / 4
        }
    }
}

/// Moves only part of the way from the last step to the step that the model requests. Detail that
/// the last frame coded need not be coded again, and detail that it omitted is added, so sizes of
/// successive frames react to the step much more than in the long run.
fn damped(wanted_q16: i32, last_q16: i32) -> i32 {
    const FAR_Q16: i32 = ONE_Q16 * 3 / 4;
    let way = wanted_q16.saturating_sub(last_q16);
    // A larger change means that the content has changed.
    let far = way.saturating_sub(FAR_Q16).max(0);
    last_q16 + (way - far) * 2 / 5 + far
}
