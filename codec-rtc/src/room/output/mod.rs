//! One stream to one viewer: a single SSRC whose sequence numbers and timestamps continue over all switches and pauses.

mod clock;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::layer_filter::Verdict;
use super::packet::MediaPacket;
use crate::forward::offsets::{Offsets, PictureIds};
use crate::packet::vp8::PictureId;
use crate::rtp::{self, FIXED_HEADER_BYTES, Header};
use crate::sequence::{distance_16, wrap_16};
use crate::shared_bytes::SharedBytes;
use clock::OutputClock;
pub(super) use clock::ticks;

const MARKER: u8 = 0x80;

/// Identity of a stream towards a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputConfig {
    /// SSRC.
    pub ssrc: u32,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// RTP clock rate in Hz: 90,000 for video.
    pub clock_hz: u32,
}

/// The numbers and timestamps of a stream towards a viewer, with which another source can continue it; see
/// [`Room::resume`](crate::room::Room::resume).
#[derive(Clone, Debug)]
pub struct ViewerOutput(pub(super) OutputStream);

/// A packet for the viewer: the packet of the source, with another header and numbers of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) header: Header,
    pub(super) packet: SharedBytes,
}

impl Written {
    /// The bytes of the packet.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        with_header(&self.packet, &self.header)
    }
}

/// The bytes of a packet with another fixed header. Extension and CSRCs stay.
pub(super) fn with_header(packet: &SharedBytes, header: &Header) -> Vec<u8> {
    let (mut bytes, mut fixed) = (packet.to_vec(), Vec::with_capacity(FIXED_HEADER_BYTES));
    rtp::write(header, &mut fixed);
    // The first byte has the flags for the parts that stay.
    for (place, byte) in bytes.iter_mut().zip(fixed).skip(1) {
        *place = byte;
    }
    bytes
}

/// A counter of the source that continues across sources.
#[derive(Clone, Copy, Debug)]
struct Counter {
    /// Distance of two values in 16 bits: 256 for counters of 8 bits, which are in the high byte.
    step: u16,
    offset: u16,
    last: Option<u16>,
    restarts: bool,
}

impl Counter {
    fn new(step: u16) -> Self {
        Self { step, offset: 0, last: None, restarts: false }
    }

    fn outgoing(&mut self, source: u16) -> u16 {
        if let Some(last) = self.last.filter(|_| self.restarts) {
            self.offset = last.wrapping_add(self.step).wrapping_sub(source);
        }
        self.restarts = false;
        let new = source.wrapping_add(self.offset);
        if self.last.is_none_or(|last| distance_16(last, new) > 0) {
            self.last = Some(new);
        }
        new
    }
}

/// Rewrites packets for one viewer.
#[derive(Clone, Debug)]
pub(super) struct OutputStream {
    config: OutputConfig,
    /// Added to the numbers of the source, so that they ascend across sources.
    shift: i64,
    /// Number of the first packet of the source after the last switch: earlier ones are too late.
    floor: i64,
    highest: i64,
    sequences: Offsets,
    ids: PictureIds,
    tl0: Counter,
    frame_numbers: Counter,
    clock: OutputClock,
}

impl OutputStream {
    pub(super) fn new(config: OutputConfig) -> Self {
        let mut sequences = Offsets::default();
        sequences.push(0, -i64::from(config.first_sequence));
        Self {
            config,
            shift: 0,
            floor: 0,
            highest: -1,
            sequences,
            ids: PictureIds::default(),
            tl0: Counter::new(256),
            frame_numbers: Counter::new(1),
            clock: OutputClock::new(config.clock_hz),
        }
    }

    pub(super) fn config(&self) -> OutputConfig {
        self.config
    }

    /// Sets the payload type of the next packets, 0..=127.
    pub(super) fn set_payload_type(&mut self, payload_type: u8) {
        self.config.payload_type = payload_type;
    }

    /// Time since the newest frame; `None` before the first.
    pub(super) fn elapsed(&self, now: Duration) -> Option<Duration> {
        self.clock.elapsed(now)
    }

    /// Continues with the source at its packet `first`. `source_now` is the source's timestamp at `now`.
    pub(super) fn switch(&mut self, now: Duration, first: i64, source_now: u32) {
        let sent = self.highest - self.sequences.latest();
        self.floor = self.highest + 1;
        self.shift = self.floor.saturating_sub(first);
        self.sequences.push(self.floor, self.floor - (sent + 1));
        self.ids.restart();
        self.tl0.restarts = true;
        self.frame_numbers.restarts = true;
        self.clock.switch(now, source_now);
    }

    /// Leaves a gap of one packet, so that the viewer does not take an incomplete frame for a complete
    /// one.
    pub(super) fn leave_gap(&mut self) {
        self.highest += 1;
    }

    /// Whether a packet of the source follows all others that were written or skipped.
    pub(super) fn is_newest(&self, packet: &MediaPacket) -> bool {
        packet.number.saturating_add(self.shift) > self.highest
    }

    /// Leaves no gap for a packet of the source that the viewer does not get.
    fn skip(&mut self, number: i64) {
        let number = number.saturating_add(self.shift);
        if number > self.highest {
            self.highest = number;
            self.sequences.push(number + 1, self.sequences.latest() + 1);
        }
    }

    /// Rewrites a packet of the current source; `None` if it is dropped. `timestamp`: its timestamp in
    /// the clock of the source.
    pub(super) fn write(
        &mut self,
        now: Duration,
        packet: &MediaPacket,
        verdict: Verdict,
        timestamp: u32,
    ) -> Option<Written> {
        let number = packet.number.saturating_add(self.shift);
        if number < self.floor {
            return None;
        }
        let id = packet.fields.picture_id.map(|(id, at)| (self.ids.number(id), id, at));
        if !verdict.passes {
            let closes = verdict.is_new_frame && packet.fields.closes_gaps;
            if let Some((number, ..)) = id.filter(|_| closes) {
                self.ids.close_gap(number);
            }
            self.skip(packet.number);
            return None;
        }
        self.highest = self.highest.max(number);
        let sequence = wrap_16(number - self.sequences.at(number)?);
        let timestamp = self.clock.outgoing(now, packet.timestamp, timestamp);
        let OutputConfig { ssrc, payload_type, .. } = self.config;
        let marker = verdict.marker || packet.data.get(1).is_some_and(|flags| flags & MARKER != 0);
        let payload_type = payload_type & 0x7f;
        let header = Header { marker, payload_type, sequence, timestamp, ssrc };
        // The positions of the fields are in the packet, and they have five bytes.
        let mut bytes = SharedBytes::new(Arc::clone(&packet.data));
        if let Some((number, id, at)) = id {
            match self.ids.outgoing(number, id) {
                PictureId::Short(id) => bytes.change(at, &[id]),
                PictureId::Long(id) => bytes.change(at, &(id | 0x8000).to_be_bytes()),
            };
        }
        if let Some((index, at)) = packet.fields.tl0_pic_idx {
            let [high, _] = self.tl0.outgoing(u16::from(index) << 8).to_be_bytes();
            bytes.change(at, &[high]);
        }
        if let Some((number, at)) = packet.fields.frame_number {
            bytes.change(at, &self.frame_numbers.outgoing(number).to_be_bytes());
        }
        Some(Written { header, packet: bytes })
    }
}
