//! Reception statistics of a stream: sequence number validation, loss, jitter. RFC 3550, appendices
//! A.1, A.3 and A.8.

use std::time::Duration;

use super::ntp;
use crate::rtcp::ReportBlock;
use crate::rtp::Header;
use crate::sequence::{distance_16, distance_32};

/// Consecutive packets that make a source valid.
const MIN_SEQUENTIAL: u8 = 2;
/// Maximum gap within a stream.
const MAX_DROPOUT: i16 = 3000;
/// Maximum lateness of a packet, in sequence numbers (RFC 3550, appendix A.1).
const MAX_MISORDER: i16 = 100;
/// Jitter is kept in sixteenths.
const JITTER_SHIFT: u32 = 4;

/// Classification of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The source is not yet valid; the packet does not count.
    Probation,
    /// In order, possibly after a gap.
    Advanced,
    /// Late or duplicate.
    Late,
    /// The source restarted with other sequence numbers; counters restart as well.
    Restarted,
    /// Sequence number far from the others; does not count unless the next packet follows it.
    Outlier,
}

/// Counters of a stream since its start or restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceptionCounters {
    /// Packets received, including duplicates (`packetsReceived` of getStats).
    pub received: u64,
    /// Packets expected from the sequence numbers.
    pub expected: u64,
    /// Expected minus received, negative with duplicates (`packetsLost` of getStats).
    pub lost: i64,
    /// Packets late or duplicate.
    pub late: u64,
    /// Packets with a sequence number far from the others.
    pub outliers: u64,
    /// Number of restarts of the stream.
    pub restarts: u64,
    /// Interarrival jitter (`jitter` of getStats).
    pub jitter: Duration,
}

/// Reception statistics of one stream.
#[derive(Clone, Debug)]
pub struct ReceptionStats {
    ssrc: u32,
    clock_hz: u32,
    probation: u8,
    started: bool,
    /// Highest sequence number, and the number of wraps in units of 65536.
    highest: u16,
    cycles: u32,
    /// First sequence number.
    base: u32,
    /// Sequence number that would confirm a jump as a restart.
    after_jump: Option<u16>,
    received: u64,
    late: u64,
    outliers: u64,
    restarts: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<u32>,
    /// In units of 1/16 tick.
    jitter: u32,
    sender_report: Option<(Duration, u32)>,
}

