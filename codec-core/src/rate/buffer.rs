//! The decoder buffer model for constant bitrate (CBR): a leaky bucket with exact arithmetic.

use crate::codec::Buffering;
use crate::fixed::{mul_div, mul_div_signed, signed};

/// Microseconds in a second.
pub(crate) const SECOND_US: u64 = 1_000_000;
/// Rates are capped at this value, 1 Tb/s, so that sums cannot overflow.
const MAX_RATE_BPS: u64 = 1 << 40;

/// A buffer that the channel fills at the target rate and that each coded frame drains by its size.
///
/// A negative level means that the decoder would have stalled; at full capacity the channel idles.
///
/// ```
/// use codec_core::codec::Buffering;
/// use codec_core::rate::Buffer;
///
/// let mut buffer = Buffer::new(300_000, Buffering::default());
/// let before = buffer.level_bits();
/// buffer.take(25_000); // a frame
/// buffer.fill(33_333); // 1/30 s
/// assert_eq!(buffer.level_bits(), before - 25_000 + 9_999);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    rate_bps: u64,
    times: Buffering,
    level_bits: i64,
    /// Fraction of a bit due beyond `level_bits`, in millionths.
    carry_ubits: u64,
}

impl Buffer {
    /// Creates a buffer at its initial level. Rates are clamped to 1 bit/s to 1 Tb/s.
    #[must_use]
    pub fn new(rate_bps: u64, times: Buffering) -> Self {
        let rate_bps = rate_bps.clamp(1, MAX_RATE_BPS);
        let mut buffer = Self { rate_bps, times, level_bits: 0, carry_ubits: 0 };
        buffer.level_bits = buffer.bits_of_ms(times.initial_ms).min(buffer.capacity_bits());
        buffer
    }

    /// Returns the fill rate in bits per second.
    #[must_use]
    pub fn rate_bps(&self) -> u64 {
        self.rate_bps
    }

    /// Returns the level in bits; negative after an underflow.
    #[must_use]
    pub fn level_bits(&self) -> i64 {
        self.level_bits
    }

    /// Returns the level that the controller aims for, in bits.
    #[must_use]
    pub fn optimal_bits(&self) -> i64 {
        self.bits_of_ms(self.times.optimal_ms).min(self.capacity_bits())
    }

    /// Returns the capacity in bits.
    #[must_use]
    pub fn capacity_bits(&self) -> i64 {
        self.bits_of_ms(self.times.size_ms)
    }

    /// Returns the bits that arrive in `ms` milliseconds.
    #[must_use]
    pub fn bits_of_ms(&self, ms: u32) -> i64 {
        signed(mul_div(self.rate_bps, u64::from(ms), 1000))
    }

    /// Returns the bits that arrive in `us` microseconds, rounded down.
    #[must_use]
    pub fn bits_of_us(&self, us: u64) -> u64 {
        mul_div(self.rate_bps, us, SECOND_US)
    }

    /// Adds the bits that the channel delivers in `us` microseconds.
    pub fn fill(&mut self, us: u64) {
        let due_ubits = u128::from(self.rate_bps) * u128::from(us) + u128::from(self.carry_ubits);
        let bits = u64::try_from(due_ubits / u128::from(SECOND_US)).unwrap_or(u64::MAX);
        self.carry_ubits = u64::try_from(due_ubits % u128::from(SECOND_US)).unwrap_or(0);
        self.level_bits = self.level_bits.saturating_add(signed(bits));
        if self.level_bits >= self.capacity_bits() {
            self.level_bits = self.capacity_bits();
            self.carry_ubits = 0;
        }
    }

    /// Removes a frame of `bits`. Any deficit beyond the optimal level is discarded: the decoder
    /// has stalled and runs later from then on.
    pub fn take(&mut self, bits: u64) {
        let least = -self.optimal_bits();
        self.level_bits = self.level_bits.saturating_sub(signed(bits)).max(least);
    }

    /// Sets a new rate. For a lower rate the level keeps its duration; for a higher one the deficit
    /// to the optimal level keeps its size in bits.
    pub fn set_rate(&mut self, rate_bps: u64) {
        let rate_bps = rate_bps.clamp(1, MAX_RATE_BPS);
        let missing = self.optimal_bits().saturating_sub(self.level_bits);
        let same_time = mul_div_signed(self.level_bits, rate_bps, self.rate_bps);
        let is_higher = rate_bps > self.rate_bps;
        self.rate_bps = rate_bps;
        let level = if is_higher { self.optimal_bits().saturating_sub(missing) } else { same_time };
        self.level_bits = level.min(self.capacity_bits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_bit_accumulate() {
        let mut buffer = Buffer::new(1000, Buffering { initial_ms: 0, ..Buffering::default() });
        for _ in 0..300 {
            buffer.fill(3333);
        }
        assert_eq!(buffer.level_bits(), 999);
        buffer.fill(100);
        assert_eq!(buffer.level_bits(), 1000);
    }

    #[test]
    fn long_gap_fills_buffer_to_capacity() {
        let mut buffer = Buffer::new(1_000_000, Buffering::default());
        buffer.fill(u64::MAX);
        assert_eq!(buffer.level_bits(), 1_000_000);
    }

    #[test]
    fn lower_rate_keeps_delay_and_higher_rate_keeps_deficit() {
        let mut buffer = Buffer::new(1_000_000, Buffering::default());
        assert_eq!(buffer.level_bits(), 500_000);
        buffer.set_rate(250_000);
        assert_eq!(buffer.level_bits(), 125_000);
        buffer.set_rate(2_500_000);
        assert_eq!(buffer.level_bits(), 1_500_000 - 25_000);
        buffer.set_rate(0);
        buffer.set_rate(u64::MAX);
        buffer.take(u64::MAX);
        buffer.take(u64::MAX);
        buffer.fill(1);
    }
}
