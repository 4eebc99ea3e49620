//! What comes in.

use std::time::Duration;

use super::AudioBuffer;
use super::arrival::micros;
use super::config::MAX_PAYLOAD_BYTES;
use super::source::{Glance, Meaning};
use super::store::{Inserted, Waiting};
use crate::sequence::distance_16;

/// Redundant payloads of one packet that are looked at.
const MAX_REDUNDANT: usize = 8;

/// A packet that comes so much later than the fastest belongs to another time line.
const LATEST_US: i64 = 5_000_000;

/// The same of one that comes so much earlier.
const EARLIEST_US: i64 = 1_000_000;

/// A packet: what the RTP header says, the payload, and those that RED brought along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Incoming<'a> {
    /// Synchronisation source; another one begins a new stream.
    pub ssrc: u32,
    /// Of the payload itself, not that of RED.
    pub payload_type: u8,
    /// Of the RTP packet.
    pub sequence: u16,
    /// Of the payload.
    pub timestamp: u32,
    /// The payload itself; RED's last block.
    pub payload: &'a [u8],
    /// Earlier payloads of the same type: how many ticks they lie before `timestamp`, and their
    /// bytes (RFC 2198).
    pub redundant: &'a [(u32, &'a [u8])],
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    /// It waits.
    Taken,
    /// Its time is over.
    Late,
    /// It came before.
    Duplicate,
    /// It is none: empty, too long, of an unknown type or damaged.
    Invalid,
    /// It lies far away from the others; the stream moves there if the next one does, too.
    Astray,
}

