//! VP8 depacketizer: packets in any order to frames in decoding order. RFC 7741, section 4.5.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CLOCK_HZ;
use super::descriptor::Descriptor;
use super::references::{Decodable, References};
use crate::rtp::{self, Malformed};
use crate::sequence::{MAX_DROPOUT, RestartDetector, Unwrapper16, Unwrapper32, wrap_16, wrap_32};

/// Maps RTP timestamps to the clock of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaClock {
    /// A reference timestamp.
    pub timestamp: u32,
    /// Deadline of a frame with that timestamp: when it is rendered, if available.
    pub due: Duration,
}

impl MediaClock {
    /// Deadline of a frame with an unwrapped timestamp. Negative times become 0.
    fn due(&self, timestamp: i64) -> Duration {
        const TICKS: i128 = CLOCK_HZ as i128;
        let ticks = i128::from(timestamp.saturating_sub(self.timestamp.into()));
        let nanos = i128::try_from(self.due.as_nanos()).unwrap_or(i128::MAX / 2)
            + (ticks * 1_000_000_000).div_euclid(TICKS);
        Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

/// Settings of a [`Depacketizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepacketizerConfig {
    /// Deadlines of frames.
    pub clock: MediaClock,
    /// How long to wait for missing packets after a gap became visible by a later packet, even past
    /// the deadline of the frame: the tolerated reordering or retransmission delay. Packets that
    /// are slow but not overtaken are waited for indefinitely.
    pub gap_timeout: Duration,
    /// Maximum number of buffered packets.
    pub max_packets: usize,
    /// Maximum size of the buffered packets in bytes.
    pub max_bytes: usize,
}

impl DepacketizerConfig {
    /// The given clock, a wait of 10 ms, 2048 packets and 8 MiB.
    #[must_use]
    pub fn new(clock: MediaClock) -> Self {
        let reorder_timeout = Duration::from_millis(10);
        Self { clock, gap_timeout: reorder_timeout, max_packets: 2048, max_bytes: 8 << 20 }
    }
}

/// Result for a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Buffered as part of a future frame.
    Buffered,
    /// Already received.
    Duplicate,
    /// Its frame was already emitted or abandoned.
    Late,
    /// Sequence number far from the previous ones; ignored unless the next packet follows it.
    OutOfRange,
}

/// How much of a frame is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All packets.
    Complete,
    /// The start, up to the first missing packet.
    Partial,
    /// The start is missing.
    MissingStart,
}

/// A complete or partial frame.
#[derive(Clone, Debug)]
pub struct AssembledFrame {
    /// Frame data up to the first missing packet.
    pub data: Vec<u8>,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Payload descriptor of the first packet received.
    pub descriptor: Descriptor,
    /// Whether it is a key frame; `false` if the start is missing.
    pub is_key: bool,
    /// How much of the frame is present.
    pub completeness: Completeness,
    /// Whether it decodes to the encoder's reconstruction, according to the descriptors.
    pub decodable: Decodable,
    /// Packets lost since the previous frame, including packets of this frame.
    pub missing_packets: u64,
    /// Whole frames lost since the previous frame, if `PictureID`s are present.
    pub missing_frames: u16,
    /// Packets of the frame received.
    pub packets: u32,
    /// Arrival of the first and the last of them.
    pub arrived: (Duration, Duration),
}

#[derive(Clone, Debug)]
struct Stored {
    descriptor: Descriptor,
    payload: Vec<u8>,
    timestamp: i64,
    marker: bool,
    arrived: Duration,
}

/// Packet counters of a [`Depacketizer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of `Pushed`")]
pub struct Counters {
    pub buffered: u64,
    pub duplicate: u64,
    pub late: u64,
    pub outliers: u64,
    /// Number of times that the buffer was cleared because it was full or the sequence numbers
    /// restarted.
    pub resets: u64,
}

/// Assembles VP8 packets into frames.
///
/// Frames are emitted in order of their sequence numbers. A complete frame is emitted immediately
/// if nothing is missing before it. An incomplete frame is abandoned when its deadline has passed
/// and the gap has been visible for longer than [`DepacketizerConfig::gap_timeout`]. A frame
/// without any packet is abandoned together with the next one.
#[derive(Debug)]
pub struct Depacketizer {
    config: DepacketizerConfig,
    packets: BTreeMap<i64, Stored>,
    bytes: usize,
    sequence: Unwrapper16,
    timestamps: Unwrapper32,
    /// First sequence number of the next frame.
    next: Option<i64>,
    has_emitted: bool,
    /// Timestamp of an abandoned frame whose packets may still arrive.
    abandoned: Option<i64>,
    /// Missing packets since the last emitted frame.
    missing: u64,
    restart: RestartDetector,
    references: References,
    counters: Counters,
}

