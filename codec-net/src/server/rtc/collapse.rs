//! Detects a sudden collapse of a link's capacity: packets in flight arrive too late or are lost.

use std::time::Duration;

use codec_rtc::congestion::Estimate;

/// An estimate below this percentage of its recent maximum is a collapse.
const COLLAPSE_PCT: u64 = 50;
/// How long the maximum is remembered.
const MAXIMUM_WINDOW: Duration = Duration::from_secs(2);
/// Below this delay, the queue counts as empty.
const EMPTY_QUEUE_DELAY: Duration = Duration::from_millis(100);
/// Minimum and maximum time without sending.
const STOP_RANGE: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(1500)];
/// Minimum time from a restart to the next stop: key frames also fill slow links.
const MIN_STOP_INTERVAL: Duration = Duration::from_secs(10);
/// How long after a restart losses are attributed to the full queue of the collapse.
const QUEUE_LOSS_WINDOW: Duration = Duration::from_secs(5);
/// Share of packets lost above which frames are missing.
const MISSING_FRAMES_LOSS: f64 = 0.03;

/// The action to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// No action.
    Continue,
    /// Stop sending video.
    Stop,
    /// Resume video; `true`: with a key frame, because frames were lost.
    Restart(bool),
}

/// Observes an estimate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Collapse {
    /// The recent maximum of the estimate, and its time.
    high: Option<(u64, Duration)>,
    stopped: Option<Duration>,
    restarted: Option<Duration>,
    has_lost: bool,
}

impl Collapse {
    /// Updates the state with the current estimate.
    pub(super) fn update(&mut self, now: Duration, estimate: &Estimate) -> Step {
        let rate = estimate.stable.0;
        let queueing = estimate.queueing_delay.max(estimate.backlog);
        if let Some(since) = self.stopped {
            self.has_lost |= estimate.loss > MISSING_FRAMES_LOSS;
            let lasted = now.saturating_sub(since);
            let is_over = queueing < EMPTY_QUEUE_DELAY && lasted >= STOP_RANGE[0];
            if !is_over && lasted < STOP_RANGE[1] {
                return Step::Stop;
            }
            let restart = Step::Restart(self.has_lost);
            *self = Self { high: Some((rate, now)), restarted: Some(now), ..Self::default() };
            return restart;
        }
        let high = self.high.filter(|(_, at)| now.saturating_sub(*at) < MAXIMUM_WINDOW);
        let high = high.filter(|(high, _)| *high > rate).unwrap_or((rate, now));
        self.high = Some(high);
        let is_again = self.restarted.is_some_and(|at| now.saturating_sub(at) < MIN_STOP_INTERVAL);
        if rate * 100 < high.0 * COLLAPSE_PCT && queueing >= EMPTY_QUEUE_DELAY && !is_again {
            self.stopped = Some(now);
            self.has_lost = estimate.loss > MISSING_FRAMES_LOSS;
            return Step::Stop;
        }
        Step::Continue
    }

    /// Whether the link is in a collapse, or was shortly before.
    pub(super) fn is_recent(&self, now: Duration) -> bool {
        let restarted = self.restarted.is_some_and(|at| now.saturating_sub(at) < QUEUE_LOSS_WINDOW);
        self.stopped.is_some() || restarted
    }
}

#[cfg(test)]
mod tests {
    use codec_core::codec::Bitrate;
    use codec_rtc::congestion::{BandwidthUsage, Reason};

    use super::*;

    fn estimate(kbps: u64, queueing_ms: u64, loss: f64) -> Estimate {
        let stable = Bitrate::kbps(kbps);
        Estimate {
            target: stable,
            layers: stable,
            stable,
            throughput: Some(stable),
            loss,
            rtt: Duration::from_millis(60),
            queueing_delay: Duration::from_millis(queueing_ms),
            backlog: Duration::ZERO,
            usage: BandwidthUsage::Normal,
            reason: Reason::Delay,
        }
    }

