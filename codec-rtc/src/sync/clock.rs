//! Mapping of RTP timestamps to the sender's wall clock.

use std::collections::VecDeque;

use crate::sequence::Unwrapper32;

/// Maximum number of reports kept.
pub const MAX_CLOCK_POINTS: usize = 32;

/// Minimum distance of two reports in ms.
const MIN_APART_MS: i64 = 200;

/// Minimum distance of the first and the last report in ms for estimating the clock rate.
const RATE_SPAN_MS: i64 = 10_000;

/// Maximum clock drift: 0.1 %.
const MAX_DRIFT: f64 = 0.001;

/// A report that deviates from the others by more than this belongs to another timeline, in
/// seconds.
const JUMP_S: f64 = 0.5;

/// Number of consecutive deviating reports that start a new timeline.
const JUMPS: usize = 3;

/// Units of an NTP time per second.
const PER_SECOND: f64 = 4_294_967_296.0;

/// A report: unwrapped timestamp and NTP time.
#[derive(Clone, Copy, Debug)]
struct Point {
    ticks: i64,
    ntp: u64,
}

/// Maps timestamps of a stream to the sender's wall clock by robust linear regression over its
/// reports (Theil-Sen): the median slope of all pairs, and the median offset. Tolerates up to a
/// quarter of wrong reports.
#[derive(Debug)]
pub struct RtpToNtpEstimator {
    clock_rate: f64,
    timestamp: Unwrapper32,
    points: VecDeque<Point>,
    /// Consecutive reports that deviate.
    outliers: Vec<Point>,
    line: Option<Line>,
}

/// A line through a point, with its slope in seconds per tick.
#[derive(Clone, Copy, Debug)]
struct Line {
    origin: Point,
    /// Distance of the line from the origin in seconds.
    offset: f64,
    slope: f64,
}

impl Line {
    /// Distance of a point from the line in seconds.
    fn error(&self, point: Point) -> f64 {
        seconds(point.ntp.wrapping_sub(self.origin.ntp)) - self.at(point.ticks)
    }

    /// Seconds after the origin.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are years")]
    fn at(&self, ticks: i64) -> f64 {
        self.offset + self.slope * ticks.saturating_sub(self.origin.ticks) as f64
    }
}