impl Depacketizer {
    /// Creates a depacketizer without packets.
    #[must_use]
    pub fn new(config: DepacketizerConfig) -> Self {
        let mut timestamps = Unwrapper32::default();
        // The timestamp of the clock is the origin.
        timestamps.unwrap(config.clock.timestamp);
        Self {
            config,
            packets: BTreeMap::new(),
            bytes: 0,
            sequence: Unwrapper16::default(),
            timestamps,
            next: None,
            has_emitted: false,
            abandoned: None,
            missing: 0,
            restart: RestartDetector::default(),
            references: References::new(),
            counters: Counters::default(),
        }
    }

    /// Packet counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether the base layer is damaged, so that a key frame is needed.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        self.references.needs_key_frame()
    }

    /// Next expected sequence number; packets before it are no longer needed.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u16> {
        self.next.map(wrap_16)
    }

    /// Adds a packet that arrived at `now`.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet with a VP8 payload.
    pub fn push(&mut self, now: Duration, bytes: &[u8]) -> Result<Pushed, Malformed> {
        let packet = rtp::parse(bytes)?;
        let (descriptor, payload) = Descriptor::parse(packet.payload)?;
        if payload.is_empty() {
            return Err(Malformed::EmptyPayload);
        }
        let mut number = self.sequence.peek(packet.header.sequence);
        if self.next.is_some_and(|next| (number - next).abs() > MAX_DROPOUT) {
            if !self.restart.on_outlier(packet.header.sequence) {
                self.counters.outliers += 1;
                return Ok(Pushed::OutOfRange);
            }
            self.reset();
            number = self.sequence.peek(packet.header.sequence);
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
        let too_many = self.packets.len() >= self.config.max_packets
            || self.bytes + payload.len() > self.config.max_bytes;
        if too_many {
            self.reset();
            number = self.sequence.peek(packet.header.sequence);
            self.next = Some(number);
        }
        self.sequence.unwrap(packet.header.sequence);
        let timestamp = self.timestamps.unwrap(packet.header.timestamp);
        self.bytes += payload.len();
        self.counters.buffered += 1;
        let stored = Stored {
            descriptor,
            payload: payload.to_vec(),
            timestamp,
            marker: packet.header.marker,
            arrived: now,
        };
        self.packets.insert(number, stored);
        Ok(Pushed::Buffered)
    }

    /// Clears the buffer and the sequence numbering.
    fn reset(&mut self) {
        self.missing += 1;
        self.packets.clear();
        self.bytes = 0;
        self.sequence = Unwrapper16::default();
        self.next = None;
        self.abandoned = None;
        self.has_emitted = false;
        self.counters.resets += 1;
    }

    /// Returns the next frame that is complete, or abandoned by `now`.
    pub fn poll_frame(&mut self, now: Duration) -> Option<AssembledFrame> {
        while let Some(next) = self.next {
            self.skip_abandoned(next);
            let next = self.next?;
            let Some(first) = self.packets.get(&next) else {
                // The start is missing.
                let (&behind, stored) = self.packets.range(next..).next()?;
                if self.abandons_at(next, stored.timestamp) > now {
                    return None;
                }
                self.missing += number_between(next, behind);
                self.next = Some(behind);
                continue;
            };
            let timestamp = first.timestamp;
            if self.lacks_start(first) {
                // At the start of the stream, the first packet may be reordered rather than lost.
                if self.missing == 0 && self.abandons_at(next, timestamp) > now {
                    return None;
                }
                return Some(self.abandon(next, timestamp));
            }
            match self.run(next, timestamp) {
                Run::Complete { end } => return Some(self.take(next, end, Completeness::Complete)),
                Run::Open => return None,
                Run::Gap { at } => {
                    if self.abandons_at(at, timestamp) > now {
                        return None;
                    }
                    return Some(self.abandon(next, timestamp));
                }
            }
        }
        None
    }

    /// Deadline of the next call of [`Self::poll_frame`] if no packet arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let next = self.next?;
        let Some(first) = self.packets.get(&next) else {
            let (_, behind) = self.packets.range(next..).next()?;
            return Some(self.abandons_at(next, behind.timestamp));
        };
        if self.lacks_start(first) {
            return Some(self.abandons_at(next, first.timestamp));
        }
        match self.run(next, first.timestamp) {
            Run::Gap { at } => Some(self.abandons_at(at, first.timestamp)),
            Run::Complete { .. } => Some(Duration::ZERO),
            Run::Open => None,
        }
    }

    /// Flushes: emits remaining incomplete frames, since no more packets will arrive.
    pub fn finish(&mut self) -> Option<AssembledFrame> {
        if let Some(frame) = self.poll_frame(Duration::MAX) {
            return Some(frame);
        }
        // The remaining frame has no end.
        let next = self.next?;
        let timestamp = self.packets.get(&next)?.timestamp;
        Some(self.abandon(next, timestamp))
    }

    /// Whether the first packet of the frame is missing. Senders that never set S are tolerated as
    /// long as nothing is missing.
    fn lacks_start(&self, first: &Stored) -> bool {
        !first.descriptor.is_frame_start() && (self.missing > 0 || !self.has_emitted)
    }

    /// Deadline for the packet `missing` of, or before, a frame with this timestamp.
    fn abandons_at(&self, missing: i64, timestamp: i64) -> Duration {
        let later = self.packets.range(missing..).map(|(_, stored)| stored.arrived);
        let noticed = later.min().unwrap_or(Duration::MAX);
        noticed.saturating_add(self.config.gap_timeout).max(self.config.clock.due(timestamp))
    }

    /// Examines the packets of a frame from its first.
    fn run(&self, first: i64, timestamp: i64) -> Run {
        let mut at = first;
        loop {
            let Some(stored) = self.packets.get(&at) else {
                let is_gap = self.packets.range(at..).next().is_some();
                return if is_gap { Run::Gap { at } } else { Run::Open };
            };
            if stored.timestamp != timestamp {
                // The sender sets no markers.
                return Run::Complete { end: at };
            }
            at += 1;
            if stored.marker {
                return Run::Complete { end: at };
            }
        }
    }

    /// Skips remaining packets of an abandoned frame.
    fn skip_abandoned(&mut self, mut next: i64) {
        let Some(abandoned) = self.abandoned else { return };
        while let Some((&number, stored)) = self.packets.range(next..).next() {
            if stored.timestamp != abandoned {
                // Packets missing in between belong to either frame: the caller waits.
                return;
            }
            self.missing += number_between(next, number);
            self.remove(number);
            next = number + 1;
            self.next = Some(next);
        }
    }

    fn remove(&mut self, number: i64) -> Option<Stored> {
        let stored = self.packets.remove(&number)?;
        self.bytes -= stored.payload.len();
        Some(stored)
    }

    /// Abandons the frame that starts at or before `first`.
    fn abandon(&mut self, first: i64, timestamp: i64) -> AssembledFrame {
        let of_frame = self.packets.range(first..).take_while(|(_, s)| s.timestamp == timestamp);
        let end = of_frame.last().map_or(first, |(&number, _)| number + 1);
        let begins = self.packets.get(&first).is_some_and(|s| s.descriptor.is_frame_start());
        // More packets of it may arrive, unless packets of another frame are next.
        self.abandoned = Some(timestamp);
        let state = if begins { Completeness::Partial } else { Completeness::MissingStart };
        self.take(first, end, state)
    }

    /// Removes the packets of a frame and returns it.
    fn take(&mut self, first: i64, end: i64, completeness: Completeness) -> AssembledFrame {
        let mut frame = AssembledFrame {
            data: Vec::new(),
            timestamp: 0,
            descriptor: Descriptor::default(),
            is_key: false,
            completeness,
            decodable: Decodable::No,
            missing_packets: 0,
            missing_frames: 0,
            packets: 0,
            arrived: (Duration::MAX, Duration::ZERO),
        };
        let mut whole = completeness != Completeness::MissingStart;
        let gap = self.missing > 0;
        let mut missing = std::mem::take(&mut self.missing);
        for number in first..end {
            let Some(stored) = self.remove(number) else {
                whole = false;
                missing += 1;
                continue;
            };
            if frame.packets == 0 {
                frame.timestamp = wrap_32(stored.timestamp);
                frame.descriptor = stored.descriptor;
            }
            frame.packets += 1;
            let (earliest, latest) = frame.arrived;
            frame.arrived = (earliest.min(stored.arrived), latest.max(stored.arrived));
            if whole {
                frame.data.extend_from_slice(&stored.payload);
            }
        }
        frame.missing_packets = missing;
        // The first bit of a key frame is 0 (RFC 6386, section 9.1).
        frame.is_key = frame.data.first().is_some_and(|byte| byte & 1 == 0);
        frame.missing_frames =
            self.references.missing_before(frame.descriptor.picture_id).unwrap_or(0);
        let complete = completeness == Completeness::Complete;
        frame.decodable = self.references.record(&frame.descriptor, frame.is_key, complete, gap);
        if complete {
            self.abandoned = None;
        }
        self.next = Some(end);
        self.has_emitted = true;
        frame
    }
}

/// State of the packets of a frame.
enum Run {
    /// Complete, up to and excluding `end`.
    Complete { end: i64 },
    /// The rest has not arrived, nor anything later.
    Open,
    /// Packet `at` is missing while later ones are present.
    Gap { at: i64 },
}

fn number_between(from: i64, to: i64) -> u64 {
    u64::try_from(to - from).unwrap_or(0)
}

#[cfg(test)]
mod tests;
