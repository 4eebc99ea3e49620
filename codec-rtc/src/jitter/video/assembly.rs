//! Assembly of packets, received in any order, into complete frames.

use std::collections::BTreeMap;
use std::time::Duration;

use super::content::{Content, Contents, Examined};
use super::frame::{FrameDependency, PacketInfo};
use super::layers::bit;
use crate::packet::VideoFormat;
use crate::packet::vp9::LayerFrame;
use crate::rtp::{self, Malformed};
use crate::sequence::{MAX_DROPOUT, RestartDetector, Unwrapper16, Unwrapper32, wrap_16};

/// Maximum number of buffered packets, and thus of packets per frame.
pub(super) const MAX_PACKETS: usize = 2048;
/// Maximum size of one frame in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 8 << 20;
/// Maximum total size of buffered payloads in bytes.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// Result for a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Buffered as part of a future frame.
    Buffered,
    /// Padding: has no payload, and only its sequence number counts.
    Padding,
    /// Already received.
    Duplicate,
    /// Its frame was already emitted or skipped.
    Late,
    /// Sequence number far from the previous ones; ignored unless the next packet follows it.
    OutOfRange,
}

/// A buffered packet.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) examined: Examined,
    payload: Vec<u8>,
    pub(super) timestamp: i64,
    marker: bool,
    pub(super) arrived: Duration,
    pub(super) info: PacketInfo,
    /// First sequence number of the frame, once all packets from there on are present.
    start: Option<i64>,
    /// State before a packet without payload, which is also the state after it.
    before: Before,
}

impl Stored {
    fn is_padding(&self) -> bool {
        self.payload.is_empty()
    }

    fn starts_frame(&self) -> bool {
        let dependency = self.frame_dependency();
        !self.is_padding()
            && (self.examined.shows_start || dependency.is_some_and(|it| it.starts_frame))
    }

    fn ends_frame(&self) -> bool {
        self.marker || self.frame_dependency().is_some_and(|it| it.ends_frame)
    }

    /// The state after it.
    fn after(&self, format: VideoFormat) -> Before {
        if self.is_padding() {
            return self.before;
        }
        if self.ends_frame() {
            // The next packet belongs to another frame, regardless of its timestamp.
            return Before::End;
        }
        let (start, can_end) = (self.start, self.can_end_frame(format));
        Before::Frame { start, timestamp: self.timestamp, can_end }
    }

    /// Whether its frame may end with it although its sender did not mark it as the last packet. Every
    /// format has a mark, but some senders of H.264 omit it; without it, other senders cut the frame, for
    /// example because a key frame was requested in the meantime.
    fn can_end_frame(&self, format: VideoFormat) -> bool {
        match format {
            VideoFormat::Vp8 => false,
            VideoFormat::Vp9 => self.examined.layer_place().is_some_and(|(.., ends)| ends),
            VideoFormat::H264 => self.frame_dependency().is_none(),
        }
    }

    /// The Dependency Descriptor, if it describes whole frames. The descriptors of VP9 describe layer frames.
    fn frame_dependency(&self) -> Option<FrameDependency> {
        self.info.dependency.filter(|_| !self.examined.is_layer_frame())
    }
}

/// All packets of a frame.
#[derive(Clone, Debug)]
pub(super) struct Assembled {
    pub(super) data: Vec<u8>,
    /// Layer frames of VP9.
    pub(super) layers: Vec<LayerFrame>,
    pub(super) first: Stored,
    pub(super) arrived: (Duration, Duration),
    pub(super) packets: u32,
    pub(super) recovered: u32,
    /// Capture time from the last packet that has one.
    pub(super) captured: Option<u64>,
}

/// Packet counters of the frame buffer, which holds at most 2048 packets and 16 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounters {
    /// Packets buffered for future frames.
    pub buffered: u64,
    /// Packets without payload.
    pub padding: u64,
    /// Duplicate packets.
    pub duplicate: u64,
    /// Packets whose frame was already emitted or skipped.
    pub late: u64,
    /// Outliers, with a sequence number far from the previous ones.
    pub outliers: u64,
    /// Number of times that the buffer was cleared because it was full or the sequence numbers
    /// restarted.
    pub resets: u64,
}

/// Buffered packets and the complete frames among them.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) contents: Contents,
    packets: BTreeMap<i64, Stored>,
    /// First sequence number of each complete frame, and the number after its last.
    complete: BTreeMap<i64, i64>,
    bytes: usize,
    sequence: Unwrapper16,
    timestamps: Unwrapper32,
    highest: Option<i64>,
    /// Packets before this were emitted or skipped.
    next: Option<i64>,
    has_emitted: bool,
    /// Timestamp of the last superframe that was emitted without all its packets.
    cut: Option<i64>,
    restart: RestartDetector,
    pub(super) counters: PacketCounters,
}

