//! Congestion control feedback of the receiver. RFC 8888, sections 3 and 4.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arrivals::{Arrival, Arrivals, Pushed};
use super::ntp;
use super::twcc::{Timer, adaptive_interval};
use crate::rtcp::{Ccfb, CcfbMetric, CcfbStream, Ecn};

/// Maximum number of streams in a report.
const MAX_STREAMS: usize = 16;

/// Settings of a [`CcfbRecorder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcfbRecorderConfig {
    /// SSRC of the reporting endpoint; default 1.
    pub sender_ssrc: u32,
    /// NTP time at [`Duration::ZERO`], 32.32 format.
    pub ntp_at_zero: u64,
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

impl Default for CcfbRecorderConfig {
    fn default() -> Self {
        Self {
            sender_ssrc: 1,
            ntp_at_zero: 0,
            min_interval: Duration::from_millis(50),
            max_interval: Duration::from_millis(250),
            on_gap: None,
            max_bytes: 1200,
        }
    }
}

/// Records packet arrivals and creates RFC 8888 feedback.
#[derive(Clone, Debug)]
pub struct CcfbRecorder {
    config: CcfbRecorderConfig,
    interval: Duration,
    streams: BTreeMap<u32, Arrivals>,
    timer: Timer,
    ignored: u64,
}

impl CcfbRecorder {
    /// Creates a recorder without packets.
    #[must_use]
    pub fn new(config: CcfbRecorderConfig) -> Self {
        Self {
            config,
            interval: config.min_interval,
            streams: BTreeMap::new(),
            timer: Timer::default(),
            ignored: 0,
        }
    }

    /// Sets the receive bitrate in bits per second. Feedback takes 5 % of it, within the bounds of
    /// the interval.
    pub fn set_bitrate(&mut self, bits_per_second: u64) {
        let least = self.config.min_interval;
        self.interval =
            adaptive_interval(bits_per_second).clamp(least, self.config.max_interval.max(least));
    }

    /// Records a packet of the stream `ssrc` with its ECN mark.
    pub fn push(&mut self, now: Duration, ssrc: u32, sequence: u16, ecn: Ecn) {
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&ssrc) {
            self.ignored += 1;
            return;
        }
        match self.streams.entry(ssrc).or_default().push(now, sequence, ecn) {
            Pushed::Gap => self.timer.on_gap(now, self.interval, self.config.on_gap),
            Pushed::New => self.timer.on_packet(now, self.interval),
            Pushed::Duplicate => {}
            Pushed::TooOld => self.ignored += 1,
        }
    }

    /// Removes a stream that has ended.
    pub fn remove(&mut self, ssrc: u32) {
        self.streams.remove(&ssrc);
    }

    /// Appends the feedback due at `now`.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<Ccfb>) {
        if !self.timer.take(now) {
            return;
        }
        let empty = Ccfb {
            sender_ssrc: self.config.sender_ssrc,
            streams: Vec::new(),
            report_time: ntp::middle(ntp::at(self.config.ntp_at_zero, now)),
        };
        let max_bytes = self.config.max_bytes.max(64);
        let (mut report, mut bytes) = (empty.clone(), Ccfb::FIXED_BYTES);
        for (&ssrc, arrivals) in &mut self.streams {
            let Some((mut begin_sequence, taken)) = arrivals.take(now) else { continue };
            let mut rest = taken.as_slice();
            while !rest.is_empty() {
                let room = max_bytes.saturating_sub(bytes + Ccfb::stream_bytes(0)) / 4 * 2;
                if room == 0 {
                    out.push(std::mem::replace(&mut report, empty.clone()));
                    bytes = Ccfb::FIXED_BYTES;
                    continue;
                }
                let len = rest.len().min(room);
                let (head, tail) = rest.split_at(len);
                let metrics = head.iter().map(|it| it.map(|it| metric(now, it))).collect();
                report.streams.push(CcfbStream { ssrc, begin_sequence, metrics });
                bytes += Ccfb::stream_bytes(len);
                begin_sequence =
                    begin_sequence.wrapping_add(u16::try_from(len).unwrap_or(u16::MAX));
                rest = tail;
            }
        }
        if !report.streams.is_empty() {
            out.push(report);
        }
    }

    /// Deadline of the next [`Self::poll`]; `None` if no packet arrived since the last feedback.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timer.due.filter(|_| self.streams.values().any(Arrivals::is_fresh))
    }

    /// Packets not reported, because they were too late or there are too many streams.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}

fn metric(now: Duration, arrival: Arrival) -> CcfbMetric {
    CcfbMetric::new(arrival.ecn, now.saturating_sub(arrival.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Packet, parse_compound};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn reports_cover_every_stream_with_arrival_times() {
        let config = CcfbRecorderConfig { ntp_at_zero: 7 << 32, ..Default::default() };
        let mut recorder = CcfbRecorder::new(config);
        assert_eq!(recorder.poll_timeout(), None);
        recorder.push(ms(1000), 5, 65_535, Ecn::Capable0);
        recorder.push(ms(1010), 5, 1, Ecn::Capable0);
        recorder.push(ms(1020), 9, 3, Ecn::NotCapable);
        recorder.push(ms(1030), 5, 1, Ecn::CongestionExperienced);
        assert_eq!(recorder.poll_timeout(), Some(ms(1050)));
        let mut reports = Vec::new();
        recorder.poll(ms(1050), &mut reports);
        let metric = |ecn, before| Some(CcfbMetric::new(ecn, ms(before)));
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!(report.report_time, ntp::middle(ntp::at(7 << 32, ms(1050))));
        let expected = [metric(Ecn::Capable0, 50), None, metric(Ecn::CongestionExperienced, 40)];
        assert_eq!(report.streams[0].metrics, expected);
        assert_eq!((report.streams[0].ssrc, report.streams[0].begin_sequence), (5, 65_535));
        assert_eq!(report.streams[1].metrics, [metric(Ecn::NotCapable, 30)]);
        recorder.poll(ms(2000), &mut reports);
        assert_eq!(reports.len(), 1);
    }

    #[test]
    fn long_reports_are_split_by_size() {
        let mut recorder = CcfbRecorder::new(CcfbRecorderConfig::default());
        for index in 0..2000_u16 {
            recorder.push(ms(0), u32::from(index % 3), index / 3, Ecn::NotCapable);
        }
        let mut reports = Vec::new();
        recorder.poll(ms(60), &mut reports);
        let mut reported = 0;
        for report in &reports {
            let mut bytes = Vec::new();
            Packet::Ccfb(report.clone()).write(&mut bytes).unwrap();
            assert!(bytes.len() <= 1200);
            assert_eq!(parse_compound(&bytes).next(), Some(Ok(Packet::Ccfb(report.clone()))));
            reported += report.streams.iter().map(|stream| stream.metrics.len()).sum::<usize>();
        }
        assert_eq!(reported, 2000);
        assert_eq!(reports.len(), 4);
    }

    #[test]
    fn number_of_streams_is_bounded() {
        let mut recorder = CcfbRecorder::new(CcfbRecorderConfig::default());
        for ssrc in 0..100 {
            recorder.push(ms(0), ssrc, 1, Ecn::NotCapable);
        }
        assert_eq!((recorder.streams.len(), recorder.ignored()), (16, 84));
        recorder.remove(0);
        recorder.push(ms(0), 99, 1, Ecn::NotCapable);
        assert_eq!(recorder.ignored(), 84);
    }
}
