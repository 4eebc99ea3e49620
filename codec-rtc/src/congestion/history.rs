//! History of sent packets: transport-wide sequence numbers, bytes in flight, and loss detection
//! with a reordering window in time (RFC 8985, section 6.2).

use std::collections::VecDeque;
use std::time::Duration;

use super::PacketKind;
use crate::sequence::{Unwrapper16, wrap_16};

/// Maximum number of packets tracked: half the unambiguous range of sequence numbers.
const MAX_PACKETS: usize = 16_384;
/// How long a packet is tracked.
const MAX_AGE: Duration = Duration::from_secs(10);
/// A packet without feedback for this long no longer counts as in flight.
const MAX_FLIGHT: Duration = Duration::from_secs(3);
/// Maximum reordering window.
const MAX_REORDERING: Duration = Duration::from_millis(250);

/// A sent packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) sequence: i64,
    pub(super) at: Duration,
    pub(super) bytes: u32,
    pub(super) kind: PacketKind,
    /// Probe cluster that it belongs to.
    pub(super) probe: Option<u32>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    /// Reported as not received; may still arrive.
    Missing,
    Lost,
    Received,
}

impl Sent {
    pub(super) fn wire_sequence(&self) -> u16 {
        wrap_16(self.sequence)
    }
}

/// The packets of the last seconds, ordered by sequence number.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    packets: VecDeque<Sent>,
    numbers: Unwrapper16,
    /// Number of packets at the front that are covered by feedback or expired.
    covered: usize,
    in_flight_bytes: u64,
    missing: Vec<i64>,
    /// Send time of the newest packet received.
    newest_received: Option<Duration>,
    reordering: Duration,
}

impl History {
    /// Records a packet. Returns `false` if its sequence number does not increase.
    pub(super) fn push(
        &mut self,
        at: Duration,
        sequence: u16,
        bytes: u32,
        kind: PacketKind,
        probe: Option<u32>,
    ) -> bool {
        let number = self.numbers.peek(sequence);
        if self.packets.back().is_some_and(|last| number <= last.sequence) {
            return false;
        }
        self.numbers.unwrap(sequence);
        while self.packets.len() >= MAX_PACKETS
            || self.packets.front().is_some_and(|first| at.saturating_sub(first.at) > MAX_AGE)
        {
            let Some(first) = self.packets.front().copied() else { break };
            self.cover(first.sequence);
            self.packets.pop_front();
            self.covered = self.covered.saturating_sub(1);
        }
        self.packets.push_back(Sent {
            sequence: number,
            at,
            bytes,
            kind,
            probe,
            fate: Fate::InFlight,
        });
        self.in_flight_bytes += u64::from(bytes);
        true
    }

    /// Records feedback on one packet. Returns the packet if it is newly known to have arrived.
    pub(super) fn report(&mut self, sequence: u16, arrived: bool) -> Option<Sent> {
        let number = self.numbers.peek(sequence);
        let index = self.find(number)?;
        self.cover(number);
        let packet = self.packets.get_mut(index)?;
        match (packet.fate, arrived) {
            (Fate::InFlight, false) => {
                packet.fate = Fate::Missing;
                self.missing.push(number);
                None
            }
            (Fate::Received, _) | (_, false) => None,
            (before, true) => {
                packet.fate = Fate::Received;
                let packet = *packet;
                if before == Fate::Lost {
                    // The packet was reordered rather than lost: widen the reordering window.
                    let late = self.newest_received.unwrap_or_default().saturating_sub(packet.at);
                    self.reordering = self.reordering.max(late).min(MAX_REORDERING);
                }
                let newest = self.newest_received.get_or_insert(packet.at);
                *newest = packet.at.max(*newest);
                Some(packet)
            }
        }
    }

    /// Removes and returns the packets now considered lost: missing, while packets sent later by
    /// more than the reordering window have arrived.
    pub(super) fn take_lost(&mut self) -> Vec<Sent> {
        let mut lost = Vec::new();
        let newest = self.newest_received.unwrap_or_default();
        let mut waiting = Vec::new();
        for number in std::mem::take(&mut self.missing) {
            let index = self.find(number);
            let Some(packet) = index.and_then(|index| self.packets.get_mut(index)) else {
                continue;
            };
            if packet.fate != Fate::Missing {
                continue;
            }
            if packet.at.saturating_add(self.reordering) <= newest {
                packet.fate = Fate::Lost;
                lost.push(*packet);
            } else {
                waiting.push(number);
            }
        }
        self.missing = waiting;
        lost
    }