/// Result of adding a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inserted {
    pub(super) pushed: Pushed,
    /// Set if the packet was reordered: time since the first later packet arrived.
    pub(super) reordered_by: Option<Duration>,
    /// Set if the buffer was cleared: number of complete frames dropped.
    pub(super) overflowed: Option<u64>,
}

/// State of the packet before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// An unknown packet.
    Unknown,
    /// The end of a frame.
    End,
    /// A packet of a frame.
    Frame {
        /// First sequence number of the frame, if known.
        start: Option<i64>,
        timestamp: i64,
        /// Whether the frame may end here.
        can_end: bool,
    },
}

/// A superframe with missing packets, whose lowest layer frame is complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial {
    /// Its first sequence number, and the one after its last packet.
    pub(super) start: i64,
    pub(super) end: i64,
    /// Set of its complete layer frames, which includes the lowest one.
    pub(super) layers: u8,
    /// When the first loss became visible by a later packet.
    pub(super) seen: Duration,
    /// Whether the sender omitted the rest: the packets of the next frame follow without a gap.
    pub(super) is_cut: bool,
}

/// Why a frame with all packets is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    TooLarge,
    Malformed,
}

impl Assembly {
    pub(super) fn new(format: VideoFormat) -> Self {
        Self { contents: Contents::new(format), ..Self::default() }
    }

    /// Adds a packet that arrived at `now`.
    pub(super) fn push(
        &mut self,
        now: Duration,
        bytes: &[u8],
        info: PacketInfo,
    ) -> Result<Inserted, Malformed> {
        let packet = rtp::parse(bytes)?;
        let (examined, payload) = self.contents.examine(packet.payload)?;
        let mut taken = Inserted { pushed: Pushed::Buffered, reordered_by: None, overflowed: None };
        let sequence = packet.header.sequence;
        if self.is_outlier(sequence) {
            if !self.restart.on_outlier(sequence) {
                self.counters.outliers += 1;
                taken.pushed = Pushed::OutOfRange;
                return Ok(taken);
            }
            taken.overflowed = Some(self.reset());
        }
        self.restart.reset();
        let number = self.sequence.peek(sequence);
        let next = *self.next.get_or_insert(number);
        if number < next {
            if self.has_emitted {
                self.counters.late += 1;
                taken.pushed = Pushed::Late;
                return Ok(taken);
            }
            // Nothing was emitted yet, so this packet becomes the start.
            self.next = Some(number);
        }
        if self.packets.contains_key(&number) {
            self.counters.duplicate += 1;
            taken.pushed = Pushed::Duplicate;
            return Ok(taken);
        }
        let too_many = self.packets.len() >= MAX_PACKETS || self.bytes + payload.len() > MAX_BYTES;
        if too_many {
            taken.overflowed = Some(self.reset());
            self.next = Some(self.sequence.peek(sequence));
        }
        let number = self.sequence.unwrap(sequence);
        let timestamp = self.timestamps.unwrap(packet.header.timestamp);
        // The rest of a superframe that was emitted is not another frame.
        let is_rest = self.cut == Some(timestamp) && !examined.shows_start;
        let payload = if is_rest { &[] } else { payload };
        if self.highest.is_some_and(|highest| number < highest) {
            taken.reordered_by = self.noticed(number).map(|at| now.saturating_sub(at));
        }
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        self.bytes += payload.len();
        if is_rest {
            self.counters.late += 1;
            taken.pushed = Pushed::Late;
        } else if payload.is_empty() {
            self.counters.padding += 1;
            taken.pushed = Pushed::Padding;
        } else {
            self.counters.buffered += 1;
        }
        let stored = Stored {
            examined,
            payload: payload.to_vec(),
            timestamp,
            marker: packet.header.marker,
            arrived: now,
            info,
            start: None,
            before: Before::Unknown,
        };
        self.packets.insert(number, stored);
        self.connect(number);
        Ok(taken)
    }

    fn is_outlier(&self, sequence: u16) -> bool {
        let number = self.sequence.peek(sequence);
        self.highest.is_some_and(|highest| (number - highest).abs() > MAX_DROPOUT)
    }

    /// Clears the buffer and the sequence numbering; returns the number of complete frames dropped.
    fn reset(&mut self) -> u64 {
        let frames = self.complete.len() as u64;
        self.packets.clear();
        self.complete.clear();
        self.bytes = 0;
        self.sequence = Unwrapper16::default();
        (self.highest, self.next, self.has_emitted) = (None, None, false);
        self.cut = None;
        self.counters.resets += 1;
        frames
    }

