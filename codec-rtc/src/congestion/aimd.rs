//! Delay-based rate control: increases while the queue is stable, decreases to a share of the
//! acknowledged bitrate on overuse. After draft-ietf-rmcat-gcc-02, section 5.5.

use std::time::Duration;

use super::trendline::BandwidthUsage;
use super::units::seconds_between;

/// Share of the acknowledged bitrate that becomes the rate after overuse.
const BETA: f64 = 0.85;
/// Multiplicative increase per second while the link capacity is unknown.
const GROWTH: f64 = 0.08;
/// Minimum increase per second, in bits per second, when competing with loss-based flows.
const CONTESTED_GROWTH: f64 = 40e3;
/// The rate grows to at most this multiple of the acknowledged bitrate.
const MAX_AHEAD: f64 = 1.5;

/// Estimate of the link capacity: mean and deviation of the acknowledged bitrate at overuse.
#[derive(Clone, Copy, Debug, Default)]
struct Capacity {
    kbps: Option<f64>,
    /// Variance divided by the mean, in kb/s.
    deviation: f64,
}

impl Capacity {
    fn on_overuse(&mut self, bps: f64) {
        let sample = bps / 1e3;
        let Some(kbps) = self.kbps else {
            (self.kbps, self.deviation) = (Some(sample), 0.4);
            return;
        };
        let next = 0.95 * kbps + 0.05 * sample;
        let error = next - sample;
        let norm = next.max(1.0);
        self.deviation = (0.95 * self.deviation + 0.05 * error * error / norm).clamp(0.4, 2.5);
        self.kbps = Some(next);
    }

    /// Mean minus and plus three deviations, in bits per second.
    fn bounds(&self) -> Option<(f64, f64)> {
        let kbps = self.kbps?;
        let width = 3.0 * (self.deviation * kbps).sqrt();
        Some(((kbps - width).max(0.0) * 1e3, (kbps + width) * 1e3))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hold,
    Increase,
}

/// Input of the rate control at each feedback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    pub(super) usage: BandwidthUsage,
    /// Acknowledged bitrate.
    pub(super) acked_bps: Option<f64>,
    /// Receive rate over the most recent window ([`super::throughput::Throughput::recent`]).
    pub(super) recent_bps: Option<f64>,
    /// Receive rate of a time without a queue, if it is above the estimate.
    pub(super) delivered_bps: Option<f64>,
    pub(super) rtt_s: f64,
    pub(super) queueing_s: f64,
    /// The sender is application-limited.
    pub(super) is_limited: bool,
    /// Competing flows fill the queue.
    pub(super) is_contested: bool,
}

/// Outcome of one update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Held,
    Up,
    Down,
}

/// The AIMD rate controller.
#[derive(Clone, Debug)]
pub(super) struct Aimd {
    bps: f64,
    bounds: (f64, f64),
    capacity: Capacity,
    state: State,
    updated: Option<Duration>,
    decreased: Option<Duration>,
}

impl Aimd {
    /// Starts at `start`; the rate always stays within `bounds`.
    pub(super) fn new(start: f64, bounds: (f64, f64)) -> Self {
        Self {
            bps: start,
            bounds,
            capacity: Capacity::default(),
            state: State::Hold,
            updated: None,
            decreased: None,
        }
    }

    pub(super) fn bps(&self) -> f64 {
        self.bps
    }

    /// Sets the rate from another measurement, such as a probe.
    pub(super) fn set(&mut self, bps: f64, now: Duration) {
        self.bps = bps.clamp(self.bounds.0, self.bounds.1);
        if self.capacity.bounds().is_some_and(|(_, high)| self.bps > high) {
            self.capacity = Capacity::default();
        }
        self.updated = Some(now);
    }

    /// Time of the last decrease.
    pub(super) fn decreased(&self) -> Option<Duration> {
        self.decreased
    }

    /// Changes the bounds and clamps the rate to them.
    pub(super) fn set_bounds(&mut self, bounds: (f64, f64)) {
        self.bounds = bounds;
        self.bps = self.bps.clamp(bounds.0, bounds.1);
    }

    /// Updates the rate; call it at each feedback.
    pub(super) fn update(&mut self, now: Duration, seen: Observed) -> Step {
        let before = self.updated.replace(now).unwrap_or(now);
        let elapsed_s = seconds_between(before, now).clamp(0.0, 1.0);
        match seen.usage {
            BandwidthUsage::Overuse => return self.decrease(now, seen),
            BandwidthUsage::Underuse => {
                self.state = State::Hold;
                return Step::Held;
            }
            BandwidthUsage::Normal => {}
        }
        if self.state == State::Hold {
            self.state = State::Increase;
            return Step::Held;
        }
        self.increase(elapsed_s, seen)
    }

