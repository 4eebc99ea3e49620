//! From timestamps to microseconds and to the interval between frames.

use super::buffer::SECOND_US;
use super::fixed::mul_div;
use crate::frame::Rational;

/// Shortest and longest interval that is believed.
const INTERVALS_US: (u64, u64) = (100, 10 * SECOND_US);

/// Exact frame times, and an estimate of the interval to the next frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    timebase: Rational,
    interval_us: u64,
    last_us: Option<i64>,
}

impl Clock {
    pub(crate) fn new(timebase: Rational, framerate: Rational) -> Self {
        let mut clock = Self { timebase, interval_us: 0, last_us: None };
        clock.set_framerate(framerate);
        clock
    }

    /// A new nominal rate; timestamps correct it from then on.
    pub(crate) fn set_framerate(&mut self, framerate: Rational) {
        let interval = mul_div(u64::from(framerate.den), SECOND_US, u64::from(framerate.num));
        self.interval_us = interval.clamp(INTERVALS_US.0, INTERVALS_US.1);
    }

    /// Interval that the next frame is expected to last, in microseconds.
    pub(crate) fn interval_us(&self) -> u64 {
        self.interval_us
    }

    /// Moves to `pts`: the time, and what has passed since the frame before, in microseconds.
    /// Time that runs backwards stands still.
    pub(crate) fn advance(&mut self, pts: i64) -> (i64, u64) {
        let now_us = self.time_us(pts);
        let last_us = self.last_us.unwrap_or(now_us);
        let now_us = now_us.max(last_us);
        let elapsed_us = now_us.abs_diff(last_us);
        self.last_us = Some(now_us);
        if elapsed_us > 0 {
            // A single gap says little about the next interval; several do.
            let believed = elapsed_us.min(2 * self.interval_us);
            let sum = 3 * self.interval_us + believed;
            self.interval_us = ((sum + 2) / 4).clamp(INTERVALS_US.0, INTERVALS_US.1);
        }
        (now_us, elapsed_us)
    }

    fn time_us(&self, pts: i64) -> i64 {
        let num = i128::from(self.timebase.num) * i128::from(SECOND_US);
        let us = i128::from(pts) * num / i128::from(self.timebase.den.max(1));
        i64::try_from(us).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_rule_where_they_differ_from_the_nominal_rate() {
        let mut clock = Clock::new(Rational::new(1, 1000), Rational::new(30, 1));
        assert_eq!(clock.interval_us(), 33_333);
        for frame in 0..40 {
            clock.advance(frame * 100);
        }
        assert!(clock.interval_us().abs_diff(100_000) < 100);
    }

    #[test]
    fn a_gap_hardly_moves_the_interval() {
        let mut clock = Clock::new(Rational::new(1, 1000), Rational::new(30, 1));
        clock.advance(0);
        assert_eq!(clock.advance(3_600_000), (3_600_000_000, 3_600_000_000));
        assert!(clock.interval_us() < 45_000);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for framerate in [Rational::new(0, 1), Rational::new(u32::MAX, 0), Rational::new(0, 0)] {
            let mut clock = Clock::new(Rational::new(u32::MAX, 0), framerate);
            for pts in [i64::MIN, i64::MAX, 0, i64::MIN] {
                clock.advance(pts);
            }
        }
    }
}
