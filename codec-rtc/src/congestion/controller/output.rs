//! Output of the controller: target bitrate, congestion window and pacing rate.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::super::units::{bitrate, bits, bps, bytes, seconds_between};
use super::super::{Estimate, Reason};
use super::Controller;

/// Queueing delay above which the queue is drained after a decrease, and the time in which it is
/// drained approximately, both in seconds.
const DRAIN_S: [f64; 2] = [0.04, 0.6];
/// Minimum share of the estimate while draining.
const MIN_DRAIN: f64 = 0.35;
/// The target falls to the minimum share as bytes in flight rise from the first to the second share
/// of the congestion window.
const PUSHBACK: [f64; 2] = [0.85, 1.0];
/// Duration of draining after a decrease.
const DRAINING: Duration = Duration::from_secs(3);
/// Queueing delay that the congestion window allows, in seconds.
const WINDOW_QUEUE_S: f64 = 0.12;
/// Additional window when feedback messages get lost, in seconds; applied in full at the second
/// value, a share of lost messages. Without it, packets would wait whenever several messages are
/// lost in a row.
const LOST_REPORTS_S: f64 = 0.2;
const LOST_REPORTS: f64 = 0.02;
/// Minimum congestion window.
const MIN_WINDOW_BYTES: u64 = 6_000;
/// Pacing rate as a multiple of the estimate.
const PACING: f64 = 2.5;

impl Controller {
    /// Returns the current estimate.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let (stable, mut reason) = self.target();
        let [drained, lowered] = self.shares().map(|share| stable * share);
        if lowered < stable {
            reason = Reason::Draining;
        }
        let layers = match self.unconfirmed_bps {
            Some(before) if !self.uses_fallback => self.limited(before, reason).0,
            _ => drained,
        };
        let [target, layers, stable] = [lowered, layers, stable].map(|rate| self.bounded(rate));
        let loss = if self.uses_fallback { self.reported_loss } else { self.loss.loss() };
        let seconds = |value: f64| Duration::from_secs_f64(value.clamp(0.0, 60.0));
        Estimate {
            target,
            layers,
            stable,
            throughput: self.throughput.estimate().map(bitrate),
            loss,
            rtt: seconds(self.delays.rtt_s()),
            queueing_delay: seconds(self.delays.queueing_s()),
            backlog: seconds(self.backlog.seconds()),
            usage: self.trend.usage(),
            reason,
        }
    }

    fn bounded(&self, rate: f64) -> Bitrate {
        bitrate(rate).clamp(self.config.min, self.config.max)
    }

    /// Estimated capacity of the link in bits per second, and what determines it.
    pub(super) fn target(&self) -> (f64, Reason) {
        let first = match (self.last_feedback, self.by_probe) {
            _ if self.uses_fallback => (self.fallback.bps(), Reason::Loss),
            (None, _) => (self.aimd.bps(), Reason::Start),
            (_, true) => (self.aimd.bps(), Reason::Probe),
            (_, false) => (self.aimd.bps(), Reason::Delay),
        };
        let (rate, reason) = self.limited(first.0, first.1);
        let (min, max) = (bps(self.config.min), bps(self.config.max));
        if rate <= min {
            (min, if reason == Reason::Start { reason } else { Reason::Minimum })
        } else if rate >= max {
            (max, Reason::Maximum)
        } else {
            (rate, reason)
        }
    }

    /// The lowest of a rate, which has a reason, and the limits that do not come from the delay.
    fn limited(&self, rate: f64, reason: Reason) -> (f64, Reason) {
        let limits = [
            (Some(self.loss.limit_bps()), Reason::Loss),
            (self.remb_bps, Reason::Receiver),
            (self.feedback_timeout.limit_bps(), Reason::FeedbackTimeout),
        ];
        limits.iter().fold((rate, reason), |least, &(limit, reason)| match limit {
            Some(limit) if limit < least.0 => (limit, reason),
            _ => least,
        })
    }

    /// Shares of the estimate: the one that lets a measured queue drain, and the one that is also lowered by late feedback.
    fn shares(&self) -> [f64; 2] {
        let [least, time] = DRAIN_S;
        let now = self.last_feedback.unwrap_or_default();
        // Late feedback indicates a slower link before the delay does.
        let [from, to] = PUSHBACK;
        let fill = bits(self.in_flight_bytes()) / bits(self.window_bytes());
        let is_silent = self.feedback_timeout.limit_bps().is_some();
        let excess = if is_silent { 0.0 } else { ((fill - from) / (to - from)).clamp(0.0, 1.0) };
        let pushback = 1.0 - (1.0 - MIN_DRAIN) * excess;
        let lowered = self.aimd.decreased();
        let draining = lowered.is_some_and(|at| now.saturating_sub(at) < DRAINING);
        let queue_s = self.queueing_s();
        if !draining || queue_s < least || self.delays.is_contested(now) {
            return [1.0, pushback];
        }
        let drain = (1.0 - (queue_s - least) / time).max(MIN_DRAIN);
        [drain, drain.min(pushback)]
    }

    /// Rate at which the pacer sends queued packets: 2.5 times the estimate.
    #[must_use]
    pub fn pacing_rate(&self) -> Bitrate {
        let rate = PACING * self.target().0;
        bitrate(rate.max(bps(self.config.min)))
    }

    /// Congestion window: maximum number of bytes in flight.
    #[must_use]
    pub fn window_bytes(&self) -> u64 {
        let now = self.last_feedback.unwrap_or_default();
        let contested = self.delays.is_contested(now);
        let others_s = if contested { 2.0 * self.delays.queueing_s().min(0.5) } else { 0.0 };
        let lost_reports_s = LOST_REPORTS_S * (self.reader.lost() / LOST_REPORTS).min(1.0);
        let link_s = self.delays.min_rtt_s() + WINDOW_QUEUE_S + others_s;
        let round_s = link_s + self.feedback_interval_s + lost_reports_s;
        bytes(self.target().0 * round_s).max(MIN_WINDOW_BYTES)
    }

    /// Bytes sent for which no feedback has arrived yet.
    #[must_use]
    pub fn in_flight_bytes(&self) -> u64 {
        self.history.in_flight_bytes()
    }

    /// Whether the congestion window is full, so that only audio is sent. False if feedback stops
    /// arriving.
    #[must_use]
    pub fn is_window_full(&self, now: Duration) -> bool {
        let timeout_s = 0.3 + self.delays.rtt_s();
        let has_feedback =
            self.last_feedback.is_some_and(|at| seconds_between(at, now) < timeout_s);
        has_feedback && self.in_flight_bytes() > self.window_bytes()
    }

    /// Bytes in flight as transmission time at the target bitrate, for statistics.
    #[must_use]
    pub fn flight_time(&self) -> Duration {
        let seconds = bits(self.in_flight_bytes()) / self.target().0.max(1.0);
        Duration::from_secs_f64(seconds.clamp(0.0, 60.0))
    }
}
