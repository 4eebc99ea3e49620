//! A token bucket: limits rates of messages, datagrams and bits.

use std::time::Duration;

/// A token bucket: an amount per second, with a burst of one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    per_second: u64,
    /// Capacity and remaining amount, in units of a nanosecond's share.
    full: u128,
    left: u128,
    last: Duration,
}

const NS_PER_SECOND: u128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket with the amount of one second.
    pub(super) fn new(per_second: u64) -> Self {
        Self::over(per_second, 1)
    }

    /// A full bucket with the amount of `seconds`.
    pub(super) fn over(per_second: u64, seconds: u32) -> Self {
        let full = u128::from(per_second) * u128::from(seconds) * NS_PER_SECOND;
        Self { per_second, full, left: full, last: Duration::ZERO }
    }

    /// Takes `amount` at `now` if available; returns whether it was.
    pub(super) fn take(&mut self, now: Duration, amount: u64) -> bool {
        let passed = now.saturating_sub(self.last).as_nanos();
        self.last = self.last.max(now);
        self.left = (self.left + passed * u128::from(self.per_second)).min(self.full);
        let cost = u128::from(amount) * NS_PER_SECOND;
        let fits = self.left >= cost;
        if fits {
            self.left -= cost;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_refilled() {
        let mut budget = TokenBucket::new(100);
        let at = Duration::from_millis;
        assert_eq!((0..150).filter(|_| budget.take(at(0), 1)).count(), 100);
        assert!(!budget.take(at(5), 1));
        assert!(budget.take(at(10), 1));
        assert!(!budget.take(at(10), 1));
        assert_eq!((0..150).filter(|_| budget.take(at(5000), 1)).count(), 100);
        assert!(!budget.take(at(4000), 1), "time that goes back refills nothing");
    }
}
