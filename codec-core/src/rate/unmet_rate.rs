//! Detection of a bitrate that is too low for the content and the range of quantisers.

use super::buffer::SECOND_US;

/// Time over which the rate is measured, in microseconds.
const PERIOD_US: u64 = 2 * SECOND_US;
/// Excess over the target above which it is not met, in percent of the target.
const EXCESS_PCT: u64 = 10;

/// Measures the rate while every frame has the highest quantiser index.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnmetRate {
    /// When the measurement began, and the bits since then.
    since_us: Option<i64>,
    bits: u64,
    is_unmet: bool,
}

impl UnmetRate {
    /// Records a coded frame; `target` is the bitrate in bits per second.
    pub(super) fn coded(&mut self, now_us: i64, bits: u64, is_coarsest: bool, target: u64) {
        if !is_coarsest || target == 0 {
            *self = Self::default();
            return;
        }
        let since_us = *self.since_us.get_or_insert(now_us);
        let elapsed_us = u64::try_from(now_us.saturating_sub(since_us)).unwrap_or(0);
        if elapsed_us >= PERIOD_US {
            let spent = u128::from(self.bits) * u128::from(100 * SECOND_US);
            let allowed = u128::from(target) * u128::from(elapsed_us);
            self.is_unmet = spent > allowed.saturating_mul(u128::from(100 + EXCESS_PCT));
            (self.since_us, self.bits) = (Some(now_us), 0);
        }
        self.bits = self.bits.saturating_add(bits);
    }

    /// Returns whether the rate was exceeded over the last complete period.
    pub(super) fn is_unmet(&self) -> bool {
        self.is_unmet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes frames of 1000 bits at 25 per second, and returns whether 25 kb/s exceed `target`.
    fn is_unmet_after(frames: i64, is_coarsest: impl Fn(i64) -> bool, target: u64) -> bool {
        let mut rate = UnmetRate::default();
        for frame in 0..frames {
            rate.coded(40_000 * frame, 1000, is_coarsest(frame), target);
        }
        rate.is_unmet()
    }

    #[test]
    fn a_rate_is_unmet_after_two_seconds_at_the_coarsest_quantiser() {
        assert!(!is_unmet_after(50, |_| true, 20_000));
        assert!(is_unmet_after(51, |_| true, 20_000));
        assert!(!is_unmet_after(200, |_| true, 23_000), "9 % more");
        assert!(!is_unmet_after(200, |_| true, 0), "no target");
        let mut rate = UnmetRate::default();
        for at in [i64::MIN, -1, i64::MAX, i64::MAX] {
            rate.coded(at, u64::MAX, true, u64::MAX);
        }
        assert!(!rate.is_unmet(), "extreme values do not overflow");
        assert!(!is_unmet_after(200, |frame| frame % 40 > 0, 20_000), "finer ones in between");
        assert!(!is_unmet_after(200, |frame| frame < 199, 20_000), "until one is finer");
    }
}