impl ReceptionStats {
    /// Creates statistics for the stream `ssrc` with a clock of `clock_hz`, valid after two
    /// consecutive packets.
    #[must_use]
    pub fn new(ssrc: u32, clock_hz: u32) -> Self {
        Self {
            ssrc,
            clock_hz: clock_hz.max(1),
            probation: MIN_SEQUENTIAL,
            started: false,
            highest: 0,
            cycles: 0,
            base: 0,
            after_jump: None,
            received: 0,
            late: 0,
            outliers: 0,
            restarts: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// Creates statistics for a stream known to be valid, for example from SDP: its first packet
    /// counts.
    #[must_use]
    pub fn known(ssrc: u32, clock_hz: u32) -> Self {
        Self { probation: 0, ..Self::new(ssrc, clock_hz) }
    }

    /// SSRC of the stream.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Records a received packet.
    pub fn push(&mut self, now: Duration, header: &Header) -> Arrival {
        let arrival = self.place(header.sequence);
        match arrival {
            Arrival::Probation | Arrival::Outlier => return arrival,
            Arrival::Late => self.late += 1,
            Arrival::Advanced | Arrival::Restarted => {}
        }
        self.received += 1;
        self.update_jitter(now, header.timestamp);
        arrival
    }

    fn place(&mut self, sequence: u16) -> Arrival {
        if !self.started {
            self.started = true;
            self.begin(sequence);
            self.probation = self.probation.saturating_sub(1);
            return if self.probation == 0 { Arrival::Advanced } else { Arrival::Probation };
        }
        let ahead = distance_16(self.highest, sequence);
        if self.probation > 0 {
            self.probation = if ahead == 1 { self.probation - 1 } else { MIN_SEQUENTIAL - 1 };
            self.begin(sequence);
            return if self.probation == 0 { Arrival::Advanced } else { Arrival::Probation };
        }
        match ahead {
            1..MAX_DROPOUT => {
                if sequence < self.highest {
                    self.cycles = self.cycles.wrapping_add(1 << 16);
                }
                self.highest = sequence;
                self.after_jump = None;
                Arrival::Advanced
            }
            _ if (-MAX_MISORDER..=0).contains(&ahead) => Arrival::Late,
            _ if self.after_jump == Some(sequence) => {
                self.begin(sequence);
                self.restarts += 1;
                Arrival::Restarted
            }
            _ => {
                self.after_jump = Some(sequence.wrapping_add(1));
                self.outliers += 1;
                Arrival::Outlier
            }
        }
    }

    fn begin(&mut self, sequence: u16) {
        (self.highest, self.base, self.cycles) = (sequence, sequence.into(), 0);
        (self.after_jump, self.transit) = (None, None);
        (self.received, self.received_before, self.expected_before) = (0, 0, 0);
    }

    /// Appendix A.8.
    fn update_jitter(&mut self, now: Duration, timestamp: u32) {
        let ticks = now.as_nanos() * u128::from(self.clock_hz) / 1_000_000_000;
        // Times wrap modulo 2^32 like timestamps.
        let arrival = u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = distance_32(before, transit).unsigned_abs();
            let rounded = self.jitter.saturating_add(1 << (JITTER_SHIFT - 1)) >> JITTER_SHIFT;
            self.jitter = self.jitter.saturating_add(change).saturating_sub(rounded);
        }
    }

    /// Records a sender report of the stream, sent at `ntp` by the clock of the sender.
    pub fn on_sender_report(&mut self, now: Duration, ntp: u64) {
        self.sender_report = Some((now, ntp::middle(ntp)));
    }

    /// Returns the report block for a report sent at `now`, with the loss since the previous block
    /// and in total. `None` while the source is not valid.
    pub fn report(&mut self, now: Duration) -> Option<ReportBlock> {
        if !self.is_valid() {
            return None;
        }
        let expected = self.expected();
        let expected_since = expected.saturating_sub(self.expected_before);
        let received_since = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction_lost = (lost_since << 8).checked_div(expected_since).unwrap_or(0);
        let lost = i32::try_from(self.lost()).unwrap_or(i32::MAX);
        let (last_sender_report, delay_since_last) = self
            .sender_report
            .map_or((0, 0), |(came, middle)| (middle, ntp::short(now.saturating_sub(came))));
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction_lost).unwrap_or(u8::MAX),
            cumulative_lost: lost.clamp(-(1 << 23), (1 << 23) - 1),
            highest_sequence: self.highest_extended(),
            jitter: self.jitter >> JITTER_SHIFT,
            last_sender_report,
            delay_since_last,
        })
    }

    /// Whether the source is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.started && self.probation == 0
    }

    /// Extended highest sequence number: the wrap count above the low 16 bits.
    #[must_use]
    pub fn highest_extended(&self) -> u32 {
        self.cycles.wrapping_add(self.highest.into())
    }

    fn expected(&self) -> u64 {
        u64::from(self.highest_extended().wrapping_sub(self.base)) + 1
    }

    fn lost(&self) -> i64 {
        self.expected().cast_signed().saturating_sub(self.received.cast_signed())
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> ReceptionCounters {
        let (expected, lost) =
            if self.is_valid() { (self.expected(), self.lost()) } else { (0, 0) };
        let ticks = u64::from(self.jitter >> JITTER_SHIFT);
        ReceptionCounters {
            received: self.received,
            expected,
            lost,
            late: self.late,
            outliers: self.outliers,
            restarts: self.restarts,
            jitter: Duration::from_nanos(ticks * 1_000_000_000 / u64::from(self.clock_hz)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u32 = 8000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { sequence, timestamp, ..Header::default() }
    }

    fn feed(stats: &mut ReceptionStats, sequences: &[u16]) -> Vec<Arrival> {
        let push = |&sequence: &u16| stats.push(ms(0), &header(sequence, 0));
        sequences.iter().map(push).collect()
    }

    #[test]
    fn source_is_valid_after_two_consecutive_packets() {
        use Arrival::{Advanced, Probation};
        let mut stats = ReceptionStats::new(1, HZ);
        assert_eq!(feed(&mut stats, &[5, 100, 102]), [Probation; 3]);
        assert_eq!(stats.report(ms(0)), None);
        assert_eq!(feed(&mut stats, &[103, 105]), [Advanced; 2]);
        assert_eq!(stats.counters().received, 2);
        assert_eq!((stats.counters().expected, stats.counters().lost), (3, 1));
        let mut known = ReceptionStats::known(1, HZ);
        assert_eq!(feed(&mut known, &[5]), [Advanced]);
        assert_eq!(known.counters().expected, 1);
    }

    #[test]
    fn report_contains_fraction_and_cumulative_loss() {
        let mut stats = ReceptionStats::known(7, HZ);
        feed(&mut stats, &[65_533, 65_534, 1, 2]);
        let block = stats.report(ms(0)).unwrap();
        assert_eq!((block.ssrc, block.highest_sequence), (7, 0x1_0002));
        assert_eq!((block.cumulative_lost, block.fraction_lost), (2, 85));
        // Nothing arrived since.
        assert_eq!(stats.report(ms(0)).unwrap().fraction_lost, 0);
        // The lost packets arrive late: the loss decreases, and duplicates make it negative.
        assert_eq!(feed(&mut stats, &[65_535, 0, 2, 2, 3]), {
            use Arrival::{Advanced, Late};
            [Late, Late, Late, Late, Advanced]
        });
        let block = stats.report(ms(0)).unwrap();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (-2, 0));
        assert_eq!(stats.counters().late, 4);
    }

    #[test]
    fn jump_counts_only_if_the_next_packet_follows_it() {
        let mut stats = ReceptionStats::known(1, HZ);
        feed(&mut stats, &[1, 2, 3]);
        assert_eq!(feed(&mut stats, &[20_000, 4, 30_000, 40_000]), {
            use Arrival::{Advanced, Outlier};
            [Outlier, Advanced, Outlier, Outlier]
        });
        assert_eq!(stats.counters().expected, 4);
        assert_eq!(feed(&mut stats, &[40_001]), [Arrival::Restarted]);
        let counters = stats.counters();
        assert_eq!((counters.received, counters.expected, counters.lost), (1, 1, 0));
        assert_eq!((counters.outliers, counters.restarts), (3, 1));
    }

    #[test]
    fn jitter_follows_rfc3550_appendix_a8() {
        let mut stats = ReceptionStats::known(1, HZ);
        // Every 20 ms, alternately on time and 5 ms late: differences of 40 ticks.
        let mut expected = 0_i64;
        for index in 0..100_u16 {
            let late = if index % 2 == 1 { 5 } else { 0 };
            let at = ms(u64::from(index) * 20 + late);
            stats.push(at, &header(index, u32::from(index) * 160));
            if index > 0 {
                expected += 40 - ((expected + 8) >> 4);
            }
        }
        let block = stats.report(ms(2000)).unwrap();
        assert_eq!(i64::from(block.jitter), expected >> 4);
        assert!((38..=40).contains(&block.jitter));
        assert_eq!(stats.counters().jitter, Duration::from_micros(u64::from(block.jitter) * 125));
    }

    #[test]
    fn wrapping_timestamps_cause_no_jitter() {
        let mut stats = ReceptionStats::known(1, HZ);
        for index in 0..10_u16 {
            let timestamp = (u32::MAX - 400).wrapping_add(u32::from(index) * 160);
            stats.push(ms(u64::from(index) * 20), &header(index, timestamp));
        }
        assert_eq!(stats.report(ms(0)).unwrap().jitter, 0);
        // Extreme timestamps do not overflow.
        for index in 10..1000_u16 {
            stats.push(ms(200), &header(index, u32::from(index % 2) << 31));
        }
        assert!(stats.report(ms(0)).is_some());
    }

    #[test]
    fn report_contains_lsr_and_dlsr() {
        let mut stats = ReceptionStats::known(1, HZ);
        feed(&mut stats, &[1]);
        assert_eq!(stats.report(ms(0)).unwrap().last_sender_report, 0);
        stats.on_sender_report(ms(100), 0x0102_0304_0506_0708);
        let block = stats.report(ms(600)).unwrap();
        assert_eq!((block.last_sender_report, block.delay_since_last), (0x0304_0506, 1 << 15));
    }
}
