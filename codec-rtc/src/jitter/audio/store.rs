//! Packets that wait, by their timestamps.

use std::collections::BTreeMap;

use super::config::{MAX_PACKETS, MAX_SPAN};

/// A payload that waits. Times count ticks of the RTP clock, unwrapped.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub(super) timestamp: i64,
    /// Unwrapped; that of the packet which carried it.
    pub(super) sequence: i64,
    pub(super) payload_type: u8,
    pub(super) payload: Vec<u8>,
    /// When it arrived, in microseconds.
    pub(super) arrived_us: i64,
    /// Ticks that it lasts, as far as is known.
    pub(super) duration: i64,
    /// How many packets later it came than the payload itself would have: 0 for that itself.
    pub(super) redundancy: u8,
    /// Holds a coarse copy of the frame before.
    pub(super) has_fec: bool,
}

impl Waiting {
    /// Time after its last sample.
    pub(super) fn end(&self) -> i64 {
        self.timestamp.saturating_add(self.duration)
    }
}

/// What became of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It waits.
    New,
    /// It waits, in place of a redundant copy.
    Replaced,
    /// One as good waits already.
    Duplicate,
}

/// The waiting packets.
#[derive(Debug, Default)]
pub(super) struct Store {
    waiting: BTreeMap<i64, Waiting>,
    spare: Vec<Vec<u8>>,
}

impl Store {
    /// A payload for [`Self::insert`], in memory that is used again.
    pub(super) fn copy(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut memory = self.spare.pop().unwrap_or_default();
        memory.clear();
        memory.extend_from_slice(payload);
        memory
    }

    /// Takes the memory of a payload back.
    pub(super) fn recycle(&mut self, memory: Vec<u8>) {
        if self.spare.len() < 16 {
            self.spare.push(memory);
        }
    }

    pub(super) fn insert(&mut self, packet: Waiting) -> Inserted {
        let replaced = match self.waiting.get(&packet.timestamp) {
            Some(there) if there.redundancy <= packet.redundancy => {
                self.recycle(packet.payload);
                return Inserted::Duplicate;
            }
            there => there.is_some(),
        };
        if let Some(old) = self.waiting.insert(packet.timestamp, packet) {
            self.recycle(old.payload);
        }
        if replaced { Inserted::Replaced } else { Inserted::New }
    }

    /// Whether payload of that time waits.
    pub(super) fn has(&self, timestamp: i64) -> bool {
        self.waiting.contains_key(&timestamp)
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.waiting.first_key_value().map(|(_, packet)| packet)
    }

    /// The one after the first.
    pub(super) fn second(&self) -> Option<&Waiting> {
        self.waiting.values().nth(1)
    }

    pub(super) fn take_first(&mut self) -> Option<Waiting> {
        self.waiting.pop_first().map(|(_, packet)| packet)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes of all payloads.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.values().map(|packet| packet.payload.len()).sum()
    }

    /// Whether more waits than may; `clock_rate`: ticks per second.
    pub(super) fn is_overfull(&self, clock_rate: u32) -> bool {
        let span = match (self.waiting.first_key_value(), self.waiting.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last.saturating_sub(*first),
            _ => 0,
        };
        let most = i64::from(clock_rate).saturating_mul(MAX_SPAN.as_secs().cast_signed());
        self.waiting.len() > MAX_PACKETS || span > most
    }

    pub(super) fn clear(&mut self) {
        while let Some(packet) = self.take_first() {
            self.recycle(packet.payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp: i64, redundancy: u8) -> Waiting {
        Waiting { timestamp, redundancy, duration: 960, payload: vec![1], ..Waiting::default() }
    }

    #[test]
    fn the_payload_itself_replaces_its_copies_and_nothing_replaces_it() {
        let mut store = Store::default();
        assert_eq!(store.insert(packet(960, 2)), Inserted::New);
        assert_eq!(store.insert(packet(960, 2)), Inserted::Duplicate);
        assert_eq!(store.insert(packet(960, 1)), Inserted::Replaced);
        assert_eq!(store.insert(packet(960, 0)), Inserted::Replaced);
        assert_eq!(store.insert(packet(960, 0)), Inserted::Duplicate);
        assert_eq!(store.insert(packet(960, 1)), Inserted::Duplicate);
        assert_eq!(store.insert(packet(0, 0)), Inserted::New);
        assert_eq!(store.take_first().map(|packet| packet.timestamp), Some(0));
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn more_than_200_packets_or_5_seconds_are_too_much() {
        let mut store = Store::default();
        for at in 0..200 {
            store.insert(packet(at, 0));
            assert!(!store.is_overfull(48_000));
        }
        store.insert(packet(200, 0));
        assert!(store.is_overfull(48_000));
        store.clear();
        store.insert(packet(0, 0));
        store.insert(packet(5 * 48_000 + 1, 0));
        assert!(store.is_overfull(48_000));
    }
}
