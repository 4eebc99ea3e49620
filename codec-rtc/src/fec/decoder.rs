//! The receiver's side of both formats: what is missing is made of the rest, again and again.

use std::collections::{HashMap, VecDeque};

use super::parity::{MAX_PACKET_BYTES, Parity};
use crate::rtp::{self, FIXED_HEADER_BYTES, Malformed};
use crate::sequence::{Unwrapper16, wrap_16};

/// What a decoder holds at most; the oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FecLimits {
    /// Media packets, of up to 2048 bytes.
    pub media_packets: usize,
    /// Repair packets that may still help.
    pub repair_packets: usize,
}

impl Default for FecLimits {
    /// 512 media packets, 64 repair packets.
    fn default() -> Self {
        Self { media_packets: 512, repair_packets: 64 }
    }
}

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FecCounters {
    /// Media packets that came.
    pub media: u64,
    /// Repair packets that came and were understood (`fecPacketsReceived` of getStats, with those
    /// that were not).
    pub repair: u64,
    /// Media packets that were made.
    pub recovered: u64,
    /// Repair packets of which nothing was missing, or nothing any more (`fecPacketsDiscarded`).
    pub not_needed: u64,
    /// Repair packets that were given up with more than one packet missing.
    pub given_up: u64,
    /// Repair packets that added up to no packet.
    pub nonsense: u64,
}

/// A repair packet that may still help.
#[derive(Clone, Debug)]
struct Pending {
    missing: Vec<i64>,
    /// Of the packets that are missing.
    parity: Parity,
}

/// Media packets and repair packets of one stream.
#[derive(Clone, Debug)]
pub(super) struct Solver {
    limits: FecLimits,
    ssrc: u32,
    sequence: Unwrapper16,
    media: HashMap<i64, Vec<u8>>,
    /// The order in which they came.
    order: VecDeque<i64>,
    pending: VecDeque<Pending>,
    pub(super) counters: FecCounters,
}

impl Solver {
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

    /// A media packet came; what can be made with it is appended.
    pub(super) fn push_media(
        &mut self,
        packet: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), Malformed> {
        let header = rtp::parse(packet)?.header;
        if header.ssrc != self.ssrc {
            return Err(Malformed::Field { what: "a packet of another source" });
        }
        if packet.len() > MAX_PACKET_BYTES {
            return Err(Malformed::Field { what: "a protected packet of more than 2048 bytes" });
        }
        let number = self.sequence.unwrap(header.sequence);
        if self.media.contains_key(&number) {
            return Ok(());
        }
        self.counters.media += 1;
        self.keep(number, packet.to_vec());
        self.solve(out);
        Ok(())
    }

    /// A repair packet came that covers these numbers; what can be made with it is appended.
    pub(super) fn push_repair(
        &mut self,
        covered: impl IntoIterator<Item = u16>,
        mut parity: Parity,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), Malformed> {
        let longest = MAX_PACKET_BYTES - FIXED_HEADER_BYTES;
        if parity.payload.len() > longest {
            return Err(Malformed::Field { what: "a repair packet of more than 2048 bytes" });
        }
        self.counters.repair += 1;
        let mut missing = Vec::new();
        for sequence in covered {
            if self.order.is_empty() && missing.is_empty() {
                // What comes first says where counting begins.
                self.sequence.unwrap(sequence);
            }
            let number = self.sequence.peek(sequence);
            match self.media.get(&number) {
                Some(packet) => parity.add(packet),
                None => missing.push(number),
            }
        }
        if missing.is_empty() {
            self.counters.not_needed += 1;
            return Ok(());
        }
        if self.pending.len() >= self.limits.repair_packets {
            self.pending.pop_front();
            self.counters.given_up += 1;
        }
        self.pending.push_back(Pending { missing, parity });
        self.solve(out);
        Ok(())
    }

    /// Remembers a packet and takes it out of what is pending.
    fn keep(&mut self, number: i64, packet: Vec<u8>) {
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

    /// Makes packets as long as a repair packet misses just one. Each round uses up one.
    fn solve(&mut self, out: &mut Vec<Vec<u8>>) {
        while let Some(at) = self.pending.iter().position(|pending| pending.missing.len() < 2) {
            let Some(pending) = self.pending.remove(at) else { return };
            let [number] = *pending.missing else {
                self.counters.not_needed += 1;
                continue;
            };
            match pending.parity.packet(wrap_16(number), self.ssrc) {
                Some(packet) => {
                    self.counters.recovered += 1;
                    self.keep(number, packet.clone());
                    out.push(packet);
                }
                None => self.counters.nonsense += 1,
            }
        }
    }
}
