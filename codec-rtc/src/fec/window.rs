//! FEC encoding for both formats: recently sent packets and their XOR.

use std::collections::VecDeque;

use super::mask::{MAX_GROUP, Pattern, masks};
use super::parity::{MAX_PACKET_BYTES, Parity};
use crate::rtp::{self, FIXED_HEADER_BYTES, WriteError};

/// The most recently sent media packets.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Sequence number and bytes; newest last.
    packets: VecDeque<(u16, Vec<u8>)>,
    /// Number of sequence numbers that a mask can span.
    reach: u16,
}

/// A repair packet before serialisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    /// Lowest sequence number covered.
    pub(super) base: u16,
    /// Bit i is sequence number `base + i`.
    pub(super) mask: u128,
    pub(super) parity: Parity,
}

impl Window {
    pub(super) fn new(reach: u16) -> Self {
        Self { packets: VecDeque::new(), reach }
    }

    /// Adds a sent packet.
    pub(super) fn push(&mut self, packet: &[u8]) -> Result<(), WriteError> {
        let sequence = rtp::parse(packet)?.header.sequence;
        if packet.len() > MAX_PACKET_BYTES {
            return Err(WriteError::TooMany {
                what: "bytes in a media packet",
                limit: MAX_PACKET_BYTES,
                actual: packet.len(),
            });
        }
        if self.packets.len() >= MAX_GROUP {
            self.packets.pop_front();
        }
        self.packets.push_back((sequence, packet.to_vec()));
        Ok(())
    }

    /// Returns repair packets for the newest `last` packets, limited to the span of a mask.
    pub(super) fn protect(&self, last: usize, repairs: usize, pattern: Pattern) -> Vec<Repair> {
        let Some(&(newest, _)) = self.packets.back() else { return Vec::new() };
        let first = self.packets.len().saturating_sub(last);
        let within = |sequence: u16| newest.wrapping_sub(sequence) < self.reach;
        let group: Vec<_> =
            self.packets.range(first..).filter(|(sequence, _)| within(*sequence)).collect();
        let masks = masks(group.len(), repairs, pattern);
        masks.iter().filter_map(|&mask| repair(&group, mask)).collect()
    }
}

/// XOR of the packets whose bit is set.
fn repair(group: &[&(u16, Vec<u8>)], mask: u128) -> Option<Repair> {
    let chosen = || {
        let bits = group.iter().enumerate().filter(move |(bit, _)| mask >> bit & 1 == 1);
        bits.map(|(_, packet)| *packet)
    };
    let newest = group.last()?.0;
    // The sequence number furthest before the newest, independent of order.
    let base = chosen().map(|(sequence, _)| *sequence).max_by_key(|it| newest.wrapping_sub(*it))?;
    let longest = chosen().map(|(_, bytes)| bytes.len()).max()?;
    let payload = vec![0; longest.saturating_sub(FIXED_HEADER_BYTES)];
    let mut repair = Repair { base, mask: 0, parity: Parity { payload, ..Parity::default() } };
    for (sequence, bytes) in chosen() {
        repair.mask |= 1 << sequence.wrapping_sub(base).min(127);
        repair.parity.add(bytes);
    }
    Some(repair)
}
