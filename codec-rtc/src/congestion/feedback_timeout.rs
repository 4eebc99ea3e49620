//! Feedback timeout: halves the rate each time that feedback is overdue.

use std::time::Duration;

use super::units::seconds_between;

/// Feedback is overdue after a round trip plus this time, in seconds.
const OVERDUE_S: f64 = 0.5;

/// Rate limit during a feedback timeout.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FeedbackTimeout {
    limit_bps: Option<f64>,
    /// Rate before the timeout.
    before_bps: f64,
    counted_from: Option<Duration>,
    /// Whether feedback got the whole time again since the last one.
    is_restarted: bool,
}

impl FeedbackTimeout {
    /// Updates the limit. `waiting_since` is the send time of the oldest packet without feedback,
    /// or the time of the last feedback if later.
    pub(super) fn update(
        &mut self,
        now: Duration,
        waiting_since: Option<Duration>,
        rtt_s: f64,
        bps: f64,
        min_bps: f64,
    ) {
        let Some(since) = waiting_since else { return };
        let from = self.counted_from.map_or(since, |from| from.max(since));
        if seconds_between(from, now) < OVERDUE_S + rtt_s.min(2.0) {
            return;
        }
        if self.limit_bps.is_none() {
            self.before_bps = bps;
        }
        let limit = self.limit_bps.unwrap_or(bps) / 2.0;
        self.limit_bps = Some(limit.max(min_bps));
        self.counted_from = Some(now);
    }

    /// Restarts the timeout, at most once: the feedback may have arrived, but has not been
    /// processed.
    pub(super) fn restart(&mut self, now: Duration) {
        if !self.is_restarted {
            self.is_restarted = true;
            self.counted_from = self.counted_from.max(Some(now));
        }
    }

    /// Ends the timeout when feedback arrives. Returns the current limit and the rate before it, if
    /// feedback was overdue.
    pub(super) fn end(&mut self) -> Option<(f64, f64)> {
        (self.counted_from, self.is_restarted) = (None, false);
        self.limit_bps.take().map(|limit| (limit, self.before_bps))
    }

    pub(super) fn limit_bps(&self) -> Option<f64> {
        self.limit_bps
    }
}
