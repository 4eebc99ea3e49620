//! What came of a stream: validity of sequence numbers, losses, jitter. RFC 3550, appendices A.1, A.3
//! and A.8.

use std::time::Duration;

use super::ntp;
use crate::rtcp::ReportBlock;
use crate::rtp::Header;
use crate::sequence::{distance_16, distance_32};

/// Packets in a row that make a source valid.
const MIN_SEQUENTIAL: u8 = 2;
/// Longest gap that is still the same stream.
const MAX_DROPOUT: i16 = 3000;
/// Furthest back that a packet may come late.
const FURTHEST_BEHIND: i16 = -100;
/// Jitter is kept in sixteenths.
const JITTER_SHIFT: u32 = 4;

/// What a packet was to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The source is not yet held to be valid; the packet does not count.
    Probation,
    /// The next, or after a gap.
    Advanced,
    /// Late, or a second time.
    Behind,
    /// The source began again with other numbers; counts begin anew.
    Restarted,
    /// Far away from the others; does not count unless the next one follows it.
    Jumped,
}

/// Counts of a stream since it began or restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceptionCounters {
    /// Packets that came, duplicates too (getStats: `packetsReceived`).
    pub received: u64,
    /// Packets that should have come.
    pub expected: u64,
    /// The difference, negative with duplicates (getStats: `packetsLost`).
    pub lost: i64,
    /// Packets that came late or twice.
    pub behind: u64,
    /// Packets of numbers far away from the others.
    pub jumped: u64,
    /// How often the stream began again.
    pub restarts: u64,
    /// Interarrival jitter (getStats: `jitter`).
    pub jitter: Duration,
}

/// Statistics of one stream at its receiver.
#[derive(Clone, Debug)]
pub struct ReceptionStats {
    ssrc: u32,
    clock_hz: u32,
    probation: u8,
    started: bool,
    /// Highest number, and how often numbers wrapped, in units of 65536.
    highest: u16,
    cycles: u32,
    /// First number.
    base: u32,
    /// The number that would prove a jump to be a restart.
    after_jump: Option<u16>,
    received: u64,
    behind: u64,
    jumped: u64,
    restarts: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<u32>,
    /// In 1/16 ticks.
    jitter: u32,
    sender_report: Option<(Duration, u32)>,
}

impl ReceptionStats {
    /// For the stream `ssrc` with a clock of `clock_hz`, which is valid after two packets in a row.
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
            behind: 0,
            jumped: 0,
            restarts: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// For a stream that is known to be valid, for example by its description: its first packet
    /// counts.
    #[must_use]
    pub fn known(ssrc: u32, clock_hz: u32) -> Self {
        Self { probation: 0, ..Self::new(ssrc, clock_hz) }
    }

    /// The stream's source.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// A packet of the stream came.
    pub fn push(&mut self, now: Duration, header: &Header) -> Arrival {
        let arrival = self.place(header.sequence);
        match arrival {
            Arrival::Probation | Arrival::Jumped => return arrival,
            Arrival::Behind => self.behind += 1,
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
            FURTHEST_BEHIND..=0 => Arrival::Behind,
            _ if self.after_jump == Some(sequence) => {
                self.begin(sequence);
                self.restarts += 1;
                Arrival::Restarted
            }
            _ => {
                self.after_jump = Some(sequence.wrapping_add(1));
                self.jumped += 1;
                Arrival::Jumped
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
        // Times count modulo 2^32, as the timestamps do.
        let arrival = u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = distance_32(before, transit).unsigned_abs();
            let rounded = self.jitter.saturating_add(1 << (JITTER_SHIFT - 1)) >> JITTER_SHIFT;
            self.jitter = self.jitter.saturating_add(change).saturating_sub(rounded);
        }
    }

    /// A sender report of the stream's source came, made at `ntp` by the sender's clock.
    pub fn on_sender_report(&mut self, now: Duration, ntp: u64) {
        self.sender_report = Some((now, ntp::middle(ntp)));
    }

    /// The block for a report that leaves at `now`: what was lost since the block before, and in
    /// all. `None` while the source is not valid.
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

    /// Whether the source is held to be valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.started && self.probation == 0
    }

    /// The highest number so far, above its 16 bits how often they wrapped.
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

    /// Counts so far.
    #[must_use]
    pub fn counters(&self) -> ReceptionCounters {
        let (expected, lost) =
            if self.is_valid() { (self.expected(), self.lost()) } else { (0, 0) };
        let ticks = u64::from(self.jitter >> JITTER_SHIFT);
        ReceptionCounters {
            received: self.received,
            expected,
            lost,
            behind: self.behind,
            jumped: self.jumped,
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
    fn a_source_is_valid_after_two_packets_in_a_row() {
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
    fn losses_are_told_since_the_last_report_and_in_all() {
        let mut stats = ReceptionStats::known(7, HZ);
        feed(&mut stats, &[65_533, 65_534, 1, 2]);
        let block = stats.report(ms(0)).unwrap();
        assert_eq!((block.ssrc, block.highest_sequence), (7, 0x1_0002));
        assert_eq!((block.cumulative_lost, block.fraction_lost), (2, 85));
        // Nothing came since.
        assert_eq!(stats.report(ms(0)).unwrap().fraction_lost, 0);
        // The lost ones come late: fewer lost than before, and duplicates make it negative.
        assert_eq!(feed(&mut stats, &[65_535, 0, 2, 2, 3]), {
            use Arrival::{Advanced, Behind};
            [Behind, Behind, Behind, Behind, Advanced]
        });
        let block = stats.report(ms(0)).unwrap();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (-2, 0));
        assert_eq!(stats.counters().behind, 4);
    }

    #[test]
    fn a_jump_counts_only_when_the_next_packet_follows_it() {
        let mut stats = ReceptionStats::known(1, HZ);
        feed(&mut stats, &[1, 2, 3]);
        assert_eq!(feed(&mut stats, &[20_000, 4, 30_000, 40_000]), {
            use Arrival::{Advanced, Jumped};
            [Jumped, Advanced, Jumped, Jumped]
        });
        assert_eq!(stats.counters().expected, 4);
        assert_eq!(feed(&mut stats, &[40_001]), [Arrival::Restarted]);
        let counters = stats.counters();
        assert_eq!((counters.received, counters.expected, counters.lost), (1, 1, 0));
        assert_eq!((counters.jumped, counters.restarts), (3, 1));
    }

    #[test]
    fn jitter_is_that_of_the_appendix() {
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
    fn timestamps_that_wrap_make_no_jitter() {
        let mut stats = ReceptionStats::known(1, HZ);
        for index in 0..10_u16 {
            let timestamp = (u32::MAX - 400).wrapping_add(u32::from(index) * 160);
            stats.push(ms(u64::from(index) * 20), &header(index, timestamp));
        }
        assert_eq!(stats.report(ms(0)).unwrap().jitter, 0);
        // Absurd timestamps do not overflow.
        for index in 10..1000_u16 {
            stats.push(ms(200), &header(index, u32::from(index % 2) << 31));
        }
        assert!(stats.report(ms(0)).is_some());
    }

    #[test]
    fn the_last_sender_report_and_its_age_are_told() {
        let mut stats = ReceptionStats::known(1, HZ);
        feed(&mut stats, &[1]);
        assert_eq!(stats.report(ms(0)).unwrap().last_sender_report, 0);
        stats.on_sender_report(ms(100), 0x0102_0304_0506_0708);
        let block = stats.report(ms(600)).unwrap();
        assert_eq!((block.last_sender_report, block.delay_since_last), (0x0304_0506, 1 << 15));
    }
}