impl RtpToNtpEstimator {
    /// Creates a mapping; `clock_rate` in Hz.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: f64::from(clock_rate.max(1)),
            timestamp: Unwrapper32::default(),
            points: VecDeque::new(),
            outliers: Vec::new(),
            line: None,
        }
    }

    /// Adds a report: media with `timestamp` was captured at the NTP time `ntp`, 32.32 bits.
    pub fn report(&mut self, timestamp: u32, ntp: u64) {
        let point = Point { ticks: self.timestamp.unwrap(timestamp), ntp };
        if let Some(line) = self.line
            && line.error(point).abs() > JUMP_S
        {
            self.outliers.push(point);
            if self.outliers.len() < JUMPS {
                return;
            }
            self.points.clear();
            self.points.extend(self.outliers.drain(..));
        } else {
            self.outliers.clear();
            if let Some(last) = self.points.back()
                && self.apart_ms(*last, point) < MIN_APART_MS
            {
                return;
            }
            if self.points.len() == MAX_CLOCK_POINTS {
                self.points.pop_front();
            }
            self.points.push_back(point);
        }
        self.line = self.fit();
    }

    /// Capture time of media with `timestamp` as NTP time; `None` before the first report.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub fn captured(&self, timestamp: u32) -> Option<u64> {
        let line = self.line?;
        let after = line.at(self.timestamp.peek(timestamp));
        let parts = (after * PER_SECOND).round() as i64;
        Some(line.origin.ntp.wrapping_add_signed(parts))
    }

    /// Drift of the sender's sampling clock against its wall clock, in parts per million; positive
    /// if sampling is fast. `None` before the first report.
    #[must_use]
    pub fn drift_ppm(&self) -> Option<f64> {
        self.line.map(|line| (1.0 / (line.slope * self.clock_rate) - 1.0) * 1e6)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are years")]
    fn apart_ms(&self, a: Point, b: Point) -> i64 {
        (a.ticks.saturating_sub(b.ticks) as f64 / self.clock_rate * 1000.0).abs() as i64
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are years")]
    fn fit(&self) -> Option<Line> {
        let (&first, &last) = (self.points.front()?, self.points.back()?);
        let nominal = 1.0 / self.clock_rate;
        let mut line = Line { origin: last, offset: 0.0, slope: nominal };
        if self.apart_ms(first, last) >= RATE_SPAN_MS {
            let mut slopes = Vec::with_capacity(MAX_CLOCK_POINTS * MAX_CLOCK_POINTS / 2);
            for (index, a) in self.points.iter().enumerate() {
                for b in self.points.iter().skip(index + 1) {
                    let ticks = b.ticks.saturating_sub(a.ticks);
                    if ticks != 0 {
                        slopes.push(seconds(b.ntp.wrapping_sub(a.ntp)) / ticks as f64);
                    }
                }
            }
            let slope = median(&mut slopes).unwrap_or(nominal);
            line.slope = slope.clamp(nominal * (1.0 - MAX_DRIFT), nominal * (1.0 + MAX_DRIFT));
        }
        let mut errors: Vec<f64> = self.points.iter().map(|&point| line.error(point)).collect();
        line.offset = median(&mut errors).unwrap_or(0.0);
        Some(line)
    }
}

/// Signed difference of NTP times in seconds.
#[expect(clippy::cast_precision_loss, reason = "53 bits are a microsecond in 200 years")]
fn seconds(difference: u64) -> f64 {
    difference.cast_signed() as f64 / PER_SECOND
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn ntp(seconds: f64) -> u64 {
        // Shortly before the end of the NTP era in 2036.
        (u64::MAX - (10 << 32)).wrapping_add((seconds * PER_SECOND) as u64)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn ticks(seconds: f64, rate: f64) -> u32 {
        (0xffff_0000_u64 + (seconds * rate) as u64) as u32
    }

    fn error_ms(clock: &RtpToNtpEstimator, at: f64, rate: f64) -> f64 {
        let captured = clock.captured(ticks(at, rate)).unwrap();
        seconds(captured.wrapping_sub(ntp(at))) * 1000.0
    }

    #[test]
    fn drifting_clock_is_tracked_despite_inexact_and_wrong_reports() {
        let rate = 48_000.0 * (1.0 + 100e-6);
        let mut clock = RtpToNtpEstimator::new(48_000);
        assert_eq!(clock.captured(5), None);
        let mut rng = Rng::new(1);
        for report in 0..200 {
            let at = f64::from(report) * 5.0;
            let wrong = if report % 7 == 3 { 0.2 } else { (rng.unit() - 0.5) * 0.002 };
            clock.report(ticks(at, rate), ntp(at + wrong));
            if report > 12 {
                assert!(error_ms(&clock, at + 4.0, rate).abs() < 3.0, "{at}");
            }
        }
        let drift = clock.drift_ppm().unwrap();
        assert!((95.0..105.0).contains(&drift), "{drift}");
        assert!(clock.points.len() <= MAX_CLOCK_POINTS);
    }

    #[test]
    fn one_report_is_sufficient_and_a_new_timeline_needs_three() {
        let mut clock = RtpToNtpEstimator::new(90_000);
        clock.report(ticks(1.0, 90_000.0), ntp(1.0));
        assert!(error_ms(&clock, 3.0, 90_000.0).abs() < 0.1);
        for report in 2..5 {
            assert!(error_ms(&clock, 3.0, 90_000.0).abs() < 0.1);
            clock.report(ticks(f64::from(report), 90_000.0), ntp(f64::from(report) + 100.0));
        }
        assert!((error_ms(&clock, 3.0, 90_000.0) - 100_000.0).abs() < 0.1);
    }

    #[test]
    fn arbitrary_reports_are_handled() {
        let mut rng = Rng::new(2);
        let mut clock = RtpToNtpEstimator::new(0);
        for _ in 0..500 {
            clock.report(rng.next_u64().to_le_bytes()[0].into(), rng.next_u64());
            let _ = clock.captured(u32::from(rng.byte()) << 24);
            assert!(clock.points.len() <= MAX_CLOCK_POINTS && clock.outliers.len() < JUMPS);
        }
    }
}
