//! Which packets are missing, and when they are asked for again (generic NACK, RFC 4585,
//! section 6.2.1).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sequence::{Unwrapper16, wrap_16};

/// Settings of a [`Nacker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackConfig {
    /// How long after a gap was noticed it may still be reordering, and nothing is asked for.
    pub wait: Duration,
    /// Until a packet that was asked for is asked for again: at least a round trip.
    pub retry: Duration,
    /// How long after it was noticed a packet is asked for: its deadline.
    pub give_up: Duration,
    /// Most times that a packet is asked for.
    pub max_tries: u32,
    /// Most packets that are missing at once; the oldest are forgotten first.
    pub max_missing: usize,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NackCounters {
    /// Packets that were asked for, each time counted.
    pub requests: u64,
    /// Missing packets that came, asked for or not.
    pub recovered: u64,
    /// Missing packets that were given up.
    pub given_up: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    noticed: Duration,
    due: Duration,
    tries: u32,
}

/// The receiver's side.
#[derive(Clone, Debug)]
pub struct Nacker {
    config: NackConfig,
    sequence: Unwrapper16,
    highest: Option<i64>,
    missing: BTreeMap<i64, Missing>,
    counters: NackCounters,
}

impl Nacker {
    /// Before the first packet.
    #[must_use]
    pub fn new(config: NackConfig) -> Self {
        Self {
            config,
            sequence: Unwrapper16::default(),
            highest: None,
            missing: BTreeMap::new(),
            counters: NackCounters::default(),
        }
    }

    /// A packet came.
    pub fn push(&mut self, now: Duration, sequence: u16) {
        let number = self.sequence.unwrap(sequence);
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return;
        };
        if number <= highest {
            self.counters.recovered += u64::from(self.missing.remove(&number).is_some());
            return;
        }
        let from = (highest + 1).max(number - i64::try_from(self.config.max_missing).unwrap_or(0));
        for missing in from..number {
            let due = now.saturating_add(self.config.wait);
            self.missing.insert(missing, Missing { noticed: now, due, tries: 0 });
        }
        while self.missing.len() > self.config.max_missing {
            self.missing.pop_first();
            self.counters.given_up += 1;
        }
        self.highest = Some(number);
    }

    /// Nothing before that number is wanted any more.
    pub fn forget_before(&mut self, sequence: u16) {
        let number = self.sequence.peek(sequence);
        let kept = self.missing.split_off(&number);
        self.counters.given_up += self.missing.len() as u64;
        self.missing = kept;
    }

    /// Appends the numbers that are to be asked for now.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<u16>) {
        let NackConfig { retry, give_up, max_tries, .. } = self.config;
        let counters = &mut self.counters;
        self.missing.retain(|&number, missing| {
            let over = now.saturating_sub(missing.noticed) >= give_up && give_up < Duration::MAX;
            if over || missing.tries >= max_tries && missing.due <= now {
                counters.given_up += 1;
                return false;
            }
            if missing.due <= now {
                missing.tries += 1;
                missing.due = now.saturating_add(retry);
                counters.requests += 1;
                out.push(wrap_16(number));
            }
            true
        });
    }

    /// When [`Self::poll`] is worth calling again.
    #[must_use]
    pub fn next_time(&self) -> Option<Duration> {
        let give_up = self.config.give_up;
        let time = |missing: &Missing| missing.due.min(missing.noticed.saturating_add(give_up));
        self.missing.values().map(time).min()
    }

    /// What was asked for so far.
    #[must_use]
    pub fn counters(&self) -> NackCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn nacker() -> Nacker {
        Nacker::new(NackConfig {
            wait: ms(5),
            retry: ms(100),
            give_up: ms(250),
            max_tries: 10,
            max_missing: 100,
        })
    }

    fn poll(nacker: &mut Nacker, now: Duration) -> Vec<u16> {
        let mut out = Vec::new();
        nacker.poll(now, &mut out);
        out
    }

    #[test]
    fn missing_packets_are_asked_for_again_until_their_deadline() {
        let mut it = nacker();
        it.push(ms(0), 65_534);
        it.push(ms(10), 1);
        assert_eq!(poll(&mut it, ms(14)), []);
        assert_eq!(it.next_time(), Some(ms(15)));
        assert_eq!(poll(&mut it, ms(15)), [65_535, 0]);
        assert_eq!(poll(&mut it, ms(114)), []);
        it.push(ms(114), 0);
        assert_eq!(poll(&mut it, ms(115)), [65_535]);
        assert_eq!(poll(&mut it, ms(259)), [65_535]);
        assert_eq!(poll(&mut it, ms(260)), []);
        assert_eq!(it.next_time(), None);
        let expected = NackCounters { requests: 4, recovered: 1, given_up: 1 };
        assert_eq!(it.counters(), expected);
    }

    #[test]
    fn what_was_only_overtaken_is_not_asked_for() {
        let mut it = nacker();
        it.push(ms(0), 10);
        it.push(ms(1), 12);
        it.push(ms(4), 11);
        assert_eq!(poll(&mut it, ms(100)), []);
        assert_eq!(it.counters().requests, 0);
    }

    #[test]
    fn jumps_are_bounded_and_forgotten_when_nobody_waits() {
        let mut it = nacker();
        it.push(ms(0), 0);
        it.push(ms(0), 30_000);
        assert_eq!(it.missing.len(), 100);
        it.forget_before(29_990);
        assert_eq!(poll(&mut it, ms(5)).len(), 10);
        it.forget_before(30_001);
        assert_eq!(it.next_time(), None);
    }
}
