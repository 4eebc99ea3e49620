//! Limits on the size of a frame, and frame dropping.

use super::{INTER_DELAY_MS, RateController};
use crate::codec::{DropPolicy, DropReason, FrameKind};
use crate::fixed::{exp2_q16, log2_q16, mul_div_signed, positive, signed};
use crate::rate::buffer::SECOND_US;
use crate::rate::frame_stats::{Decision, FrameStats, class_of};

/// Maximum time without a coded frame, in microseconds; the next frame is then coded regardless of
/// the buffer level.
const MAX_SILENCE_US: u64 = 2 * SECOND_US;

impl RateController {
    pub(super) fn may_drop(&self, stats: &FrameStats, now_us: i64) -> bool {
        let allowed = stats.may_drop.unwrap_or(self.config.drops != DropPolicy::Never);
        let since = self.last_coded_us.or(self.first_us).unwrap_or(now_us);
        allowed && now_us.abs_diff(since) < MAX_SILENCE_US
    }

    pub(super) fn hard_cap_bits(&mut self, now_us: i64) -> Option<u64> {
        let frame = self.config.max_frame_bytes.map(|bytes| u64::from(bytes) * 8);
        let window = self.window.as_mut().map(|window| window.room_bits(now_us));
        frame.into_iter().chain(window).min()
    }

    /// Decides drops that do not require a coding attempt.
    pub(super) fn drop_before_coding(
        &self,
        stats: &FrameStats,
        hard_bits: Option<u64>,
    ) -> Option<Decision> {
        let level = self.buffer.level_bits();
        let pct = match self.config.drops {
            DropPolicy::BelowBufferPct(pct) => u64::from(pct.min(100)),
            DropPolicy::Never => 0,
        };
        let mark = mul_div_signed(self.buffer.optimal_bits(), pct, 100);
        let drop = |reason, missing: i64| {
            Some(Decision::Drop { reason, debt_bits: positive(missing).max(1) })
        };
        // A key frame is worth its delay; whether it fits is known only after coding.
        if self.is_cbr() && stats.kind == FrameKind::Inter {
            if level < mark || level <= 0 {
                return drop(DropReason::BufferLow, mark.saturating_sub(level));
            }
            let class = class_of(stats);
            let model = &self.models[class.index()];
            let coarsest = self.steps.log_q16(self.config.max_qindex);
            let least = exp2_q16(model.bits_q16(log2_q16(stats.complexity), coarsest));
            // Waiting helps only while the buffer is still filling.
            let fills = level < self.buffer.optimal_bits();
            if model.is_trained() && fills && signed(least / 2) > level {
                return drop(DropReason::BufferLow, signed(least).saturating_sub(level));
            }
        }
        if hard_bits == Some(0) {
            return drop(DropReason::OverCap, 1);
        }
        None
    }

    /// Returns the size in bits above which the frame is dropped, if drops are allowed.
    pub(super) fn drop_above_bits(
        &self,
        stats: &FrameStats,
        hard_bits: Option<u64>,
    ) -> Option<u64> {
        if !self.is_cbr() {
            return hard_bits;
        }
        // Without a first key frame there is no picture. If a later one does not fit even into a full
        // buffer, waiting does not help.
        let full = mul_div_signed(self.buffer.capacity_bits(), 95, 100);
        if stats.kind == FrameKind::Key && (self.is_first() || self.buffer.level_bits() >= full) {
            return hard_bits;
        }
        let level = positive(self.buffer.level_bits());
        Some(level.min(hard_bits.unwrap_or(u64::MAX)))
    }

    /// Returns the size in bits above which the frame is recoded at a higher quantiser index; at
    /// least `least_bits`.
    pub(super) fn max_bits(
        &self,
        stats: &FrameStats,
        target_bits: u64,
        must_bits: Option<u64>,
        least_bits: u64,
    ) -> Option<u64> {
        if !self.is_cbr() {
            return must_bits;
        }
        let soft = if stats.kind == FrameKind::Key {
            // A key frame that is a little too large is not coded again, which takes as long as several other frames.
            let tolerated = target_bits + target_bits / 16;
            let delay = positive(self.buffer.optimal_bits() / 3);
            self.key_cap_bits().min(delay.max(tolerated))
        } else {
            let delay = positive(self.buffer.bits_of_ms(INTER_DELAY_MS));
            let spare = if stats.scene_cut { target_bits / 4 } else { target_bits };
            delay.max(target_bits.saturating_add(spare))
        };
        Some(soft.min(must_bits.unwrap_or(u64::MAX)).max(least_bits).max(1))
    }
}
