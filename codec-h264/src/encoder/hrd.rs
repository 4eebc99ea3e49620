//! Parameters and messages of the hypothetical reference decoder (HRD): they describe the decoder
//! buffer that the rate control models at constant bitrate. ITU-T H.264, annex C, annex D
//! (buffering period and picture timing messages) and clause E.1.2.

use codec_core::codec::plan::DecoderBuffer;
use codec_core::frame::Rational;

use crate::params::{Hrd, HrdLengths};
use crate::sei::{BufferingPeriod, PictureTiming};

/// Ticks of initial delays per second.
const DELAY_RATE: u128 = 90_000;
const MICROSECONDS: i128 = 1_000_000;

/// Lengths of the fields of the messages. Ticks last half the duration of a frame.
const LENGTHS: HrdLengths =
    HrdLengths { initial_delay: 32, cpb_removal_delay: 32, dpb_output_delay: 8, time_offset: 0 };

/// Returns the parameters of a buffer of `capacity_bits` that is filled at `rate_bps`. The rate is
/// rounded up to a value that the syntax of the HRD can express, and the buffer is scaled so that its duration stays
/// the same. The sender may pause while it is full, and frames may be late.
pub(super) fn parameters(rate_bps: u64, capacity_bits: u64) -> Hrd {
    let rate = rounded_up(rate_bps, 6);
    let capacity = u128::from(capacity_bits) * u128::from(rate);
    let capacity = capacity.div_ceil(u128::from(rate_bps.max(1)));
    Hrd {
        rate_bps: rate,
        cpb_bits: rounded_up(u64::try_from(capacity).unwrap_or(u64::MAX), 4),
        is_cbr: false,
        low_delay: true,
        lengths: LENGTHS,
    }
}

/// Rounds up to a value of at most 31 bits, times a power of two of at least `least_scale`.
fn rounded_up(value: u64, least_scale: u32) -> u64 {
    let bits = u64::BITS - value.leading_zeros();
    let scale = least_scale.max(bits.saturating_sub(31));
    value.max(1).div_ceil(1 << scale) << scale
}

/// The time at which frames are removed from the buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RemovalTimes {
    /// Time of the last frame that began a buffering period.
    period_us: Option<i64>,
}

impl RemovalTimes {
    /// Appends the messages of a frame, which is removed from `buffer`.
    pub(super) fn write(
        &self,
        buffer: &DecoderBuffer,
        is_key: bool,
        framerate: Rational,
        out: &mut Vec<u8>,
    ) {
        let period = is_key.then(|| initial_delays(buffer));
        let elapsed_us = buffer.time_us.saturating_sub(self.period_us.unwrap_or(buffer.time_us));
        let timing =
            PictureTiming { cpb_removal_delay: ticks(elapsed_us, framerate), dpb_output_delay: 0 };
        timing.write_unit(period, &LENGTHS, out);
    }

    /// Updates the times with a coded frame.
    pub(super) fn coded(&mut self, buffer: &DecoderBuffer, is_key: bool) {
        if is_key {
            self.period_us = Some(buffer.time_us);
        }
    }
}

/// Returns the nearest number of ticks.
fn ticks(us: i64, framerate: Rational) -> u32 {
    let ticks_per_unit = 2 * i128::from(framerate.num);
    let units = MICROSECONDS * i128::from(framerate.den.max(1));
    let ticks = (i128::from(us.max(0)) * ticks_per_unit + units / 2) / units;
    // The field counts modulo its range.
    u32::try_from(ticks & i128::from(u32::MAX)).unwrap_or(0)
}

/// Returns how long the bits of the frame have been arriving when it is removed, and how much longer
/// they may.
fn initial_delays(buffer: &DecoderBuffer) -> BufferingPeriod {
    let time = |bits: u64| {
        let ticks = u128::from(bits) * DELAY_RATE / u128::from(buffer.rate_bps.max(1));
        u32::try_from(ticks).unwrap_or(u32::MAX).max(1)
    };
    let capacity = time(buffer.capacity_bits);
    let delay = time(u64::try_from(buffer.level_bits).unwrap_or(0)).min(capacity);
    BufferingPeriod { initial_delay: delay, initial_offset: capacity - delay }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_sizes_are_rounded_to_values_of_the_syntax() {
        assert_eq!((rounded_up(1, 6), rounded_up(64, 6), rounded_up(65, 6)), (64, 64, 128));
        assert_eq!(rounded_up(1 << 40, 6), 1 << 40);
        assert_eq!(rounded_up((1 << 40) + 1, 6), (1 << 40) + (1 << 10));
        let hrd = parameters(300_000, 300_000);
        assert_eq!((hrd.rate_bps, hrd.cpb_bits), (300_032, 300_032));
    }

    #[test]
    fn delays_are_those_of_the_buffer() {
        let buffer = DecoderBuffer {
            rate_bps: 100_000,
            capacity_bits: 100_000,
            level_bits: 50_000,
            time_us: 2_000_000,
        };
        let period = initial_delays(&buffer);
        assert_eq!((period.initial_delay, period.initial_offset), (45_000, 45_000));
        let empty = initial_delays(&DecoderBuffer { level_bits: -5, ..buffer });
        assert_eq!((empty.initial_delay, empty.initial_offset), (1, 89_999));
        assert_eq!(ticks(1_000_000, Rational::new(30, 1)), 60);
        assert_eq!(ticks(33_366, Rational::new(30_000, 1001)), 2);
        assert_eq!(ticks(-1, Rational::new(30, 1)), 0);
    }
}
