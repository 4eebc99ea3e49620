//! Input: received packets.

use std::time::Duration;

use super::AudioBuffer;
use super::arrival::micros;
use super::config::MAX_PAYLOAD_BYTES;
use super::decoder::{PayloadInfo, PayloadUse};
use super::packet_buffer::{BufferedPayload, Inserted};
use crate::sequence::distance_16;

/// Maximum number of redundant payloads read per packet.
const MAX_REDUNDANT: usize = 8;

/// A packet later than the fastest by more than this belongs to another timeline.
const MAX_LATE_US: i64 = 5_000_000;

/// A packet earlier than the fastest by more than this belongs to another timeline.
const MAX_EARLY_US: i64 = 1_000_000;

/// A received packet: RTP header fields, payload, and redundant payloads from RED.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceivedAudio<'a> {
    /// SSRC; a change starts a new stream.
    pub ssrc: u32,
    /// Payload type of the payload itself, not of RED.
    pub payload_type: u8,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp of the payload.
    pub timestamp: u32,
    /// The primary payload: the last block in RED.
    pub payload: &'a [u8],
    /// Redundant payloads of the same type: timestamp offset in ticks before `timestamp`, and data
    /// (RFC 2198).
    pub redundant: &'a [(u32, &'a [u8])],
}

/// Result for a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    /// Buffered.
    Buffered,
    /// Its playout time has passed.
    Late,
    /// Already received.
    Duplicate,
    /// Empty, too long, of an unknown payload type, or malformed.
    Invalid,
    /// Timestamp or sequence number far from the others. The stream jumps there if the next packet
    /// follows it.
    OutOfRange,
}

impl AudioBuffer {
    /// Adds a packet that arrived at `now`.
    pub fn push(&mut self, now: Duration, packet: &ReceivedAudio<'_>) -> Pushed {
        let now_us = micros(now);
        self.stats.packets_received += 1;
        let pushed = self.take(now_us, packet);
        match pushed {
            Pushed::Buffered => {}
            Pushed::Late => self.stats.late_packets += 1,
            Pushed::Duplicate => self.stats.duplicate_packets += 1,
            Pushed::Invalid => self.stats.invalid_packets += 1,
            Pushed::OutOfRange => {}
        }
        if !matches!(pushed, Pushed::Buffered | Pushed::Invalid) {
            self.stats.packets_discarded += 1;
        }
        pushed
    }

    fn take(&mut self, now_us: i64, packet: &ReceivedAudio<'_>) -> Pushed {
        let Some((clock_rate, glance)) = self.inspect(packet.payload_type, packet.payload) else {
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
        if self.is_outlier(now_us, packet) {
            let follows = |last: u16| distance_16(last, packet.sequence) == 1;
            if !self.outlier.is_some_and(follows) {
                self.outlier = Some(packet.sequence);
                return Pushed::OutOfRange;
            }
            self.stats.restarts += 1;
            self.restart();
        }
        self.outlier = None;
        let timestamp = self.timestamp.unwrap(packet.timestamp);
        let sequence = self.sequence.unwrap(packet.sequence);
        let stored = self.store_payload(now_us, packet, sequence, (timestamp, glance));
        if self.newest_sequence != Some(sequence - 1) {
            self.expect_in_band_fec(now_us, timestamp, &glance);
        }
        self.newest_sequence = self.newest_sequence.max(Some(sequence));
        self.take_redundant(now_us, packet, sequence, timestamp);
        self.make_room();
        stored
    }

    /// Inspects a payload; `None` if its type is unknown or its size out of bounds.
    fn inspect(&mut self, payload_type: u8, payload: &[u8]) -> Option<(u32, PayloadInfo)> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD_BYTES {
            return None;
        }
        let format = self.format_of(payload_type)?;
        let glance = match &format.usage {
            PayloadUse::Audio(source) => source.inspect(payload, format.clock_rate),
            PayloadUse::ComfortNoise => PayloadInfo { is_dtx: true, ..PayloadInfo::default() },
        };
        Some((format.clock_rate, glance))
    }

    /// Whether the timestamp is inconsistent with the arrival time.
    fn is_outlier(&self, now_us: i64, packet: &ReceivedAudio<'_>) -> bool {
        let Some(base) = self.arrivals.base_us() else { return false };
        let media = self.media_us(self.timestamp.peek(packet.timestamp));
        let late = now_us.saturating_sub(media).saturating_sub(base);
        !(-MAX_EARLY_US..=MAX_LATE_US).contains(&late)
    }

    fn store_payload(
        &mut self,
        now_us: i64,
        packet: &ReceivedAudio<'_>,
        sequence: i64,
        (timestamp, glance): (i64, PayloadInfo),
    ) -> Pushed {
        let media_us = self.media_us(timestamp);
        if self.is_late(timestamp, glance.duration) {
            self.arrivals.available(now_us, media_us);
            return Pushed::Late;
        }
        if glance.has_fec {
            self.stats.fec_packets_received += 1;
        }
        let waiting = BufferedPayload {
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
            // The FEC data arrived first and was used.
            Inserted::Replaced => self.stats.fec_packets_discarded += 1,
            Inserted::Duplicate => return Pushed::Duplicate,
        }
        Pushed::Buffered
    }

    /// Records that a missing frame has become available as in-band FEC.
    fn expect_in_band_fec(&mut self, now_us: i64, timestamp: i64, glance: &PayloadInfo) {
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
        packet: &ReceivedAudio<'_>,
        sequence: i64,
        timestamp: i64,
    ) {
        let blocks = packet.redundant.iter().rev().take(MAX_REDUNDANT);
        for (index, &(offset, payload)) in blocks.enumerate() {
            let Some((_, glance)) = self.inspect(packet.payload_type, payload) else { continue };
            self.stats.fec_packets_received += 1;
            let timestamp = timestamp.saturating_sub(i64::from(offset));
            let useless = offset == 0
                || glance.is_invalid
                || self.is_late(timestamp, glance.duration)
                || self.store.has(timestamp)
                || self.decoded_to.is_none();
            let redundancy = u8::try_from(index + 1).unwrap_or(u8::MAX);
            let waiting = BufferedPayload {
                timestamp,
                sequence: sequence.saturating_sub(i64::from(redundancy)),
                payload_type: packet.payload_type,
                payload: if useless { Vec::new() } else { self.store.copy(payload) },
                arrived_us: now_us,
                duration: glance.duration,
                redundancy,
                // FEC inside redundant payloads is not counted.
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

    /// Whether the payload ends before the playout position.
    fn is_late(&self, timestamp: i64, duration: i64) -> bool {
        let end = timestamp.saturating_add(duration.max(1));
        self.decoded_to.is_some_and(|to| end <= to)
    }

    /// Drops the oldest packets if the buffer is full.
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

    /// Counts a buffered packet that is not played.
    pub(super) fn discard(&mut self, packet: BufferedPayload) {
        match packet.redundancy {
            0 => self.stats.packets_discarded += 1,
            _ => self.stats.fec_packets_discarded += 1,
        }
        self.store.recycle(packet.payload);
    }

    /// Continues with the first buffered packet, skipping any gap.
    pub(super) fn skip_to_first(&mut self) {
        let Some(first) = self.store.first() else { return };
        if self.decoded_to.is_some_and(|to| to < first.timestamp) {
            self.decoded_to = Some(first.timestamp);
            self.concealed_credit = 0;
            // The next audio does not continue the decoded audio.
            self.concealment.is_discontinuous = true;
        }
    }
}
