//! Buffered packets, ordered by timestamp.

use std::collections::BTreeMap;

use super::config::{MAX_PACKETS, MAX_SPAN};

/// A buffered payload. Times are unwrapped RTP clock ticks.
#[derive(Clone, Debug, Default)]
pub(super) struct BufferedPayload {
    pub(super) timestamp: i64,
    /// Unwrapped sequence number of the packet that carried it.
    pub(super) sequence: i64,
    pub(super) payload_type: u8,
    pub(super) payload: Vec<u8>,
    /// Arrival time in microseconds.
    pub(super) arrived_us: i64,
    /// Duration in ticks, if known.
    pub(super) duration: i64,
    /// Distance in packets between the original and this redundant copy; 0 for the original.
    pub(super) redundancy: u8,
    /// Contains in-band FEC of the previous frame.
    pub(super) has_fec: bool,
}

impl BufferedPayload {
    /// Timestamp after the last sample.
    pub(super) fn end(&self) -> i64 {
        self.timestamp.saturating_add(self.duration)
    }
}

/// Result of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// Buffered.
    New,
    /// Buffered, replacing a redundant copy.
    Replaced,
    /// An equal or better copy is already buffered.
    Duplicate,
}

/// The buffered packets.
#[derive(Debug, Default)]
pub(super) struct PacketBuffer {
    payloads: BTreeMap<i64, BufferedPayload>,
    spare: Vec<Vec<u8>>,
}

impl PacketBuffer {
    /// Copies a payload for [`Self::insert`] into recycled memory.
    pub(super) fn copy(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut memory = self.spare.pop().unwrap_or_default();
        memory.clear();
        memory.extend_from_slice(payload);
        memory
    }

    /// Recycles the memory of a payload.
    pub(super) fn recycle(&mut self, memory: Vec<u8>) {
        if self.spare.len() < 16 {
            self.spare.push(memory);
        }
    }

    pub(super) fn insert(&mut self, packet: BufferedPayload) -> Inserted {
        let replaced = match self.payloads.get(&packet.timestamp) {
            Some(there) if there.redundancy <= packet.redundancy => {
                self.recycle(packet.payload);
                return Inserted::Duplicate;
            }
            there => there.is_some(),
        };
        if let Some(old) = self.payloads.insert(packet.timestamp, packet) {
            self.recycle(old.payload);
        }
        if replaced { Inserted::Replaced } else { Inserted::New }
    }

    /// Whether a payload with this timestamp is buffered.
    pub(super) fn has(&self, timestamp: i64) -> bool {
        self.payloads.contains_key(&timestamp)
    }

    pub(super) fn first(&self) -> Option<&BufferedPayload> {
        self.payloads.first_key_value().map(|(_, packet)| packet)
    }

    /// The second buffered packet.
    pub(super) fn second(&self) -> Option<&BufferedPayload> {
        self.payloads.values().nth(1)
    }

    pub(super) fn take_first(&mut self) -> Option<BufferedPayload> {
        self.payloads.pop_first().map(|(_, packet)| packet)
    }

    pub(super) fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Total size of all payloads in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.payloads.values().map(|packet| packet.payload.len()).sum()
    }

    /// Whether the buffer exceeds its limits, at `clock_rate` ticks per second.
    pub(super) fn is_overfull(&self, clock_rate: u32) -> bool {
        let span = match (self.payloads.first_key_value(), self.payloads.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last.saturating_sub(*first),
            _ => 0,
        };
        let most = i64::from(clock_rate).saturating_mul(MAX_SPAN.as_secs().cast_signed());
        self.payloads.len() > MAX_PACKETS || span > most
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

    fn packet(timestamp: i64, redundancy: u8) -> BufferedPayload {
        BufferedPayload {
            timestamp,
            redundancy,
            duration: 960,
            payload: vec![1],
            ..BufferedPayload::default()
        }
    }

    #[test]
    fn original_payload_replaces_redundant_copies() {
        let mut store = PacketBuffer::default();
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
    fn store_is_limited_to_200_packets_and_5_seconds() {
        let mut store = PacketBuffer::default();
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
