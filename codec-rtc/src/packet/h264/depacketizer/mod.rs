//! H.264 depacketizer: packets in any order to access units. RFC 6184, sections 5.8 and 7.1.

mod joined;

use std::collections::BTreeMap;

pub(crate) use self::joined::Joiner;
use super::Units;
use super::parameter_sets::ParameterSets;
use super::payload::Payload;
use super::unit::first_slice;
use super::{Counters, Pushed};
use crate::rtp::{self, Malformed};
use crate::sequence::{MAX_DROPOUT, RestartDetector, Unwrapper16, Unwrapper32, wrap_16, wrap_32};

/// Settings of a [`Depacketizer`].
#[derive(Clone, Debug)]
pub struct DepacketizerConfig {
    /// A missing packet is lost once this many packets behind it are buffered; default 32.
    pub reordering: usize,
    /// Maximum number of buffered packets; default 2048.
    pub max_packets: usize,
    /// Maximum size of the buffered packets in bytes; default 8 MiB.
    pub max_bytes: usize,
    /// Parameter sets from signalling; default none.
    pub parameter_sets: ParameterSets,
}

impl Default for DepacketizerConfig {
    fn default() -> Self {
        Self {
            reordering: 32,
            max_packets: 2048,
            max_bytes: 8 << 20,
            parameter_sets: ParameterSets::default(),
        }
    }
}

/// A complete or damaged access unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its NAL units in the byte stream format, without the damaged ones. Empty if all are damaged.
    pub data: Vec<u8>,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Whether it is an IDR picture whose parameter sets are known.
    pub is_key: bool,
    /// Whether no other picture references it.
    pub is_discardable: bool,
    /// Whether all its packets were received.
    pub is_complete: bool,
    /// Packets lost since the previous access unit, including packets of this one.
    pub missing_packets: u64,
    /// NAL units discarded because a part of them is missing.
    pub damaged_units: u32,
    /// Packets of the access unit received.
    pub packets: u32,
}

#[derive(Clone, Debug)]
struct Stored {
    payload: Vec<u8>,
    timestamp: i64,
    marker: bool,
}

impl Stored {
    /// The payload, which was validated when it arrived.
    fn parsed(&self) -> Option<Payload<'_>> {
        Payload::parse(&self.payload).ok()
    }

    /// Whether the content shows that the packet starts an access unit.
    fn shows_start(&self, sets: &ParameterSets) -> bool {
        self.parsed().is_some_and(|payload| payload.shows_start(sets))
    }
}

/// Assembles H.264 packets into access units.
///
/// Access units are emitted in order of their sequence numbers, as soon as they are complete and
/// nothing is missing before them. A missing packet counts as lost once enough later packets are
/// buffered; then the NAL unit of which it was a part is discarded, and the other NAL units of the
/// access unit are emitted, since slices are decodable independently.
#[derive(Debug)]
pub struct Depacketizer {
    config: DepacketizerConfig,
    packets: BTreeMap<i64, Stored>,
    bytes: usize,
    sequence: Unwrapper16,
    timestamps: Unwrapper32,
    /// First sequence number of the next access unit.
    next: Option<i64>,
    has_emitted: bool,
    /// Whether the start of the next access unit may be among the missing packets.
    start_unknown: bool,
    /// Missing packets since the last access unit.
    missing: u64,
    restart: RestartDetector,
    parameter_sets: ParameterSets,
    references_complete: bool,
    counters: Counters,
}

impl Depacketizer {
    /// Creates a depacketizer without packets.
    #[must_use]
    pub fn new(config: DepacketizerConfig) -> Self {
        Self {
            packets: BTreeMap::new(),
            bytes: 0,
            sequence: Unwrapper16::default(),
            timestamps: Unwrapper32::default(),
            next: None,
            has_emitted: false,
            start_unknown: true,
            missing: 0,
            restart: RestartDetector::default(),
            parameter_sets: config.parameter_sets.clone(),
            references_complete: false,
            counters: Counters::default(),
            config,
        }
    }

