//! FEC decoding for both formats: recovers missing packets iteratively.

use std::collections::{HashMap, VecDeque};

use super::parity::{MAX_PACKET_BYTES, Parity};
use crate::rtp::{self, FIXED_HEADER_BYTES, Malformed};
use crate::sequence::{Unwrapper16, wrap_16};

/// Memory limits of a decoder. The oldest entries are evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FecLimits {
    /// Media packets, each of up to 2048 bytes; at most 16,384, default 512.
    pub media_packets: usize,
    /// Repair packets with missing media packets; at most 1024, default 64.
    pub repair_packets: usize,
}

impl Default for FecLimits {
    /// 512 media packets, 64 repair packets.
    fn default() -> Self {
        Self { media_packets: 512, repair_packets: 64 }
    }
}

/// FEC counters of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FecCounters {
    /// Media packets received.
    pub media: u64,
    /// Valid repair packets received (`fecPacketsReceived` of getStats also counts invalid ones).
    pub repair: u64,
    /// Media packets recovered.
    pub recovered: u64,
    /// Repair packets with no media packet missing, at arrival or later (`fecPacketsDiscarded`).
    pub discarded: u64,
    /// Repair packets evicted with more than one media packet still missing.
    pub unrecovered: u64,
    /// Repair packets that produced an invalid packet.
    pub invalid: u64,
}

/// A repair packet with missing media packets.
#[derive(Clone, Debug)]
struct Pending {
    missing: Vec<i64>,
    /// XOR of the missing packets.
    parity: Parity,
}

/// Media and repair packets of one stream.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    limits: FecLimits,
    ssrc: u32,
    sequence: Unwrapper16,
    media: HashMap<i64, Vec<u8>>,
    /// Order of arrival.
    order: VecDeque<i64>,
    pending: VecDeque<Pending>,
    pub(super) counters: FecCounters,
}

impl Recovery {
    pub(super) fn new(ssrc: u32, limits: FecLimits) -> Self {
        let media_packets = limits.media_packets.clamp(1, 1 << 14);
        let repair_packets = limits.repair_packets.clamp(1, 1 << 10);
        Self {
            limits: FecLimits { media_packets, repair_packets },
            ssrc,
            sequence: Unwrapper16::default(),
            media: HashMap::new(),
            order: VecDeque::new(),
            pending: VecDeque::new(),
            counters: FecCounters::default(),
        }
    }

    /// Adds a media packet; appends packets that it allows to recover.
    pub(super) fn push_media(
        &mut self,
        packet: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), Malformed> {
        let header = rtp::parse(packet)?.header;
        if header.ssrc != self.ssrc {
            return Err(Malformed::Field { what: "the packet belongs to another SSRC" });
        }
        if packet.len() > MAX_PACKET_BYTES {
            return Err(Malformed::Field { what: "the media packet has more than 2048 bytes" });
        }
        let number = self.sequence.unwrap(header.sequence);
        if self.media.contains_key(&number) {
            return Ok(());
        }
        self.counters.media += 1;
        self.store(number, packet.to_vec());
        self.recover(out);
        Ok(())
    }

    /// Adds a repair packet for the sequence numbers `covered`; appends packets that it allows to
    /// recover.
    pub(super) fn push_repair(
        &mut self,
        covered: impl IntoIterator<Item = u16>,
        mut parity: Parity,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), Malformed> {
        let longest = MAX_PACKET_BYTES - FIXED_HEADER_BYTES;
        if parity.payload.len() > longest {
            return Err(Malformed::Field { what: "the repair packet has more than 2048 bytes" });
        }
        self.counters.repair += 1;
        let mut missing = Vec::new();
        for sequence in covered {
            if self.order.is_empty() && missing.is_empty() {
                // The first packet initialises the unwrapper.
                self.sequence.unwrap(sequence);
            }
            let number = self.sequence.peek(sequence);
            match self.media.get(&number) {
                Some(packet) => parity.add(packet),
                None => missing.push(number),
            }
        }
        if missing.is_empty() {
            self.counters.discarded += 1;
            return Ok(());
        }
        if self.pending.len() >= self.limits.repair_packets {
            self.pending.pop_front();
            self.counters.unrecovered += 1;
        }
        self.pending.push_back(Pending { missing, parity });
        self.recover(out);
        Ok(())
    }

    /// Stores a packet and removes it from pending repair packets.
    fn store(&mut self, number: i64, packet: Vec<u8>) {
        while self.order.len() >= self.limits.media_packets {
            if let Some(oldest) = self.order.pop_front() {
                self.media.remove(&oldest);
            }
        }
        for pending in &mut self.pending {
            if let Some(at) = pending.missing.iter().position(|&missing| missing == number) {
                pending.missing.swap_remove(at);
                pending.parity.add(&packet);
            }
        }
        self.order.push_back(number);
        self.media.insert(number, packet);
    }

    /// Recovers packets while a repair packet has exactly one missing packet. Each iteration
    /// consumes one repair packet.
    fn recover(&mut self, out: &mut Vec<Vec<u8>>) {
        while let Some(at) = self.pending.iter().position(|pending| pending.missing.len() < 2) {
            let Some(pending) = self.pending.remove(at) else { return };
            let [number] = *pending.missing else {
                self.counters.discarded += 1;
                continue;
            };
            match pending.parity.packet(wrap_16(number), self.ssrc) {
                Some(packet) => {
                    self.counters.recovered += 1;
                    self.store(number, packet.clone());
                    out.push(packet);
                }
                None => self.counters.invalid += 1,
            }
        }
    }
}
