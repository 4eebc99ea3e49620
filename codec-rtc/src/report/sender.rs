//! Sender reports: statistics at the sender, clock mapping at the receiver. RFC 3550, section
//! 6.4.1.

use std::time::Duration;

use super::ntp;
use crate::rtcp::SenderInfo;
use crate::sequence::distance_32;

/// A report older than the last by up to this was only reordered: 10 s in units of 2^-32 s.
const MAX_REORDERING: i64 = 10 << 32;

/// Statistics for sender reports of a stream.
#[derive(Clone, Copy, Debug)]
pub struct SenderReportStats {
    clock_hz: u32,
    packets: u64,
    bytes: u64,
    /// Capture time and timestamp of the last packet.
    last: Option<(Duration, u32)>,
}

impl SenderReportStats {
    /// Creates statistics for a stream with a clock of `clock_hz`.
    #[must_use]
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz: clock_hz.max(1), packets: 0, bytes: 0, last: None }
    }

    /// Records a sent packet with `payload_bytes` of payload; `timestamp` corresponds to the
    /// capture time `captured`.
    pub fn push(&mut self, captured: Duration, timestamp: u32, payload_bytes: usize) {
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(payload_bytes as u64);
        self.last = Some((captured, timestamp));
    }

    /// Returns the sender info for a report sent at `now`, given the NTP time at
    /// [`Duration::ZERO`]; `None` before the first packet.
    #[must_use]
    pub fn info(&self, now: Duration, ntp_at_zero: u64) -> Option<SenderInfo> {
        let (captured, timestamp) = self.last?;
        let ticks = |time: Duration| time.as_nanos() * u128::from(self.clock_hz) / 1_000_000_000;
        let passed = low_32(ticks(now)).wrapping_sub(low_32(ticks(captured)));
        Some(SenderInfo {
            ntp: ntp::at(ntp_at_zero, now),
            rtp_timestamp: timestamp.wrapping_add(passed),
            packet_count: low_32(self.packets.into()),
            octet_count: low_32(self.bytes.into()),
        })
    }

    /// Packets and payload bytes sent (`packetsSent` and `bytesSent` of getStats).
    #[must_use]
    pub fn sent(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }
}

fn low_32(number: u128) -> u32 {
    u32::try_from(number & u128::from(u32::MAX)).unwrap_or(0)
}

/// Maps RTP timestamps of a stream to NTP times of its sender, from the last sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderClock {
    clock_hz: u32,
    last: Option<(u64, u32)>,
}

impl SenderClock {
    /// Creates a mapping for a stream with a clock of `clock_hz`.
    #[must_use]
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz: clock_hz.max(1), last: None }
    }

    /// Updates the mapping from a sender report. A slightly older report is ignored as reordered; a
    /// much older one is used, since the sender's clock was set.
    pub fn push(&mut self, info: &SenderInfo) {
        let newer = |&(ntp, _): &(u64, u32)| {
            let later = info.ntp.wrapping_sub(ntp).cast_signed();
            !(-MAX_REORDERING..=0).contains(&later)
        };
        if info.ntp != 0 && self.last.as_ref().is_none_or(newer) {
            self.last = Some((info.ntp, info.rtp_timestamp));
        }
    }

    /// NTP time of `timestamp`; `None` before the first report.
    #[must_use]
    pub fn ntp_of(&self, timestamp: u32) -> Option<u64> {
        let (ntp, known) = self.last?;
        let ticks = i128::from(distance_32(known, timestamp));
        let steps = (ticks << 32).div_euclid(i128::from(self.clock_hz));
        // 31 bits of ticks and 32 of fraction.
        Some(ntp.wrapping_add_signed(i64::try_from(steps).unwrap_or(0)))
    }

    /// RTP timestamp of an NTP time; `None` before the first report.
    #[must_use]
    pub fn timestamp_of(&self, ntp: u64) -> Option<u32> {
        let (known, timestamp) = self.last?;
        let steps = i128::from(ntp.wrapping_sub(known).cast_signed());
        let ticks = (steps * i128::from(self.clock_hz) + (1 << 31)) >> 32;
        let low = ticks.rem_euclid(1 << 32);
        Some(timestamp.wrapping_add(u32::try_from(low).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn report_timestamp_matches_its_send_time() {
        let mut stats = SenderReportStats::new(90_000);
        assert_eq!(stats.info(ms(0), 0), None);
        stats.push(ms(900), u32::MAX - 8_999, 1000);
        stats.push(ms(900), u32::MAX - 8_999, 500);
        let info = stats.info(ms(1100), 5 << 32).unwrap();
        assert_eq!(info.rtp_timestamp, 9_000);
        assert_eq!((info.packet_count, info.octet_count), (2, 1500));
        assert_eq!(info.ntp, ntp::at(5 << 32, ms(1100)));
        // A report sent before the capture time of the packet.
        assert_eq!(stats.info(ms(800), 0).unwrap().rtp_timestamp, u32::MAX - 17_999);
    }

    #[test]
    fn timestamps_and_ntp_times_convert_both_ways() {
        let mut clock = SenderClock::new(48_000);
        assert_eq!((clock.ntp_of(0), clock.timestamp_of(0)), (None, None));
        let info = SenderInfo { ntp: 100 << 32, rtp_timestamp: 24_000, ..SenderInfo::default() };
        clock.push(&info);
        assert_eq!(clock.ntp_of(48_000), Some(201 << 31));
        assert_eq!(clock.ntp_of(0), Some(199 << 31));
        assert_eq!(clock.timestamp_of(99 << 32), Some(24_000_u32.wrapping_sub(48_000)));
        for timestamp in [0, 1, 12_345, 24_000, u32::MAX - 5] {
            assert_eq!(clock.timestamp_of(clock.ntp_of(timestamp).unwrap()), Some(timestamp));
        }
        clock.push(&SenderInfo { ntp: 99 << 32, rtp_timestamp: 7, ..info });
        assert_eq!(clock.ntp_of(24_000), Some(100 << 32));
        clock.push(&SenderInfo { ntp: 101 << 32, rtp_timestamp: 72_000, ..info });
        assert_eq!(clock.ntp_of(24_000), Some(100 << 32));
        clock.push(&SenderInfo { ntp: 50 << 32, rtp_timestamp: 7, ..info });
        assert_eq!(clock.ntp_of(7), Some(50 << 32));
    }
}