    #[test]
    fn packets_that_are_overdue_stop_the_video_before_the_delay_shows_the_queue() {
        let mut collapse = Collapse::default();
        collapse.update(at(0), &estimate(1900, 5, 0.0));
        let overdue = Estimate { backlog: at(400), ..estimate(260, 45, 0.0) };
        assert_eq!(collapse.update(at(100), &overdue), Step::Stop);
        assert!(collapse.is_recent(at(100)));
        let waits = Estimate { backlog: at(120), ..estimate(260, 80, 0.1) };
        assert_eq!(collapse.update(at(400), &waits), Step::Stop, "not empty yet");
        assert_eq!(collapse.update(at(500), &estimate(260, 20, 0.0)), Step::Restart(true));
        assert!(collapse.is_recent(at(5400)) && !collapse.is_recent(at(5500)));
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_collapse_stops_video_until_the_queue_is_empty_then_sends_a_key_frame() {
        let mut collapse = Collapse::default();
        assert_eq!(collapse.update(at(0), &estimate(2000, 5, 0.0)), Step::Continue);
        assert_eq!(collapse.update(at(100), &estimate(1900, 300, 0.0)), Step::Continue);
        assert_eq!(collapse.update(at(200), &estimate(260, 450, 0.2)), Step::Stop);
        assert_eq!(collapse.update(at(600), &estimate(260, 250, 0.2)), Step::Stop);
        assert_eq!(collapse.update(at(800), &estimate(260, 60, 0.0)), Step::Restart(true));
        for ms in 9..60 {
            assert_eq!(collapse.update(at(100 * ms), &estimate(250, 120, 0.0)), Step::Continue);
        }
    }

    /// The first frames are sent at the rate that is assumed before there is feedback.
    #[test]
    fn a_link_that_is_too_slow_for_the_first_frames_has_collapsed() {
        let mut collapse = Collapse::default();
        let start = Estimate { throughput: None, ..estimate(1040, 0, 0.0) };
        assert_eq!(collapse.update(at(0), &start), Step::Continue);
        assert_eq!(collapse.update(at(700), &estimate(125, 340, 0.5)), Step::Stop);
        assert_eq!(collapse.update(at(1500), &estimate(125, 0, 0.6)), Step::Restart(true));
    }

    #[test]
    fn a_slow_link_filled_by_a_key_frame_is_not_stopped_repeatedly() {
        let mut collapse = Collapse::default();
        let mut stops = 0;
        for step in 0..150_u64 {
            // Probes and drops alternate.
            let kbps = if step % 8 < 4 { 300 } else { 110 };
            let found = collapse.update(at(100 * step), &estimate(kbps, 150, 0.1));
            stops += u32::from(matches!(found, Step::Restart(_)));
        }
        assert!(stops <= 2, "{stops}");
    }

    #[test]
    fn late_frames_need_no_key_frame_and_the_wait_is_limited() {
        let mut collapse = Collapse::default();
        collapse.update(at(0), &estimate(2000, 5, 0.0));
        assert_eq!(collapse.update(at(100), &estimate(300, 900, 0.0)), Step::Stop);
        assert_eq!(collapse.update(at(1500), &estimate(300, 300, 0.0)), Step::Stop);
        assert_eq!(collapse.update(at(1600), &estimate(300, 200, 0.0)), Step::Restart(false));
    }

    #[test]
    fn losses_and_slow_changes_are_not_a_collapse() {
        let mut collapse = Collapse::default();
        for step in 0..100_u64 {
            let slowly = estimate(2000 - 15 * step, 150, 0.1);
            assert_eq!(collapse.update(at(100 * step), &slowly), Step::Continue);
        }
        let mut collapse = Collapse::default();
        collapse.update(at(0), &estimate(2000, 5, 0.0));
        assert_eq!(collapse.update(at(100), &estimate(700, 20, 0.1)), Step::Continue, "no queue");
    }
}
