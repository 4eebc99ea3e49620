//! A rate limit for retransmissions.

use std::time::Duration;

/// A token bucket of bits: it fills at a rate, and holds at most the bits of a given time at that
/// rate.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    bits_per_second: u64,
    time: Duration,
    /// Remaining bits, and the time of their last update.
    bits: u64,
    at: Duration,
}

impl Budget {
    /// Creates a full bucket that fills at `bits_per_second` and holds the bits of `time`.
    #[must_use]
    pub fn new(bits_per_second: u64, time: Duration) -> Self {
        let bits = bits_in(bits_per_second, time);
        Self { bits_per_second, time, bits, at: Duration::ZERO }
    }

    /// Sets the rate in bits per second.
    pub fn set_rate(&mut self, bits_per_second: u64) {
        self.bits_per_second = bits_per_second;
        self.bits = self.bits.min(bits_in(bits_per_second, self.time));
    }

    /// Takes `bits` at `now`; `false` if fewer remain.
    pub fn take(&mut self, now: Duration, bits: u64) -> bool {
        let more = bits_in(self.bits_per_second, now.saturating_sub(self.at));
        let full = bits_in(self.bits_per_second, self.time);
        (self.bits, self.at) = (self.bits.saturating_add(more).min(full), now.max(self.at));
        match self.bits.checked_sub(bits) {
            Some(rest) => {
                self.bits = rest;
                true
            }
            None => false,
        }
    }
}

/// Bits sent in `time` at a rate.
fn bits_in(bits_per_second: u64, time: Duration) -> u64 {
    let bits = u128::from(bits_per_second).saturating_mul(time.as_micros()) / 1_000_000;
    u64::try_from(bits).unwrap_or(u64::MAX)
}
