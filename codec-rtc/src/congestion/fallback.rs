//! Loss-based rate control from receiver reports (RFC 3550, section 6.4.1), for receivers without
//! transport-wide feedback. After draft-ietf-rmcat-gcc-02, section 6.

use std::time::Duration;

use super::units::seconds_between;

/// The rate increases below the first loss ratio and decreases above the second.
const LOSSES: [f64; 2] = [0.02, 0.10];
/// Growth per report, at most once per second.
const GROWTH: f64 = 1.08;
/// Time between two decreases in addition to a round trip, in seconds.
const PAUSE_S: f64 = 0.3;

/// The rate derived from receiver reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fallback {
    bps: f64,
    raised: Option<Duration>,
    lowered: Option<Duration>,
}

impl Fallback {
    pub(super) fn new(start_bps: f64) -> Self {
        Self { bps: start_bps, raised: None, lowered: None }
    }

    pub(super) fn bps(&self) -> f64 {
        self.bps
    }

    /// Updates the rate from a receiver report with this loss, 0..=1.
    pub(super) fn on_report(&mut self, now: Duration, loss: f64, rtt_s: f64, bounds: (f64, f64)) {
        let [low, high] = LOSSES;
        if loss < low && self.raised.is_none_or(|at| seconds_between(at, now) >= 1.0) {
            self.bps = self.bps * GROWTH + 1e3;
            self.raised = Some(now);
        } else if loss > high
            && self.lowered.is_none_or(|at| seconds_between(at, now) >= PAUSE_S + rtt_s)
        {
            self.bps *= 1.0 - 0.5 * loss.min(1.0);
            self.lowered = Some(now);
        }
        self.bps = self.bps.clamp(bounds.0, bounds.1);
    }
}
