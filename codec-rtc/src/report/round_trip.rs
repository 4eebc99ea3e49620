//! Round-trip time: from report blocks at the sender (RFC 3550, section 6.4.1), from DLRR blocks at
//! the receiver (RFC 3611, section 4.5).

use std::time::Duration;

use super::ntp;
use crate::rtcp::{Dlrr, ReportBlock};

/// Maximum round-trip time accepted.
const MAX_RTT: Duration = Duration::from_secs(60);
/// Tolerated clock error that would make the round-trip time negative.
const TOLERANCE: Duration = Duration::from_millis(5);
/// Inverse weight of a new value in the smoothed one: 1/8 (RFC 6298, section 2).
const SMOOTHING: u32 = 8;
/// Maximum number of receivers whose reference times are kept.
const MAX_RECEIVERS: usize = 16;

/// Round-trip time to another endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    last: Option<Duration>,
    smoothed: Option<Duration>,
    min: Option<Duration>,
    total: Duration,
    measurements: u64,
}

impl RoundTrip {
    /// Processes a report block about our stream, received at `now_ntp` by our clock. Returns the
    /// round-trip time; `None` if the block contains none or an implausible one.
    pub fn on_report(&mut self, now_ntp: u64, block: &ReportBlock) -> Option<Duration> {
        self.update(now_ntp, block.last_sender_report, block.delay_since_last)
    }

    /// Processes a DLRR block for our reference time, received at `now_ntp` by our clock.
    pub fn on_dlrr(&mut self, now_ntp: u64, answer: &Dlrr) -> Option<Duration> {
        self.update(now_ntp, answer.last_reference_time, answer.delay_since_last)
    }

    fn update(&mut self, now_ntp: u64, sent: u32, held: u32) -> Option<Duration> {
        if sent == 0 {
            return None;
        }
        let elapsed = ntp::middle(now_ntp).wrapping_sub(sent).wrapping_sub(held);
        let elapsed = elapsed.cast_signed();
        let sample = ntp::from_short(elapsed.unsigned_abs());
        let sample = match elapsed {
            ..0 if sample <= TOLERANCE => Duration::ZERO,
            0.. if sample <= MAX_RTT => sample,
            _ => return None,
        };
        self.add(sample);
        Some(sample)
    }

    /// Adds a round-trip time measured by other means, for example by the transport.
    pub fn add(&mut self, sample: Duration) {
        let smoothed = self.smoothed.unwrap_or(sample);
        let difference = smoothed.abs_diff(sample) / SMOOTHING;
        self.smoothed = Some(if sample > smoothed {
            smoothed.saturating_add(difference)
        } else {
            smoothed.saturating_sub(difference)
        });
        self.min = Some(self.min.map_or(sample, |least| least.min(sample)));
        self.last = Some(sample);
        self.total = self.total.saturating_add(sample);
        self.measurements += 1;
    }

    /// Last value (`roundTripTime` of getStats).
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        self.last
    }

    /// Smoothed value.
    #[must_use]
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// Minimum since the start.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.min
    }

    /// Sum and number of all values (`totalRoundTripTime` and `roundTripTimeMeasurements` of
    /// getStats).
    #[must_use]
    pub fn total(&self) -> (Duration, u64) {
        (self.total, self.measurements)
    }
}

/// Reference times of receivers (RRTR), to be returned in DLRR blocks.
#[derive(Clone, Debug, Default)]
pub struct ReferenceTimes {
    /// SSRC, arrival time and middle bits of the reference time; the most recent last.
    times: Vec<(u32, Duration, u32)>,
}

impl ReferenceTimes {
    /// Records an extended report of `ssrc` with the reference time `ntp`.
    pub fn push(&mut self, now: Duration, ssrc: u32, ntp: u64) {
        self.times.retain(|&(other, _, _)| other != ssrc);
        if self.times.len() >= MAX_RECEIVERS {
            self.times.remove(0);
        }
        self.times.push((ssrc, now, ntp::middle(ntp)));
    }

    /// Returns the DLRR sub-blocks for a report sent at `now`.
    #[must_use]
    pub fn answers(&self, now: Duration) -> Vec<Dlrr> {
        let answer = |&(ssrc, came, last_reference_time): &(u32, Duration, u32)| Dlrr {
            ssrc,
            last_reference_time,
            delay_since_last: ntp::short(now.saturating_sub(came)),
        };
        self.times.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn rfc3550_example_gives_its_round_trip() {
        // RFC 3550, figure 2: A = 0xb7108000, LSR = 0xb7052000, DLSR = 0x00054000: 6.125 s.
        let block = ReportBlock {
            last_sender_report: 0xb705_2000,
            delay_since_last: 0x0005_4000,
            ..ReportBlock::default()
        };
        let now = 0xb710_8000 << 16;
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.on_report(now, &block), Some(ms(6125)));
        assert_eq!(round_trip.total(), (ms(6125), 1));
    }

    #[test]
    fn implausible_round_trips_are_ignored() {
        let mut round_trip = RoundTrip::default();
        let block = |last_sender_report, delay_since_last| ReportBlock {
            last_sender_report,
            delay_since_last,
            ..ReportBlock::default()
        };
        let now = 1000 << 32;
        let sent = 999 << 16;
        assert_eq!(round_trip.on_report(now, &block(0, 0)), None);
        assert_eq!(round_trip.on_report(now, &block(sent, 2 << 16)), None);
        assert_eq!(round_trip.on_report(now, &block(1, 1)), None);
        assert_eq!(round_trip.last(), None);
        // Held slightly too long, due to coarse clocks.
        assert_eq!(round_trip.on_report(now, &block(sent, 0x1_0010)), Some(Duration::ZERO));
    }

    #[test]
    fn receiver_measures_the_round_trip_by_extended_reports() {
        let sent = ntp::at(1 << 40, ms(1000));
        let mut times = ReferenceTimes::default();
        times.push(ms(50), 7, sent);
        let answers = times.answers(ms(250));
        assert_eq!((answers.len(), answers[0].ssrc), (1, 7));
        let mut round_trip = RoundTrip::default();
        let measured = round_trip.on_dlrr(ntp::at(1 << 40, ms(1280)), &answers[0]).unwrap();
        assert!(measured.abs_diff(ms(80)) < ms(1));
        for ssrc in 0..100 {
            times.push(ms(0), ssrc, 0);
        }
        assert_eq!(times.answers(ms(0)).len(), MAX_RECEIVERS);
    }

    #[test]
    fn round_trip_is_smoothed_and_its_minimum_kept() {
        let mut round_trip = RoundTrip::default();
        round_trip.add(ms(80));
        round_trip.add(ms(160));
        assert_eq!(round_trip.smoothed(), Some(ms(90)));
        round_trip.add(ms(10));
        assert_eq!(round_trip.smoothed(), Some(ms(80)));
        assert_eq!((round_trip.min(), round_trip.last()), (Some(ms(10)), Some(ms(10))));
        assert_eq!(round_trip.total(), (ms(250), 3));
    }
}