    /// Extends the frame of a new packet as far as its packets are contiguous.
    fn connect(&mut self, number: i64) {
        let format = self.contents.format;
        let is_marked = format == VideoFormat::Vp8;
        let mut before = match self.packets.get(&(number - 1)) {
            Some(it) => it.after(format),
            // Everything before the next packet was emitted or skipped.
            None if self.has_emitted && self.next == Some(number) => Before::End,
            None => Before::Unknown,
        };
        let mut at = number;
        while let Some(stored) = self.packets.get_mut(&at) {
            if stored.is_padding() {
                // Padding is sent between frames or within them, and FEC packets where their queue has them.
                stored.before = before;
                at += 1;
                continue;
            }
            let mut continues = None;
            if let Before::Frame { start, timestamp, can_end } = before {
                if timestamp == stored.timestamp {
                    continues = Some(start);
                } else if let Some(start) = start.filter(|_| can_end) {
                    // The sender set no marker on the previous packet.
                    self.complete.entry(start).or_insert(at);
                }
            }
            if at != number && stored.start.is_some() {
                let Some(Some(_)) = continues.filter(|_| !is_marked) else { return };
                // A packet before what appeared to be the start of the frame.
                stored.start.and_then(|start| self.complete.remove(&start));
            }
            let starts = match (is_marked, continues) {
                (true, _) => stored.starts_frame(),
                // A start is known by the packet before it.
                (false, Some(_)) => false,
                (false, None) => stored.starts_frame() || before != Before::Unknown,
            };
            stored.start = if starts { Some(at) } else { continues.flatten() };
            before = stored.after(format);
            match (stored.start, before) {
                (Some(start), Before::End) => _ = self.complete.insert(start, at + 1),
                (None, Before::Unknown | Before::Frame { .. }) => return,
                _ => {}
            }
            at += 1;
        }
    }

    /// Number of buffered packets.
    pub(super) fn buffered_packets(&self) -> usize {
        self.packets.len()
    }

    /// Next expected sequence number.
    pub(super) fn next_sequence(&self) -> Option<u16> {
        self.next.map(wrap_16)
    }

    /// Next expected sequence number, unwrapped; skips packets without payload, which follow a frame.
    pub(super) fn next(&mut self) -> Option<i64> {
        let mut next = self.next?;
        while self.has_emitted && self.packets.get(&next).is_some_and(Stored::is_padding) {
            self.packets.remove(&next);
            next += 1;
            self.next = Some(next);
        }
        Some(next)
    }

    /// First complete frame, if there are more than `most`.
    pub(super) fn first_beyond(&self, most: usize) -> Option<i64> {
        let (&start, _) = self.complete.first_key_value()?;
        (self.complete.len() > most).then_some(start)
    }

    /// Complete frames in order: first sequence number and first packet.
    pub(super) fn complete(&self) -> impl Iterator<Item = (i64, &Stored, Content)> {
        let first = |(&start, &end): (&i64, &i64)| {
            Some((start, self.packets.get(&start)?, self.content(start, end)))
        };
        self.complete.iter().filter_map(first)
    }

    /// Properties of a complete frame.
    fn content(&self, start: i64, end: i64) -> Content {
        let packets = self.packets.range(start..end);
        self.contents.of_frame(packets.map(|(_, stored)| &stored.examined))
    }

    /// The first superframe, if packets of its upper layers are missing (VP9).
    pub(super) fn partial(&self) -> Option<Partial> {
        let next = self.next?;
        let (&start, first) = self.packets.range(next..).find(|(_, it)| !it.is_padding())?;
        let is_layered = first.examined.is_layer_frame() && first.starts_frame();
        if !is_layered || self.complete.contains_key(&start) {
            return None;
        }
        let (mut layers, mut open) = (0, None);
        let (mut end, mut hole) = (start, None);
        for (&number, stored) in self.packets.range(start..) {
            if stored.is_padding() {
                end += i64::from(number == end);
                continue;
            }
            if stored.timestamp != first.timestamp {
                break;
            }
            if number != end {
                hole.get_or_insert(end);
                open = None;
            }
            end = number + 1;
            let (spatial_id, starts, ends) = stored.examined.layer_place()?;
            if starts {
                open = Some(spatial_id);
            }
            if ends && open.take() == Some(spatial_id) {
                layers |= bit(spatial_id);
            }
            if stored.marker {
                break;
            }
        }
        let lowest = first.examined.layer_place().map_or(0, |(spatial_id, ..)| bit(spatial_id));
        let is_cut = hole.is_none() && self.packets.contains_key(&end);
        let seen = self.noticed(hole.unwrap_or(end))?;
        (layers & lowest != 0).then_some(Partial { start, end, layers, seen, is_cut })
    }

