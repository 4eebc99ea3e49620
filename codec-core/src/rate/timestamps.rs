//! Conversion of timestamps to microseconds, and estimation of the frame interval.

use super::buffer::SECOND_US;
use crate::fixed::mul_div;
use crate::frame::Rational;

/// Shortest and longest frame interval accepted, in microseconds.
const INTERVALS_US: (u64, u64) = (100, 10 * SECOND_US);

/// Ratio to the nominal interval, in either direction, from which an interval is implausible.
const IMPLAUSIBLE_RATIO: u64 = 20;

/// Number of consecutive implausible intervals that is too long for a pause or a burst.
const IMPLAUSIBLE_RUN: u32 = 16;

/// Exact frame times, with an estimate of the interval to the next frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    timebase: Rational,
    interval_us: u64,
    last_us: Option<i64>,
    /// Nominal frame interval in microseconds.
    nominal_us: u64,
    /// Number of consecutive implausible intervals: too long, too short.
    implausible: [u32; 2],
}

impl Clock {
    pub(crate) fn new(timebase: Rational, framerate: Rational) -> Self {
        let mut clock =
            Self { timebase, interval_us: 0, last_us: None, nominal_us: 0, implausible: [0; 2] };
        clock.set_framerate(framerate);
        clock
    }

    /// Sets a new nominal frame rate; later timestamps adjust the estimate.
    pub(crate) fn set_framerate(&mut self, framerate: Rational) {
        let interval = mul_div(u64::from(framerate.den), SECOND_US, u64::from(framerate.num));
        self.interval_us = interval.clamp(INTERVALS_US.0, INTERVALS_US.1);
        (self.nominal_us, self.implausible) = (self.interval_us, [0; 2]);
    }

    /// Returns whether the last intervals deviate so far from the nominal frame rate that the
    /// timestamps are probably in another unit than the time base.
    pub(crate) fn is_implausible(&self) -> bool {
        self.implausible.iter().any(|&run| run >= IMPLAUSIBLE_RUN)
    }

    fn judge(&mut self, elapsed_us: u64) {
        let far = [
            elapsed_us >= self.nominal_us.saturating_mul(IMPLAUSIBLE_RATIO),
            elapsed_us <= self.nominal_us / IMPLAUSIBLE_RATIO,
        ];
        for (run, is_far) in self.implausible.iter_mut().zip(far) {
            *run = if is_far { run.saturating_add(1) } else { 0 };
        }
    }

    /// Returns the time of the last frame in microseconds, 0 before the first.
    pub(crate) fn now_us(&self) -> i64 {
        self.last_us.unwrap_or(0)
    }

    /// Returns the expected duration of the next frame in microseconds.
    pub(crate) fn interval_us(&self) -> u64 {
        self.interval_us
    }

    /// Advances to `pts` and returns the time and the time elapsed since the previous frame, in
    /// microseconds. Timestamps that go backwards count as no time elapsed.
    pub(crate) fn advance(&mut self, pts: i64) -> (i64, u64) {
        let now_us = self.time_us(pts);
        let is_first = self.last_us.is_none();
        let last_us = self.last_us.unwrap_or(now_us);
        let now_us = now_us.max(last_us);
        let elapsed_us = now_us.abs_diff(last_us);
        if !is_first {
            self.judge(elapsed_us);
        }
        self.last_us = Some(now_us);
        if elapsed_us > 0 {
            // A single gap hardly changes the estimate; several do.
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
    fn timestamps_take_precedence_over_nominal_rate() {
        let mut clock = Clock::new(Rational::new(1, 1000), Rational::new(30, 1));
        assert_eq!(clock.interval_us(), 33_333);
        for frame in 0..40 {
            clock.advance(frame * 100);
        }
        assert!(clock.interval_us().abs_diff(100_000) < 100);
    }

    #[test]
    fn single_gap_hardly_changes_interval() {
        let mut clock = Clock::new(Rational::new(1, 1000), Rational::new(30, 1));
        clock.advance(0);
        assert_eq!(clock.advance(3_600_000), (3_600_000_000, 3_600_000_000));
        assert!(clock.interval_us() < 45_000);
    }

    #[test]
    fn wrong_units_are_implausible_and_slow_or_uneven_rates_are_not() {
        let runs = |timebase, steps: &mut dyn FnMut(i64) -> i64| {
            let mut clock = Clock::new(timebase, Rational::new(30, 1));
            let mut pts = 0;
            (0..100).any(|frame| {
                clock.advance(pts);
                pts += steps(frame);
                clock.is_implausible()
            })
        };
        let (frames, ms, rtp) =
            (Rational::new(1, 30), Rational::new(1, 1000), Rational::new(1, 90_000));
        assert!(runs(frames, &mut |_| 3000), "RTP ticks");
        assert!(runs(frames, &mut |_| 33), "milliseconds");
        assert!(runs(ms, &mut |_| 1), "frame numbers");
        assert!(runs(rtp, &mut |_| 1), "frame numbers");
        assert!(!runs(rtp, &mut |_| 3000));
        assert!(!runs(rtp, &mut |_| 45_000), "two frames a second");
        // Pauses of an hour, and frames at very short intervals.
        let uneven = &mut |frame: i64| if frame % 10 == 0 { 90_000 * 3600 } else { 500 };
        assert!(!runs(rtp, uneven));
        // The frame rate is set to the actual one.
        let mut clock = Clock::new(ms, Rational::new(30, 1));
        for frame in 0..40 {
            clock.advance(frame * 2000);
        }
        assert!(clock.is_implausible());
        clock.set_framerate(Rational::new(1, 2));
        clock.advance(80_000);
        assert!(!clock.is_implausible());
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