impl AudioBuffer {
    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, now: Duration, packet: &Incoming<'_>) -> Pushed {
        let now_us = micros(now);
        self.stats.packets_received += 1;
        let pushed = self.take(now_us, packet);
        match pushed {
            Pushed::Taken => {}
            Pushed::Late => self.stats.late_packets += 1,
            Pushed::Duplicate => self.stats.duplicate_packets += 1,
            Pushed::Invalid => self.stats.invalid_packets += 1,
            Pushed::Astray => {}
        }
        if !matches!(pushed, Pushed::Taken | Pushed::Invalid) {
            self.stats.packets_discarded += 1;
        }
        pushed
    }

    fn take(&mut self, now_us: i64, packet: &Incoming<'_>) -> Pushed {
        let Some((clock_rate, glance)) = self.glance(packet.payload_type, packet.payload) else {
            return Pushed::Invalid;
        };
        if glance.is_invalid {
            return Pushed::Invalid;
        }
        if self.ssrc != Some(packet.ssrc) || self.clock_rate != clock_rate {
            if self.ssrc.is_some() {
                self.stats.restarts += 1;
                self.restart();
            }
            self.ssrc = Some(packet.ssrc);
            self.clock_rate = clock_rate;
        }
        if self.is_astray(now_us, packet) {
            let follows = |last: u16| distance_16(last, packet.sequence) == 1;
            if !self.astray.is_some_and(follows) {
                self.astray = Some(packet.sequence);
                return Pushed::Astray;
            }
            self.stats.restarts += 1;
            self.restart();
        }
        self.astray = None;
        let timestamp = self.timestamp.unwrap(packet.timestamp);
        let sequence = self.sequence.unwrap(packet.sequence);
        let stored = self.store_payload(now_us, packet, sequence, (timestamp, glance));
        if self.newest_sequence != Some(sequence - 1) {
            self.expect_copy(now_us, timestamp, &glance);
        }
        self.newest_sequence = self.newest_sequence.max(Some(sequence));
        self.take_redundant(now_us, packet, sequence, timestamp);
        self.make_room();
        stored
    }

    /// What a payload is, if its type is known and its size within bounds.
    fn glance(&mut self, payload_type: u8, payload: &[u8]) -> Option<(u32, Glance)> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD_BYTES {
            return None;
        }
        let format = self.format_of(payload_type)?;
        let glance = match &format.meaning {
            Meaning::Coded(source) => source.glance(payload, format.clock_rate),
            Meaning::ComfortNoise => Glance { is_dtx: true, ..Glance::default() },
        };
        Some((format.clock_rate, glance))
    }

    /// Whether the timestamp has nothing to do with the time that has passed.
    fn is_astray(&self, now_us: i64, packet: &Incoming<'_>) -> bool {
        let Some(base) = self.arrivals.base_us() else { return false };
        let media = self.media_us(self.timestamp.peek(packet.timestamp));
        let late = now_us.saturating_sub(media).saturating_sub(base);
        !(-EARLIEST_US..=LATEST_US).contains(&late)
    }

    fn store_payload(
        &mut self,
        now_us: i64,
        packet: &Incoming<'_>,
        sequence: i64,
        (timestamp, glance): (i64, Glance),
    ) -> Pushed {
        let media_us = self.media_us(timestamp);
        if self.is_late(timestamp, glance.duration) {
            self.arrivals.available(now_us, media_us);
            return Pushed::Late;
        }
        if glance.has_fec {
            self.stats.fec_packets_received += 1;
        }
        let waiting = Waiting {
            timestamp,
            sequence,
            payload_type: packet.payload_type,
            payload: self.store.copy(packet.payload),
            arrived_us: now_us,
            duration: glance.duration,
            redundancy: 0,
            has_fec: glance.has_fec,
        };
        match self.store.insert(waiting) {
            Inserted::New => self.arrivals.available(now_us, media_us),
            // The copy has come first and is what counted.
            Inserted::Replaced => self.stats.fec_packets_discarded += 1,
            Inserted::Duplicate => return Pushed::Duplicate,
        }
        Pushed::Taken
    }

    /// A frame that is missing has come as a coarse copy: that is when it is available.
    fn expect_copy(&mut self, now_us: i64, timestamp: i64, glance: &Glance) {
        let before = timestamp.saturating_sub(glance.duration);
        let missing = !self.store.has(before) && !self.is_late(before, glance.duration);
        if glance.has_fec && missing && self.decoded_to.is_some() {
            let media_us = self.media_us(before);
            self.arrivals.available(now_us, media_us);
        }
    }

    fn take_redundant(
        &mut self,
        now_us: i64,
        packet: &Incoming<'_>,
        sequence: i64,
        timestamp: i64,
    ) {
        let blocks = packet.redundant.iter().rev().take(MAX_REDUNDANT);
        for (index, &(offset, payload)) in blocks.enumerate() {
            let Some((_, glance)) = self.glance(packet.payload_type, payload) else { continue };
            self.stats.fec_packets_received += 1;
            let timestamp = timestamp.saturating_sub(i64::from(offset));
            let useless = offset == 0
                || glance.is_invalid
                || self.is_late(timestamp, glance.duration)
                || self.store.has(timestamp)
                || self.decoded_to.is_none();
            let redundancy = u8::try_from(index + 1).unwrap_or(u8::MAX);
            let waiting = Waiting {
                timestamp,
                sequence: sequence.saturating_sub(i64::from(redundancy)),
                payload_type: packet.payload_type,
                payload: if useless { Vec::new() } else { self.store.copy(payload) },
                arrived_us: now_us,
                duration: glance.duration,
                redundancy,
                // Copies of copies are not counted.
                has_fec: false,
            };
            if useless || self.store.insert(waiting) == Inserted::Duplicate {
                self.stats.fec_packets_discarded += 1;
                continue;
            }
            let media_us = self.media_us(timestamp);
            self.arrivals.available(now_us, media_us);
        }
    }

    /// Whether all of a payload would have been played already.
    fn is_late(&self, timestamp: i64, duration: i64) -> bool {
        let end = timestamp.saturating_add(duration.max(1));
        self.decoded_to.is_some_and(|to| end <= to)
    }

    /// Drops the oldest packets where too many wait.
    fn make_room(&mut self) {
        let mut dropped = false;
        while self.store.is_overfull(self.clock_rate) {
            let Some(oldest) = self.store.take_first() else { break };
            self.discard(oldest);
            dropped = true;
        }
        if dropped {
            self.skip_to_first();
        }
    }

    /// Counts a waiting packet that is not played.
    pub(super) fn discard(&mut self, packet: Waiting) {
        match packet.redundancy {
            0 => self.stats.packets_discarded += 1,
            _ => self.stats.fec_packets_discarded += 1,
        }
        self.store.recycle(packet.payload);
    }

    /// Goes on with the first packet that waits, whatever lies between.
    pub(super) fn skip_to_first(&mut self) {
        let Some(first) = self.store.first() else { return };
        if self.decoded_to.is_some_and(|to| to < first.timestamp) {
            self.decoded_to = Some(first.timestamp);
            self.credit = 0;
            // What follows does not fit to what was decoded.
            self.state.is_cut = true;
        }
    }
}
