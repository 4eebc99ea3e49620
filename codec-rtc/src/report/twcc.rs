//! Transport-wide congestion control feedback of the receiver: timing and content.

use std::time::Duration;

use super::arrivals::{Arrivals, Pushed};
use crate::rtcp::{Ecn, Twcc};

/// Size of a typical feedback packet with headers in bits, for the adaptive interval.
const REPORT_BITS: u64 = 8 * 68;
/// Inverse share of the bitrate for feedback: 5 %.
const SHARE: u64 = 20;

/// Settings of a [`TwccRecorder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwccRecorderConfig {
    /// SSRC of the reporting endpoint; default 1.
    pub sender_ssrc: u32,
    /// SSRC of one of the reported streams; default 0.
    pub media_ssrc: u32,
    /// Minimum interval, also the initial one; default 50 ms.
    pub min_interval: Duration,
    /// Maximum interval, used at low bitrates; default 250 ms.
    pub max_interval: Duration,
    /// If set, reports a gap immediately, unless the last report was sent less than this time ago;
    /// default off.
    pub on_gap: Option<Duration>,
    /// Maximum size of a report in bytes, at least 64; default 1200.
    pub max_bytes: usize,
}

impl Default for TwccRecorderConfig {
    fn default() -> Self {
        Self {
            sender_ssrc: 1,
            media_ssrc: 0,
            min_interval: Duration::from_millis(50),
            max_interval: Duration::from_millis(250),
            on_gap: None,
            max_bytes: 1200,
        }
    }
}

/// Records packet arrivals and creates transport-wide feedback.
#[derive(Clone, Debug)]
pub struct TwccRecorder {
    config: TwccRecorderConfig,
    interval: Duration,
    arrivals: Arrivals,
    feedback_count: u8,
    timer: Timer,
    too_old: u64,
}

impl TwccRecorder {
    /// Creates a recorder without packets.
    #[must_use]
    pub fn new(config: TwccRecorderConfig) -> Self {
        Self {
            config,
            interval: config.min_interval,
            arrivals: Arrivals::default(),
            feedback_count: 0,
            timer: Timer::default(),
            too_old: 0,
        }
    }

    /// Sets the receive bitrate in bits per second. Feedback takes 5 % of it, within the bounds of
    /// the interval.
    pub fn set_bitrate(&mut self, bits_per_second: u64) {
        let least = self.config.min_interval;
        self.interval =
            adaptive_interval(bits_per_second).clamp(least, self.config.max_interval.max(least));
    }

    /// Records a packet with this transport-wide sequence number.
    pub fn push(&mut self, now: Duration, sequence: u16) {
        match self.arrivals.push(now, sequence, Ecn::NotCapable) {
            Pushed::Gap => self.timer.on_gap(now, self.interval, self.config.on_gap),
            Pushed::New => self.timer.on_packet(now, self.interval),
            Pushed::Duplicate => {}
            Pushed::TooOld => self.too_old += 1,
        }
    }

    /// Appends the feedback due at `now`.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<Twcc>) {
        if !self.timer.take(now) {
            return;
        }
        let Some((base_sequence, arrivals)) = self.arrivals.take(now) else { return };
        let times: Vec<_> = arrivals.iter().map(|it| it.map(|it| it.at)).collect();
        let first = Twcc {
            sender_ssrc: self.config.sender_ssrc,
            media_ssrc: self.config.media_ssrc,
            base_sequence,
            feedback_count: self.feedback_count,
            ..Twcc::default()
        };
        self.feedback_count = first.split(&times, self.config.max_bytes, out);
    }

    /// Deadline of the next [`Self::poll`]; `None` if no packet arrived since the last feedback.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timer.due.filter(|_| self.arrivals.is_fresh())
    }

    /// Packets that arrived too late to be reported.
    #[must_use]
    pub fn too_old(&self) -> u64 {
        self.too_old
    }
}

/// Interval at which feedback takes 5 % of a bitrate.
pub(super) fn adaptive_interval(bits_per_second: u64) -> Duration {
    Duration::from_micros(1_000_000 * REPORT_BITS * SHARE / bits_per_second.max(1))
}