    fn increase(&mut self, elapsed_s: f64, seen: Observed) -> Step {
        let Some(acked) = seen.acked_bps else { return Step::Held };
        // More than the estimate arrives, and does not queue: the decrease was a mistake.
        let fitting = seen.delivered_bps.unwrap_or_default().min(self.bounds.1);
        if fitting > self.bps {
            self.bps = fitting;
            return Step::Up;
        }
        // An application-limited sender learns nothing about the link.
        if seen.is_limited {
            return Step::Held;
        }
        if self.capacity.bounds().is_some_and(|(_, high)| acked > high) {
            self.capacity = Capacity::default();
        }
        let near = self.capacity.bounds().is_some_and(|(low, _)| self.bps >= low);
        let growth = if near { self.additive(seen.rtt_s) } else { (self.bps * GROWTH).max(1e3) };
        let growth = if seen.is_contested { growth.max(CONTESTED_GROWTH) } else { growth };
        let most = MAX_AHEAD * acked + 10e3;
        let next = (self.bps + growth * elapsed_s).min(most.max(self.bps));
        let next = next.clamp(self.bounds.0, self.bounds.1);
        let step = if next > self.bps { Step::Up } else { Step::Held };
        self.bps = next;
        step
    }

    /// About one packet per response time, in bits per second per second.
    fn additive(&self, rtt_s: f64) -> f64 {
        let frame_bits = self.bps / 30.0;
        let packets = (frame_bits / 9600.0).ceil().max(1.0);
        let response_s = rtt_s + 0.1;
        (frame_bits / packets / response_s).max(4e3)
    }

    fn decrease(&mut self, now: Duration, seen: Observed) -> Step {
        let acked = seen.acked_bps.unwrap_or(self.bps);
        // While the queue is filling, the most recent receive rate is the current capacity; the
        // smoothed rate lags after a change.
        let is_filling = seen.queueing_s > 0.03;
        let measured = match seen.recent_bps {
            Some(recent) if is_filling => recent,
            Some(recent) => recent.max(acked),
            None => acked,
        };
        let too_early = self
            .decreased
            .is_some_and(|at| seconds_between(at, now) < seen.rtt_s.clamp(0.01, 0.2) + 0.1);
        if too_early && measured > 0.5 * self.bps {
            return Step::Held;
        }
        let mut next = BETA * measured;
        if next > self.bps
            && let Some(kbps) = self.capacity.kbps
        {
            next = BETA * kbps * 1e3;
        }
        if self.capacity.bounds().is_some_and(|(low, _)| measured < low) {
            self.capacity = Capacity::default();
        }
        self.capacity.on_overuse(measured);
        self.bps = next.min(self.bps).clamp(self.bounds.0, self.bounds.1);
        self.state = State::Hold;
        self.decreased = Some(now);
        Step::Down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(usage: BandwidthUsage, acked: f64) -> Observed {
        Observed {
            usage,
            acked_bps: Some(acked),
            recent_bps: None,
            delivered_bps: None,
            rtt_s: 0.1,
            queueing_s: 0.0,
            is_limited: false,
            is_contested: false,
        }
    }

    fn run(aimd: &mut Aimd, from_ms: u64, to_ms: u64) {
        for at in (from_ms..to_ms).step_by(50) {
            let acked = aimd.bps();
            aimd.update(Duration::from_millis(at), seen(BandwidthUsage::Normal, acked));
        }
    }

    #[test]
    fn increase_is_multiplicative_far_from_capacity_and_additive_near_it() {
        let mut aimd = Aimd::new(1e6, (1e5, 1e7));
        run(&mut aimd, 0, 5000);
        assert!((1.40e6..1.50e6).contains(&aimd.bps()), "{}", aimd.bps());
        let at = Duration::from_secs(5);
        assert_eq!(aimd.update(at, seen(BandwidthUsage::Overuse, 1.4e6)), Step::Down);
        assert!((aimd.bps() - 0.85 * 1.4e6).abs() < 1.0);
        assert_eq!(aimd.update(at, seen(BandwidthUsage::Overuse, 1.4e6)), Step::Held, "too early");
        run(&mut aimd, 5050, 8050);
        let per_second = (aimd.bps() - 0.85 * 1.4e6) / 3.0;
        assert!((30e3..110e3).contains(&per_second), "{per_second}");
    }

    #[test]
    fn rate_is_bounded_by_the_acknowledged_bitrate() {
        let mut aimd = Aimd::new(1e6, (1e5, 1e7));
        for at in 0..1000 {
            aimd.update(Duration::from_millis(50 * at), seen(BandwidthUsage::Normal, 1e6));
        }
        assert!((aimd.bps() - 1.51e6).abs() < 1.0);
    }

    #[test]
    fn a_rate_below_what_arrives_without_a_queue_is_raised_to_it() {
        let mut aimd = Aimd::new(1e6, (1e5, 1e7));
        aimd.update(Duration::ZERO, seen(BandwidthUsage::Overuse, 3e5));
        assert!(aimd.bps() < 3e5);
        let more = Observed { delivered_bps: Some(9e5), ..seen(BandwidthUsage::Normal, 9e5) };
        for at in [500, 600] {
            aimd.update(Duration::from_millis(at), more);
        }
        assert!((aimd.bps() - 9e5).abs() < 1.0, "{}", aimd.bps());
    }

    #[test]
    fn decrease_uses_the_recent_rate_while_the_queue_fills() {
        let mut aimd = Aimd::new(2e6, (1e5, 1e7));
        let full = Observed {
            recent_bps: Some(3e5),
            queueing_s: 0.1,
            ..seen(BandwidthUsage::Overuse, 1.5e6)
        };
        aimd.update(Duration::ZERO, full);
        assert!((aimd.bps() - 0.85 * 3e5).abs() < 1.0);
    }
}