    /// Packet counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether a frame that others may reference is damaged since the last key frame, or no key frame was received.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        !self.references_complete
    }

    /// Next expected sequence number; packets before it are no longer needed.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u16> {
        self.next.map(wrap_16)
    }

    /// Size of the buffered packets in bytes.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a packet.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet with an H.264 payload of
    /// packetization modes 0 and 1.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Pushed, Malformed> {
        let packet = rtp::parse(bytes)?;
        if !packet.payload.is_empty() {
            Payload::parse(packet.payload)?;
        }
        let sequence = packet.header.sequence;
        let mut number = self.sequence.peek(sequence);
        if self.next.is_some_and(|next| (number - next).abs() > MAX_DROPOUT) {
            if !self.restart.on_outlier(sequence) {
                self.counters.outliers += 1;
                return Ok(Pushed::OutOfRange);
            }
            self.reset();
            number = self.sequence.peek(sequence);
        }
        self.restart.reset();
        let next = *self.next.get_or_insert(number);
        if number < next {
            if self.has_emitted {
                self.counters.late += 1;
                return Ok(Pushed::Late);
            }
            // Nothing was emitted yet, so this packet becomes the start.
            self.next = Some(number);
        }
        if self.packets.contains_key(&number) {
            self.counters.duplicate += 1;
            return Ok(Pushed::Duplicate);
        }
        if self.packets.len() >= self.config.max_packets
            || self.bytes + packet.payload.len() > self.config.max_bytes
        {
            self.reset();
            number = self.sequence.peek(sequence);
            self.next = Some(number);
        }
        self.sequence.unwrap(sequence);
        let timestamp = self.timestamps.unwrap(packet.header.timestamp);
        self.bytes += packet.payload.len();
        self.counters.buffered += 1;
        let payload = packet.payload.to_vec();
        self.packets.insert(number, Stored { payload, timestamp, marker: packet.header.marker });
        Ok(Pushed::Buffered)
    }

    /// Clears the buffer and the sequence numbering.
    fn reset(&mut self) {
        self.missing += 1;
        self.packets.clear();
        self.bytes = 0;
        self.sequence = Unwrapper16::default();
        self.next = None;
        self.has_emitted = false;
        self.start_unknown = true;
        self.counters.resets += 1;
    }

    /// Returns the next access unit that is complete, or whose missing packets are lost.
    pub fn poll_access_unit(&mut self) -> Option<AccessUnit> {
        self.poll(false)
    }

    /// Flushes: returns remaining access units, since no more packets will arrive.
    pub fn finish(&mut self) -> Option<AccessUnit> {
        self.poll(true)
    }

    /// `ends`: no more packets will arrive.
    fn poll(&mut self, ends: bool) -> Option<AccessUnit> {
        loop {
            let next = self.next?;
            let gives_up = ends || self.buffered_behind_gap(next) > self.config.reordering;
            // The first packets of the stream may be missing.
            let starts = ends || self.packets.len() > self.config.reordering;
            let (&first, stored) = self.packets.range(next..).next()?;
            let is_certain = first == next && !self.start_unknown
                || stored.shows_start(&self.config.parameter_sets);
            let is_padding = stored.payload.is_empty();
            if first > next && !gives_up || !is_certain && !is_padding && !starts {
                return None;
            }
            if first > next {
                self.missing += lost_between(next, first);
                self.start_unknown = true;
                self.pass(first);
            }
            if is_padding {
                // Padding is sent between access units.
                self.remove(first);
                self.pass(first + 1);
                continue;
            }
            let (end, is_ended) = self.end_of(first, gives_up, ends)?;
            return Some(self.take(first, end, is_certain && is_ended));
        }
    }

    /// Number of packets behind the first missing one.
    fn buffered_behind_gap(&self, next: i64) -> usize {
        let contiguous =
            (next..).zip(self.packets.keys()).take_while(|&(at, &number)| at == number);
        self.packets.len() - contiguous.count()
    }

    /// Returns the end of the access unit that starts at `first`, and whether its last packet is
    /// certainly present; `None` if packets of it may still arrive.
    fn end_of(&self, first: i64, gives_up: bool, ends: bool) -> Option<(i64, bool)> {
        let timestamp = self.packets.get(&first)?.timestamp;
        let mut at = first;
        for (&number, stored) in self.packets.range(first..) {
            if number != at && !gives_up {
                return None;
            }
            if stored.timestamp != timestamp {
                // The sender sets no markers, or the last packet is missing.
                return Some((at, number == at));
            }
            at = number + 1;
            if stored.marker {
                return Some((at, true));
            }
        }
        ends.then_some((at, false))
    }

    fn remove(&mut self, number: i64) -> Option<Stored> {
        let stored = self.packets.remove(&number)?;
        self.bytes -= stored.payload.len();
        Some(stored)
    }

    /// Continues with the packet `next`.
    fn pass(&mut self, next: i64) {
        self.next = Some(next);
        self.has_emitted = true;
    }

    /// Removes the packets of an access unit and returns it. `bounded`: its first and its last packet
    /// are present.
    fn take(&mut self, first: i64, end: i64, bounded: bool) -> AccessUnit {
        let mut unit = AccessUnit::default();
        let mut joiner = Joiner::default();
        let before = std::mem::take(&mut self.missing);
        let mut missing = 0;
        for number in first..end {
            let Some(stored) = self.remove(number) else {
                missing += 1;
                joiner.gap(&mut unit.data);
                continue;
            };
            unit.timestamp = wrap_32(stored.timestamp);
            unit.packets += 1;
            if let Some(payload) = stored.parsed() {
                joiner.append(payload, &mut unit.data);
            }
        }
        joiner.gap(&mut unit.data);
        unit.damaged_units = joiner.damaged;
        unit.missing_packets = before + missing;
        unit.is_complete = bounded && missing == 0 && joiner.damaged == 0;
        self.pass(end);
        self.start_unknown = false;
        self.finish_unit(&mut unit, before > 0);
        unit
    }

    /// Examines the slices of an access unit. `gap`: packets before it are missing.
    fn finish_unit(&mut self, unit: &mut AccessUnit, gap: bool) {
        self.parameter_sets.record(&unit.data);
        let slice = first_slice(&unit.data);
        unit.is_key = slice.is_some_and(|it| it.is_idr && self.parameter_sets.has(&it, [].iter()));
        unit.is_discardable = slice.is_some_and(|it| it.is_discardable);
        if unit.is_key {
            let sets = self.config.parameter_sets.missing_in(&unit.data);
            unit.data.splice(..0, sets.iter().copied());
            self.references_complete = unit.is_complete;
        } else if gap || !(unit.is_complete || unit.is_discardable) {
            self.references_complete = false;
        }
    }
}

impl AccessUnit {
    /// Iterates over the NAL units.
    pub fn units(&self) -> Units<'_> {
        Units::new(&self.data)
    }
}

fn lost_between(from: i64, to: i64) -> u64 {
    u64::try_from(to - from).unwrap_or(0)
}

#[cfg(test)]
mod tests;
