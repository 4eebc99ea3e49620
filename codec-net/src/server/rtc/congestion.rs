//! Detects congestion of a viewer's link.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_webrtc::PathStats;

/// A queueing delay above this is congestion.
const CONGESTED_QUEUEING: Duration = Duration::from_millis(150);
/// A queueing delay above this leaves no room for FEC.
const FEC_MAX_QUEUEING: Duration = Duration::from_millis(60);
/// A loss ratio above this is congestion of a link with small buffers; random loss is lower.
const CONGESTED_LOSS: f32 = 0.25;
/// Inverse weights of a new value in the smoothed round-trip times: the recent one, and the one
/// without queueing, which rises only slowly.
const RECENT_WEIGHT: u32 = 4;
const BASE_WEIGHT: u32 = 512;
/// Averaging window of the sent rate.
const WINDOW: Duration = Duration::from_secs(1);
/// Maximum number of samples in the window.
const MAX_SAMPLES: usize = 32;

/// The load of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkLoad {
    /// No congestion.
    Normal,
    /// Packets are delayed or lost, but according to the estimate not because of our media.
    CongestedByOthers,
    /// Packets are delayed or lost, probably because of our media.
    Exceeded,
}

/// Observes a link.
#[derive(Clone, Debug, Default)]
pub(super) struct CongestionDetector {
    /// The recent round trip, and the one without queueing.
    round_trips: Option<(Duration, Duration)>,
    loss: f32,
    /// Whether the other end sends feedback; without it there is no estimate.
    has_feedback: bool,
    estimate: Option<Bitrate>,
    /// Times within the last second, and the bytes sent by then.
    sent: VecDeque<(Duration, u64)>,
}

impl CongestionDetector {
    /// Updates the state with the current statistics.
    pub(super) fn update(&mut self, path: &PathStats) {
        self.loss += (path.loss_sent.unwrap_or_default() - self.loss) / 4.0;
        self.has_feedback |= path.loss_sent.is_some();
        self.estimate = path.available.filter(|_| self.has_feedback);
        let Some(new) = path.round_trip.or(path.ice_round_trip) else { return };
        let (mut recent, mut base) = self.round_trips.unwrap_or((new, new));
        recent = (recent * (RECENT_WEIGHT - 1) + new) / RECENT_WEIGHT;
        base = if new < base { new } else { (base * (BASE_WEIGHT - 1) + new) / BASE_WEIGHT };
        self.round_trips = Some((recent, base));
    }

    /// Records the bytes of media sent since the start.
    pub(super) fn record_sent(&mut self, now: Duration, bytes: u64) {
        self.sent.push_back((now, bytes));
        // The first sample is at least a second old, if there is one.
        while self.sent.len() > MAX_SAMPLES
            || self.sent.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW)
        {
            self.sent.pop_front();
        }
    }

    /// The recent bitrate of media.
    fn sent_rate(&self) -> u64 {
        let (Some((begin, before)), Some((end, after))) = (self.sent.front(), self.sent.back())
        else {
            return 0;
        };
        let millis = u64::try_from(end.saturating_sub(*begin).as_millis()).unwrap_or(u64::MAX);
        after.saturating_sub(*before).saturating_mul(8000) / millis.max(1)
    }

    /// Whether losses are probably not caused by congestion, so that FEC helps.
    pub(super) fn allows_fec(&self) -> bool {
        let waits =
            |(recent, base): (Duration, Duration)| recent.saturating_sub(base) > FEC_MAX_QUEUEING;
        self.loss <= CONGESTED_LOSS && !self.round_trips.is_some_and(waits)
    }

    /// The current load.
    pub(super) fn load(&self) -> LinkLoad {
        let waits =
            |(recent, base): (Duration, Duration)| recent.saturating_sub(base) > CONGESTED_QUEUEING;
        if self.loss <= CONGESTED_LOSS && !self.round_trips.is_some_and(waits) {
            return LinkLoad::Normal;
        }
        // Headers and retransmissions need a share.
        let needed = self.sent_rate() / 4 * 5;
        match self.estimate {
            Some(estimate) if estimate.0 > needed => LinkLoad::CongestedByOthers,
            _ => LinkLoad::Exceeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(loss: f32, millis: u64, kbps: Option<u64>) -> PathStats {
        PathStats {
            loss_sent: Some(loss),
            round_trip: Some(Duration::from_millis(millis)),
            available: kbps.map(Bitrate::kbps),
            ..PathStats::default()
        }
    }

    #[test]
    fn queueing_and_heavy_loss_are_congestion_and_random_loss_is_not() {
        let is_exceeded = |loss: f32, trips: &[u64]| {
            let mut detector = CongestionDetector::default();
            for &millis in trips {
                detector.update(&path(loss, millis, None));
            }
            detector.load() == LinkLoad::Exceeded
        };
        assert!(!is_exceeded(0.1, &[50, 60, 90, 55, 130, 60]));
        assert!(!is_exceeded(0.0, &[50, 50, 300, 50, 50]), "a single one");
        assert!(is_exceeded(0.0, &[50, 100, 200, 300, 340, 340, 340, 340]));
        assert!(is_exceeded(0.4, &[50; 8]));
        assert_eq!(CongestionDetector::default().load(), LinkLoad::Normal);
    }

    #[test]
    fn a_growing_queue_disables_fec_before_it_is_congestion() {
        let mut detector = CongestionDetector::default();
        assert!(detector.allows_fec());
        (0..8).for_each(|_| detector.update(&path(0.1, 50, None)));
        assert!(detector.allows_fec(), "chance");
        (0..8).for_each(|_| detector.update(&path(0.1, 140, None)));
        assert!(!detector.allows_fec());
        assert_eq!(detector.load(), LinkLoad::Normal);
    }

    #[test]
    fn congestion_below_the_estimate_is_caused_by_others() {
        let load = |kbps: u64| {
            let mut detector = CongestionDetector::default();
            for step in 0..50 {
                // 400 kbit/s.
                detector.record_sent(Duration::from_millis(200 * step), 10_000 * step);
                detector.update(&path(0.5, 50, Some(kbps)));
            }
            assert_eq!(detector.sent_rate(), 400_000);
            assert!(detector.sent.len() < 8);
            detector.load()
        };
        assert_eq!(load(300), LinkLoad::Exceeded);
        assert_eq!(load(450), LinkLoad::Exceeded, "headers need some");
        assert_eq!(load(600), LinkLoad::CongestedByOthers);
        // Without feedback, the initial estimate does not count.
        let mut detector = CongestionDetector::default();
        detector.record_sent(Duration::ZERO, 0);
        for _ in 0..50 {
            detector.update(&PathStats { loss_sent: None, ..path(0.0, 50, Some(2500)) });
        }
        for _ in 0..50 {
            detector.update(&PathStats { loss_sent: None, ..path(0.0, 900, Some(2500)) });
        }
        assert_eq!(detector.load(), LinkLoad::Exceeded);
    }
}