    /// Expires packets sent too long ago to still expect feedback.
    pub(super) fn expire(&mut self, now: Duration) {
        let before = now.saturating_sub(MAX_FLIGHT);
        let count = self.packets.partition_point(|packet| packet.at < before);
        if let Some(last) = count.checked_sub(1).and_then(|index| self.packets.get(index)) {
            self.cover(last.sequence);
        }
    }

    /// Expires all packets: no feedback on them is expected any more.
    pub(super) fn cover_all(&mut self) {
        if let Some(last) = self.packets.back() {
            self.cover(last.sequence);
        }
    }

    /// Bytes of packets not covered by feedback.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes
    }

    /// Bytes of packets that were sent before `time` and are not covered by feedback.
    pub(super) fn in_flight_bytes_before(&self, time: Duration) -> u64 {
        let in_flight = self.packets.iter().skip(self.covered);
        in_flight.take_while(|packet| packet.at < time).map(|packet| u64::from(packet.bytes)).sum()
    }

    /// When the oldest packet in flight was sent.
    pub(super) fn oldest_in_flight(&self) -> Option<Duration> {
        self.packets.get(self.covered).map(|packet| packet.at)
    }

    /// The position of a packet.
    fn find(&self, number: i64) -> Option<usize> {
        let first = self.packets.front()?.sequence;
        // Almost all numbers follow each other.
        let near = usize::try_from(number.checked_sub(first)?).ok()?;
        if self.packets.get(near).is_some_and(|packet| packet.sequence == number) {
            return Some(near);
        }
        self.packets.binary_search_by_key(&number, |packet| packet.sequence).ok()
    }

    /// Marks packets up to `number` as no longer in flight.
    fn cover(&mut self, number: i64) {
        while let Some(packet) = self.packets.get(self.covered)
            && packet.sequence <= number
        {
            self.in_flight_bytes = self.in_flight_bytes.saturating_sub(u64::from(packet.bytes));
            self.covered += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn send(history: &mut History, at: u64, sequence: u16) -> bool {
        history.push(ms(at), sequence, 100, PacketKind::Media, None)
    }

    #[test]
    fn bytes_are_in_flight_until_a_report_covers_them() {
        let mut history = History::default();
        for (at, sequence) in [(0, 65_534), (10, 65_535), (20, 0), (30, 1)] {
            assert!(send(&mut history, at, sequence));
        }
        assert!(!send(&mut history, 40, 1), "twice");
        assert_eq!(history.in_flight_bytes(), 400);
        assert_eq!(history.report(0, true).map(|sent| sent.at), Some(ms(20)));
        assert_eq!(history.in_flight_bytes(), 100);
        assert_eq!(history.oldest_in_flight(), Some(ms(30)));
        assert_eq!(history.report(0, true), None, "reported twice");
        assert_eq!(history.report(500, true), None, "never sent");
        history.expire(ms(3031));
        assert_eq!((history.in_flight_bytes(), history.oldest_in_flight()), (0, None));
    }

    #[test]
    fn reordering_window_adapts_to_late_packets() {
        let mut history = History::default();
        for number in 0..6 {
            send(&mut history, 10 * u64::from(number), number);
        }
        history.report(0, true);
        history.report(1, false);
        assert!(history.take_lost().is_empty(), "nothing later has arrived");
        history.report(2, true);
        let lost: Vec<_> = history.take_lost().iter().map(Sent::wire_sequence).collect();
        assert_eq!(lost, [1]);
        // It arrives late: from now on the reordering window is 10 ms.
        assert!(history.report(1, true).is_some());
        history.report(3, false);
        history.report(4, true);
        assert_eq!(history.take_lost().len(), 1);
        send(&mut history, 65, 6);
        send(&mut history, 69, 7);
        history.report(5, true);
        history.report(6, false);
        history.report(7, true);
        assert!(history.take_lost().is_empty());
    }

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        for number in 0..50_000_u32 {
            send(&mut history, 1, wrap_16(number.into()));
        }
        assert_eq!(history.packets.len(), MAX_PACKETS);
        assert_eq!(history.in_flight_bytes(), 100 * MAX_PACKETS as u64);
        send(&mut history, 20_000, wrap_16(50_000));
        assert_eq!((history.packets.len(), history.in_flight_bytes()), (1, 100));
    }
}