/// Timer of the next report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    pub(super) due: Option<Duration>,
    last: Option<Duration>,
}

impl Timer {
    pub(super) fn on_packet(&mut self, now: Duration, interval: Duration) {
        self.at_latest(now.max(self.last.unwrap_or(now).saturating_add(interval)));
    }

    pub(super) fn on_gap(&mut self, now: Duration, interval: Duration, soonest: Option<Duration>) {
        self.on_packet(now, interval);
        if let Some(pause) = soonest {
            self.at_latest(now.max(self.last.map_or(now, |last| last.saturating_add(pause))));
        }
    }

    fn at_latest(&mut self, time: Duration) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }

    /// Whether a report is due; the next is due after an interval at the earliest.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            (self.due, self.last) = (None, Some(now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Packet, parse_compound};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn every_packet_is_reported_once_at_intervals() {
        let mut recorder = TwccRecorder::new(TwccRecorderConfig::default());
        assert_eq!(recorder.poll_timeout(), None);
        let (mut reports, mut arrivals) = (Vec::new(), Vec::new());
        for index in 0..1000_u16 {
            let now = ms(u64::from(index) * 3);
            if index % 7 != 3 {
                recorder.push(now, index.wrapping_add(65_000));
            }
            if recorder.poll_timeout().is_some_and(|at| at <= now) {
                recorder.poll(now, &mut reports);
            }
        }
        recorder.poll(ms(3100), &mut reports);
        assert!((58..=62).contains(&reports.len()), "{}", reports.len());
        for (index, report) in reports.iter().enumerate() {
            assert_eq!(usize::from(report.feedback_count), index);
            assert_eq!(usize::from(report.base_sequence.wrapping_sub(65_000)), arrivals.len());
            arrivals.extend(report.packets.iter().map(Option::is_some));
            let mut bytes = Vec::new();
            Packet::TransportFeedback(report.clone()).write(&mut bytes).unwrap();
            assert!(parse_compound(&bytes).all(|packet| packet.is_ok()));
        }
        assert_eq!(arrivals.len(), 1000);
        assert!(arrivals.iter().enumerate().all(|(index, &came)| came == (index % 7 != 3)));
    }

    #[test]
    fn gaps_are_reported_at_once_if_configured() {
        let on_gap = Some(ms(10));
        let mut recorder = TwccRecorder::new(TwccRecorderConfig { on_gap, ..Default::default() });
        let mut reports = Vec::new();
        recorder.push(ms(1000), 1);
        recorder.poll(ms(1050), &mut reports);
        reports.clear();
        recorder.push(ms(1055), 3);
        assert_eq!(recorder.poll_timeout(), Some(ms(1060)));
        recorder.poll(ms(1060), &mut reports);
        assert_eq!(reports[0].packets.len(), 2);
        recorder.push(ms(1062), 4);
        assert_eq!(recorder.poll_timeout(), Some(ms(1110)));
        recorder.push(ms(1090), 6);
        assert_eq!(recorder.poll_timeout(), Some(ms(1090)));
    }

    #[test]
    fn the_interval_follows_the_bitrate() {
        let mut recorder = TwccRecorder::new(TwccRecorderConfig::default());
        for (kbps, expected) in [(0, 250), (10, 250), (100, 108), (300, 50), (5000, 50)] {
            recorder.set_bitrate(kbps * 1000);
            assert_eq!(recorder.interval.as_millis(), expected, "{kbps}");
        }
    }

    #[test]
    fn duplicate_and_late_packets_cause_no_report() {
        let mut recorder = TwccRecorder::new(TwccRecorderConfig::default());
        let mut reports = Vec::new();
        recorder.push(ms(0), 1000);
        recorder.push(ms(1), 1001);
        recorder.poll(ms(50), &mut reports);
        recorder.push(ms(60), 1000);
        assert_eq!(recorder.poll_timeout(), None);
        recorder.push(ms(600), 1002);
        recorder.poll(ms(700), &mut reports);
        recorder.push(ms(701), 999);
        assert_eq!((recorder.poll_timeout(), recorder.too_old()), (None, 1));
    }
}
