//! Arrival times of one sequence number space: packets not yet reported, and the most recent
//! reported ones.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rtcp::Ecn;
use crate::sequence::{Unwrapper16, wrap_16};

/// Maximum span of sequence numbers in a report.
pub(super) const MAX_SPAN: i64 = 16_384;
/// How long reported packets are kept, in case an earlier one arrives late.
const KEEP: Duration = Duration::from_millis(500);

/// Arrival of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) at: Duration,
    pub(super) ecn: Ecn,
}

/// Classification of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    New,
    /// Packets before it are missing.
    Gap,
    Duplicate,
    /// Too late to be reported.
    TooOld,
}

/// Content of a report: the first sequence number, then the arrival of each packet.
pub(super) type Taken = (u16, Vec<Option<Arrival>>);

/// Arrivals of one sequence number space.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    sequence: Unwrapper16,
    known: BTreeMap<i64, Arrival>,
    /// First sequence number of the next report; `None` before the first packet.
    start: Option<i64>,
    /// No arrival at or after this sequence number has been discarded.
    floor: i64,
    highest: i64,
    fresh: bool,
}

impl Arrivals {
    pub(super) fn push(&mut self, now: Duration, sequence: u16, ecn: Ecn) -> Pushed {
        let number = self.sequence.peek(sequence);
        let Some(start) = self.start else {
            self.sequence.unwrap(sequence);
            (self.start, self.floor, self.highest) = (Some(number), number - MAX_SPAN, number);
            self.known.insert(number, Arrival { at: now, ecn });
            self.fresh = true;
            return Pushed::New;
        };
        if number < self.floor || number <= self.highest - MAX_SPAN {
            return Pushed::TooOld;
        }
        if let Some(before) = self.known.get_mut(&number) {
            // A congestion mark on any copy counts (RFC 8888, section 3.1).
            if ecn == Ecn::CongestionExperienced {
                before.ecn = ecn;
            }
            return Pushed::Duplicate;
        }
        let gap = number > self.highest + 1;
        if number > self.highest {
            self.sequence.unwrap(sequence);
            self.highest = number;
        }
        self.known.insert(number, Arrival { at: now, ecn });
        let lowest = self.highest + 1 - MAX_SPAN;
        self.start = Some(start.min(number).max(lowest));
        while self.known.first_key_value().is_some_and(|(&first, _)| first < lowest) {
            self.known.pop_first();
        }
        self.floor = self.floor.max(lowest);
        self.fresh = true;
        if gap { Pushed::Gap } else { Pushed::New }
    }

    /// Whether a packet arrived since the last report.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Returns the content of the next report, if a packet arrived.
    pub(super) fn take(&mut self, now: Duration) -> Option<Taken> {
        let start = self.start.filter(|_| self.fresh)?;
        let index = |number: i64| usize::try_from(number - start).unwrap_or(0);
        let mut arrivals = vec![None; index(self.highest) + 1];
        for (&number, &arrival) in self.known.range(start..=self.highest) {
            if let Some(place) = arrivals.get_mut(index(number)) {
                *place = Some(arrival);
            }
        }
        let taken = (wrap_16(start), arrivals);
        (self.start, self.fresh) = (Some(self.highest + 1), false);
        while let Some(first) = self.known.first_entry() {
            if now.saturating_sub(first.get().at) <= KEEP {
                break;
            }
            self.floor = self.floor.max(*first.key() + 1);
            first.remove();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn push(arrivals: &mut Arrivals, at: u64, sequence: u16) -> Pushed {
        arrivals.push(ms(at), sequence, Ecn::NotCapable)
    }

    fn take(arrivals: &mut Arrivals, at: u64) -> Option<(u16, Vec<Option<u128>>)> {
        let (first, packets) = arrivals.take(ms(at))?;
        let times = packets.iter().map(|packet| packet.map(|it| it.at.as_millis()));
        Some((first, times.collect()))
    }

    #[test]
    fn each_report_continues_the_previous_one() {
        let mut it = Arrivals::default();
        assert_eq!(take(&mut it, 0), None);
        push(&mut it, 1, 65_534);
        assert_eq!(push(&mut it, 2, 0), Pushed::Gap);
        assert_eq!(take(&mut it, 3), Some((65_534, vec![Some(1), None, Some(2)])));
        assert_eq!(take(&mut it, 3), None);
        assert_eq!(push(&mut it, 4, 3), Pushed::Gap);
        assert_eq!(take(&mut it, 5), Some((1, vec![None, None, Some(4)])));
    }

    #[test]
    fn late_packet_repeats_the_reports_after_it() {
        let mut it = Arrivals::default();
        for (at, sequence) in [(1, 10), (2, 12), (3, 13)] {
            push(&mut it, at, sequence);
        }
        take(&mut it, 4);
        assert_eq!(push(&mut it, 5, 12), Pushed::Duplicate);
        assert!(!it.is_fresh());
        assert_eq!(push(&mut it, 6, 11), Pushed::New);
        assert_eq!(take(&mut it, 7), Some((11, vec![Some(6), Some(2), Some(3)])));
        // Half a second later, a report would contradict earlier ones.
        push(&mut it, 600, 20);
        take(&mut it, 600);
        assert_eq!(push(&mut it, 601, 9), Pushed::TooOld);
        assert_eq!(push(&mut it, 601, 14), Pushed::New);
    }

    #[test]
    fn packets_before_the_first_are_reported() {
        let mut it = Arrivals::default();
        push(&mut it, 1, 0);
        assert_eq!(push(&mut it, 2, 65_535), Pushed::New);
        assert_eq!(take(&mut it, 3), Some((65_535, vec![Some(2), Some(1)])));
    }

    #[test]
    fn sequence_jumps_are_bounded() {
        let mut it = Arrivals::default();
        let mut sequence = 0_u16;
        for step in 0..50 {
            push(&mut it, step, sequence);
            sequence = sequence.wrapping_add(if step % 2 == 0 { 32_767 } else { 1 });
        }
        let (_, packets) = it.take(ms(100)).unwrap();
        assert!(packets.len() <= usize::try_from(MAX_SPAN).unwrap());
        assert!(it.known.len() <= 2);
        for sequence in (0..=u16::MAX).rev() {
            push(&mut it, 100, sequence);
        }
        assert!(it.known.len() <= usize::try_from(MAX_SPAN).unwrap());
    }
}
