//! Accounting of spent bits against the budget.

use super::{Pending, RateController, VBR_BOOST_RECOVERY_US};
use crate::fixed::{ONE_Q16, mul_div_signed, signed};
use crate::rate::buffer::SECOND_US;
use crate::rate::frame_stats::Class;

/// Number of frames in which plain frames save what a golden frame spent.
pub(super) const GOLDEN_RECOVERY_FRAMES: i64 = 8;

impl RateController {
    /// Records the size of a coded frame.
    pub(super) fn charge(&mut self, frame: &Pending, bits: u64) {
        let over = signed(bits).saturating_sub(signed(frame.share_bits));
        let second = signed(self.buffer.bits_of_us(SECOND_US));
        let layer = match frame.class {
            Class::Layer(id) => usize::from(id.min(2)),
            _ => 0,
        };
        let debt = &mut self.layer_debt_bits[layer];
        *debt = debt.saturating_add(over).clamp(-second / 2, second / 2);
        self.debt_bits = self.debt_bits.saturating_add(signed(bits));
        self.golden_debt_bits -= self.golden_debt_bits / GOLDEN_RECOVERY_FRAMES;
        if frame.class == Class::Golden {
            self.golden_debt_bits = self.golden_debt_bits.saturating_add(over).clamp(0, second / 2);
        }
        let on_purpose = match frame.class {
            Class::Key | Class::SceneCut => over.max(0),
            // An altref frame is not shown and takes no time, so all of it exceeds the rate.
            Class::Altref => signed(bits),
            Class::Overlay | Class::Refine | Class::Layer(_) | Class::B | Class::Golden => 0,
        };
        self.boost_debt_bits = self.boost_debt_bits.saturating_add(on_purpose);
    }

    /// Reports that a golden frame planned with one quantiser index was coded with another. A frame that is
    /// coded twice takes twice the time, so the next golden frames are coarser by half of the difference,
    /// and slowly return to their boost.
    pub(super) fn follow_recoded_golden(&mut self, planned: u8, coded: u8) {
        let coarser = self.steps.log_q16(coded) - self.steps.log_q16(planned);
        let kept = self.golden_excess_q16 * 7 / 8;
        self.golden_excess_q16 = (kept + coarser.max(0) / 2).min(ONE_Q16);
    }

    /// Moves the target buffer level towards the optimal one, by at most 1 % of the rate.
    pub(super) fn steer(&mut self, elapsed_us: u64) {
        let optimal = self.buffer.optimal_bits();
        let most = signed(self.buffer.bits_of_us(elapsed_us) / 100);
        self.steered_bits += optimal.saturating_sub(self.steered_bits).clamp(-most, most);
    }

    pub(super) fn pay_vbr_debt(&mut self, elapsed_us: u64) {
        // A long pause does not accumulate credit; the elapsed time is capped like the clock's
        // gaps.
        let believed_us = elapsed_us.min(2 * self.clock.interval_us());
        let due = signed(self.buffer.bits_of_us(believed_us));
        self.debt_bits = self.debt_bits.saturating_sub(due);
        let elapsed_us = elapsed_us.min(VBR_BOOST_RECOVERY_US);
        let paid = mul_div_signed(self.boost_debt_bits, elapsed_us, VBR_BOOST_RECOVERY_US);
        self.boost_debt_bits -= paid;
    }

    /// Initialises the models of frame classes that have not been coded yet from those that have.
    pub(super) fn update_sibling_models(&mut self, class: Class) {
        let teacher = self.models[class.index()];
        let pupils: &[Class] = match class {
            Class::Key => &[Class::SceneCut, Class::Refine],
            Class::Layer(0) => &[
                Class::Altref,
                Class::Overlay,
                Class::Layer(1),
                Class::Layer(2),
                Class::B,
                Class::Golden,
            ],
            Class::Layer(1) => &[Class::Layer(2)],
            _ => &[],
        };
        for pupil in pupils {
            let model = &mut self.models[pupil.index()];
            if !model.is_trained() {
                model.guess_from(&teacher);
            }
        }
    }
}