    /// First packet and properties of a superframe with missing packets.
    pub(super) fn first_of_partial(&self, partial: &Partial) -> Option<(&Stored, Content)> {
        let complete = self.packets.range(partial.start..partial.end).filter(|(_, stored)| {
            let place = stored.examined.layer_place();
            place.is_some_and(|(spatial_id, ..)| partial.layers & bit(spatial_id) != 0)
        });
        let content = self.contents.of_frame(complete.map(|(_, stored)| &stored.examined));
        Some((self.packets.get(&partial.start)?, content))
    }

    /// Treats a superframe with missing packets as complete.
    pub(super) fn complete_partial(&mut self, partial: &Partial) {
        self.complete.insert(partial.start, partial.end);
        self.cut = self.packets.get(&partial.start).map(|first| first.timestamp);
    }

    /// First packet and properties of the complete frame starting at `start`.
    pub(super) fn first_of(&self, start: i64) -> Option<(&Stored, Content)> {
        let end = *self.complete.get(&start)?;
        Some((self.packets.get(&start)?, self.content(start, end)))
    }

    /// When a loss from `number` on became visible by a later packet.
    fn noticed(&self, number: i64) -> Option<Duration> {
        self.packets.range(number..).map(|(_, stored)| stored.arrived).min()
    }

    /// First missing packet before `end`, and when the loss became visible by a later packet.
    pub(super) fn gap(&self, end: i64) -> Option<(i64, Duration)> {
        let mut at = self.next?;
        while at < end && self.packets.contains_key(&at) {
            at += 1;
        }
        Some((at, self.noticed(at)?)).filter(|_| at < end)
    }

    /// When the frame starting at `start` became complete.
    pub(super) fn completed(&self, start: i64) -> Option<Duration> {
        let end = *self.complete.get(&start)?;
        self.packets.range(start..end).map(|(_, stored)| stored.arrived).max()
    }

    /// Drops everything before `number`; returns the number of complete and incomplete frames
    /// dropped, as far as packets of them arrived.
    pub(super) fn pass(&mut self, number: i64) -> (u64, u64) {
        let mut incomplete = 0;
        let mut last = None;
        let kept = self.packets.split_off(&number);
        let passed = std::mem::replace(&mut self.packets, kept);
        let kept = self.complete.split_off(&number);
        let complete = std::mem::replace(&mut self.complete, kept);
        let mut end_of_complete = i64::MIN;
        for (at, stored) in passed {
            self.bytes = self.bytes.saturating_sub(stored.payload.len());
            if let Some(&end) = complete.get(&at) {
                end_of_complete = end;
            }
            let counts = at >= end_of_complete && !stored.is_padding();
            if counts && last != Some(stored.timestamp) {
                incomplete += 1;
                last = Some(stored.timestamp);
            }
        }
        (self.next, self.has_emitted) = (Some(number), true);
        (complete.len() as u64, incomplete)
    }

    /// Removes and returns the complete frame starting at `start`, with a set of its layers.
    pub(super) fn take(&mut self, start: i64, keep: u8) -> Option<Result<Assembled, Unusable>> {
        let end = self.complete.remove(&start)?;
        let mut packets = self.packets.split_off(&start);
        let mut behind = packets.split_off(&end);
        self.packets.append(&mut behind);
        (self.next, self.has_emitted) = (Some(end), true);
        let bytes: usize = packets.values().map(|stored| stored.payload.len()).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        if bytes > MAX_FRAME_BYTES {
            return Some(Err(Unusable::TooLarge));
        }
        let content = packets.values().filter(|stored| !stored.is_padding());
        let payloads = content.map(|stored| (&stored.examined, stored.payload.as_slice()));
        let mut layers = Vec::new();
        let Some(data) = self.contents.join(payloads, keep, &mut layers) else {
            return Some(Err(Unusable::Malformed));
        };
        let mut all = packets.into_values();
        let first = all.next()?;
        let mut frame = Assembled {
            data,
            layers,
            arrived: (first.arrived, first.arrived),
            packets: 0,
            recovered: 0,
            captured: None,
            first: Stored { payload: Vec::new(), ..first.clone() },
        };
        for stored in std::iter::once(first).chain(all) {
            let (from, until) = frame.arrived;
            frame.arrived = (from.min(stored.arrived), until.max(stored.arrived));
            frame.packets += u32::from(!stored.is_padding());
            frame.recovered += u32::from(stored.info.recovered);
            frame.captured = stored.info.captured.or(frame.captured);
        }
        Some(Ok(frame))
    }
}
