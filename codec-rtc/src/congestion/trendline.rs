//! Trend-line filter and overuse detector: compares the slope of the one-way delay with an adaptive
//! threshold, so that a flow is not starved by loss-based competitors. After
//! draft-ietf-rmcat-gcc-02, section 5, with linear regression in place of the Kalman filter.

use std::collections::VecDeque;
use std::time::Duration;

use super::inter_arrival::Delta;

/// Number of groups in the regression.
const WINDOW: usize = 20;
/// Weight of the previous value in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// Maximum number of groups by which the slope is multiplied.
const MAX_DELTAS: u32 = 60;
/// Gain by which the slope is multiplied.
const GAIN: f64 = 4.0;
/// Threshold in milliseconds: initial, minimum, maximum.
const THRESHOLD: [f64; 3] = [12.5, 6.0, 600.0];
/// Adaptation rate of the threshold per millisecond: up and down.
const FOLLOW: [f64; 2] = [0.0087, 0.039];
/// A value that exceeds the threshold by more than this does not adapt it, in milliseconds.
const MAX_ADAPT_MS: f64 = 15.0;
/// How long the value has to exceed the threshold, in milliseconds.
const OVERUSE_MS: f64 = 10.0;

/// State of the delay-based overuse detector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BandwidthUsage {
    /// The queue is stable.
    #[default]
    Normal,
    /// The queue grows: the send rate exceeds the link capacity.
    Overuse,
    /// The queue drains.
    Underuse,
}

/// The filter and the detector.
#[derive(Clone, Debug)]
pub(super) struct TrendlineEstimator {
    /// Arrival time and smoothed delay, in milliseconds.
    points: VecDeque<(f64, f64)>,
    first_arrival: Option<Duration>,
    accumulated_ms: f64,
    smoothed_ms: f64,
    deltas: u32,
    slope: f64,
    threshold: f64,
    updated: Option<Duration>,
    over_ms: Option<f64>,
    over_count: u32,
    usage: BandwidthUsage,
}

impl Default for TrendlineEstimator {
    fn default() -> Self {
        Self {
            points: VecDeque::with_capacity(WINDOW),
            first_arrival: None,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            deltas: 0,
            slope: 0.0,
            threshold: THRESHOLD[0],
            updated: None,
            over_ms: None,
            over_count: 0,
            usage: BandwidthUsage::Normal,
        }
    }
}

impl TrendlineEstimator {
    /// Current state.
    pub(super) fn usage(&self) -> BandwidthUsage {
        self.usage
    }

    /// Adds the difference between two groups and returns the new state.
    pub(super) fn push(&mut self, delta: Delta) -> BandwidthUsage {
        let first = *self.first_arrival.get_or_insert(delta.arrival);
        self.deltas = (self.deltas + 1).min(1000);
        self.accumulated_ms += (delta.arrival_s - delta.sent_s) * 1e3;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        let arrival_ms = delta.arrival.saturating_sub(first).as_secs_f64() * 1e3;
        if self.points.len() == WINDOW {
            self.points.pop_front();
        }
        self.points.push_back((arrival_ms, self.smoothed_ms));
        let before = self.slope;
        if self.points.len() == WINDOW {
            self.slope = slope(&self.points).unwrap_or(self.slope);
        }
        self.detect(before, delta);
        self.usage
    }

    fn detect(&mut self, slope_before: f64, delta: Delta) {
        if self.deltas < 2 {
            return;
        }
        let value = f64::from(self.deltas.min(MAX_DELTAS)) * self.slope * GAIN;
        if value > self.threshold {
            let sent_ms = delta.sent_s * 1e3;
            let over = self.over_ms.map_or(sent_ms / 2.0, |over| over + sent_ms);
            self.over_ms = Some(over);
            self.over_count += 1;
            if over > OVERUSE_MS && self.over_count > 1 && self.slope >= slope_before {
                (self.over_ms, self.over_count) = (Some(0.0), 0);
                self.usage = BandwidthUsage::Overuse;
            }
        } else {
            (self.over_ms, self.over_count) = (None, 0);
            let under = value < -self.threshold;
            self.usage = if under { BandwidthUsage::Underuse } else { BandwidthUsage::Normal };
        }
        self.adapt(value, delta.arrival);
    }

    fn adapt(&mut self, value: f64, now: Duration) {
        let before = self.updated.replace(now).unwrap_or(now);
        if value.abs() > self.threshold + MAX_ADAPT_MS {
            return;
        }
        let [up, down] = FOLLOW;
        let follow = if value.abs() < self.threshold { down } else { up };
        let elapsed_ms = (now.saturating_sub(before).as_secs_f64() * 1e3).min(100.0);
        self.threshold += follow * (value.abs() - self.threshold) * elapsed_ms;
        self.threshold = self.threshold.clamp(THRESHOLD[1], THRESHOLD[2]);
    }
}

/// Slope of the least-squares line; `None` if all points have the same time.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = f64::from(u32::try_from(points.len()).ok()?);
    let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let mean = (sum.0 / count, sum.1 / count);
    let (mut above, mut below) = (0.0, 0.0);
    for point in points {
        above += (point.0 - mean.0) * (point.1 - mean.1);
        below += (point.0 - mean.0) * (point.0 - mean.0);
    }
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds groups every 20 ms whose delay grows by `growth_ms` each.
    fn feed(
        trend: &mut TrendlineEstimator,
        from_ms: &mut u64,
        count: u32,
        growth_ms: f64,
    ) -> Option<u32> {
        for index in 0..count {
            let arrival_s = 0.020 + growth_ms / 1e3;
            *from_ms += 20;
            let arrival = Duration::from_millis(*from_ms);
            if trend.push(Delta { sent_s: 0.020, arrival_s, arrival }) == BandwidthUsage::Overuse {
                return Some(index);
            }
        }
        None
    }

    #[test]
    fn stable_delay_is_normal_and_growing_delay_is_overuse() {
        let (mut trend, mut at) = (TrendlineEstimator::default(), 0);
        assert_eq!(feed(&mut trend, &mut at, 100, 0.0), None);
        let found = feed(&mut trend, &mut at, 30, 5.0).expect("overuse at 25 % above capacity");
        assert!(found <= 10, "found after {found} groups");
        let usages = (0..40).map(|_| {
            feed(&mut trend, &mut at, 1, -2.0);
            trend.usage()
        });
        assert!(usages.filter(|usage| *usage == BandwidthUsage::Underuse).count() > 5);
    }

    #[test]
    fn noise_is_not_overuse() {
        let (mut trend, mut at) = (TrendlineEstimator::default(), 0);
        let mut rng = crate::rng::Rng::new(1);
        for _ in 0..1000 {
            let noise = rng.unit();
            assert_eq!(feed(&mut trend, &mut at, 1, noise), None);
            assert_eq!(feed(&mut trend, &mut at, 1, -noise), None);
        }
    }
}
