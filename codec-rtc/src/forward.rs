//! Selective forwarding (SFU) of a VP8 stream to one subscriber: drops upper temporal layers and
//! renumbers the remaining packets. RFC 7741, section 4.2; RFC 7667, section 3.7.
//!
//! Packets are forwarded in order of arrival. Dropped layers leave no gap in the sequence numbers;
//! lost packets do, and get their sequence number if they arrive late. `PictureID`s are renumbered
//! in the same way, so that the subscriber sees a complete stream with fewer layers.
//!
//! `examples/sfu_filter.rs` forwards a stream with a `Forwarder`.

use std::collections::VecDeque;

use crate::packet::vp8::{Descriptor, PictureId};
use crate::rtp::{self, FIXED_HEADER_BYTES, Malformed};
use crate::sequence::{MAX_DROPOUT, Unwrapper16, wrap_16};

/// Number of offset changes kept for late packets.
const MAX_OFFSETS: usize = 128;
/// Number of frames whose decision is kept.
const MAX_FRAMES: usize = 64;

/// Identity of the stream as sent to the subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardConfig {
    /// SSRC.
    pub ssrc: u32,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
}

/// Result for one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// The packet was appended to the output.
    Forwarded {
        /// Its sequence number towards the subscriber.
        sequence: u16,
    },
    /// The packet belongs to a dropped layer.
    AboveLayer,
    /// The packet is older than the history of offsets.
    TooLate,
}

/// Counters of forwarded and dropped packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of `Forwarded`")]
pub struct ForwardCounters {
    pub forwarded: u64,
    pub above_layer: u64,
    pub too_late: u64,
}

/// Piecewise constant offsets of a renumbered sequence.
#[derive(Clone, Debug, Default)]
struct Offsets {
    /// First number and offset to subtract, ascending.
    changes: VecDeque<(i64, i64)>,
}

impl Offsets {
    fn at(&self, number: i64) -> Option<i64> {
        let change = self.changes.iter().rev().find(|&&(from, _)| from <= number);
        change.map(|&(_, offset)| offset)
    }

    fn latest(&self) -> i64 {
        self.changes.back().map_or(0, |&(_, offset)| offset)
    }

    fn push(&mut self, from: i64, offset: i64) {
        match self.changes.back_mut() {
            Some(last) if last.0 == from => last.1 = offset,
            _ => self.changes.push_back((from, offset)),
        }
        if self.changes.len() > MAX_OFFSETS {
            self.changes.pop_front();
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    timestamp: u32,
    passes: bool,
}

/// Rewrites one stream for one subscriber.
#[derive(Clone, Debug)]
pub struct Forwarder {
    config: ForwardConfig,
    /// Requested maximum layer, and the layer currently forwarded.
    target: u8,
    current: u8,
    sequence: Unwrapper16,
    highest: Option<i64>,
    sequences: Offsets,
    /// Unwrapped `PictureID` of the newest frame.
    picture: Option<(PictureId, i64)>,
    pictures: Offsets,
    frames: VecDeque<Frame>,
    counters: ForwardCounters,
}

impl Forwarder {
    /// Creates a forwarder that forwards all layers.
    #[must_use]
    pub fn new(config: ForwardConfig) -> Self {
        Self {
            config,
            target: u8::MAX,
            current: u8::MAX,
            sequence: Unwrapper16::default(),
            highest: None,
            sequences: Offsets::default(),
            picture: None,
            pictures: Offsets::default(),
            frames: VecDeque::new(),
            counters: ForwardCounters::default(),
        }
    }

    /// Sets the highest temporal layer to forward. A decrease takes effect at the next frame, an
    /// increase at the next key frame or layer-sync frame (Y bit) that allows switching up.
    pub fn set_max_temporal_layer(&mut self, layer: u8) {
        self.target = layer;
    }

    /// Highest layer currently forwarded.
    #[must_use]
    pub fn temporal_layer(&self) -> u8 {
        self.current
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> ForwardCounters {
        self.counters
    }

    /// Rewrites a packet and appends it to `out` if it is to be forwarded.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet with a VP8 payload.
    pub fn forward(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<Forwarded, Malformed> {
        let parsed = rtp::parse(packet)?;
        let (descriptor, payload) = Descriptor::parse(parsed.payload)?;
        let number = self.sequence.peek(parsed.header.sequence);
        let highest = *self.highest.get_or_insert_with(|| {
            let first = i64::from(self.config.first_sequence);
            self.sequences.push(number, number - first);
            number - 1
        });
        if (number - highest).abs() > MAX_DROPOUT {
            // The stream restarted: continue after the last sequence number sent.
            let sent = highest - self.sequences.latest();
            self.sequences.push(number, number - (sent + 1));
        }
        self.sequence.unwrap(parsed.header.sequence);
        let is_newest = number > highest || (number - highest).abs() > MAX_DROPOUT;
        let header = parsed.header;
        let is_key = descriptor.is_frame_start() && payload.first().is_some_and(|tag| tag & 1 == 0);
        let known = self.frames.iter().rev().find(|frame| frame.timestamp == header.timestamp);
        let passes = match known {
            Some(frame) => frame.passes,
            None => self.decide(&descriptor, is_key, header.timestamp),
        };
        if is_newest {
            self.highest = Some(number);
        }
        if !passes {
            self.counters.above_layer += 1;
            if is_newest {
                // Renumber everything from the next sequence number on.
                let offset = self.sequences.latest() + 1;
                self.sequences.push(number + 1, offset);
            }
            return Ok(Forwarded::AboveLayer);
        }
        let Some(offset) = self.sequences.at(number) else {
            self.counters.too_late += 1;
            return Ok(Forwarded::TooLate);
        };
        let sequence = wrap_16(number - offset);
        let start = out.len();
        out.extend_from_slice(packet);
        let (_, written) = out.split_at_mut(start);
        let payload_at = packet.len() - trailing(packet, &parsed);
        self.rewrite(written, sequence, payload_at, &descriptor);
        self.counters.forwarded += 1;
        Ok(Forwarded::Forwarded { sequence })
    }

    /// Decides whether to forward a new frame.
    fn decide(&mut self, descriptor: &Descriptor, is_key: bool, timestamp: u32) -> bool {
        let layer = descriptor.layer.unwrap_or_default();
        if self.target < self.current {
            self.current = self.target;
        } else if self.target > self.current {
            let climbs = layer.layer_sync && layer.temporal_id > self.current;
            if is_key {
                self.current = self.target;
            } else if climbs && layer.temporal_id <= self.target {
                self.current = layer.temporal_id;
            }
        }
        let passes = layer.temporal_id <= self.current;
        self.track_picture_id(descriptor.picture_id, passes);
        self.frames.push_back(Frame { timestamp, passes });
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
        passes
    }

    fn track_picture_id(&mut self, id: Option<PictureId>, passes: bool) {
        let Some(id) = id else { return };
        let number = match self.picture {
            None => {
                self.pictures.push(id.number().into(), 0);
                id.number().into()
            }
            Some((last, number)) => {
                let steps = id.steps_from(last);
                // More than half the range ahead means a late frame.
                let limit = if matches!(id, PictureId::Short(_)) { 0x40 } else { 0x4000 };
                if steps >= limit {
                    return;
                }
                number + i64::from(steps)
            }
        };
        self.picture = Some((id, number));
        if !passes {
            let offset = self.pictures.latest() + 1;
            self.pictures.push(number + 1, offset);
        }
    }

    /// `PictureID` of a frame towards the subscriber.
    fn picture_id(&self, id: PictureId) -> PictureId {
        let Some((last, number)) = self.picture else { return id };
        let (bits, mask) = match id {
            PictureId::Short(_) => (7, 0x7f),
            PictureId::Long(_) => (15, 0x7fff),
        };
        // Late frames are before the newest.
        let ahead = i64::from(id.steps_from(last));
        let steps = if ahead >= 1 << (bits - 1) { ahead - (1 << bits) } else { ahead };
        let number = number + steps;
        let new = (number - self.pictures.at(number).unwrap_or(0)) & mask;
        match id {
            PictureId::Short(_) => PictureId::Short(u8::try_from(new).unwrap_or(0)),
            PictureId::Long(_) => PictureId::Long(u16::try_from(new).unwrap_or(0)),
        }
    }

    fn rewrite(&self, packet: &mut [u8], sequence: u16, payload_at: usize, of: &Descriptor) {
        let Some((header, rest)) = packet.split_first_chunk_mut::<FIXED_HEADER_BYTES>() else {
            return;
        };
        header[1] = header[1] & 0x80 | self.config.payload_type & 0x7f;
        header[2..4].copy_from_slice(&sequence.to_be_bytes());
        header[8..12].copy_from_slice(&self.config.ssrc.to_be_bytes());
        let Some(id) = of.picture_id else { return };
        // The PictureID follows two bytes of flags.
        let Some(place) = rest.get_mut(payload_at - FIXED_HEADER_BYTES + 2..) else { return };
        match (self.picture_id(id), place) {
            (PictureId::Short(id), [place, ..]) => *place = id,
            (PictureId::Long(id), [high, low, ..]) => {
                [*high, *low] = (id | 0x8000).to_be_bytes();
            }
            _ => {}
        }
    }
}

/// Number of bytes from the start of the payload to the end of the packet.
fn trailing(packet: &[u8], parsed: &rtp::Packet<'_>) -> usize {
    let padding = match packet.first() {
        Some(first) if first & 0x20 != 0 => packet.last().copied().map_or(0, usize::from),
        _ => 0,
    };
    parsed.payload.len() + padding
}

#[cfg(test)]
mod tests {
    use codec_core::codec::{FrameKind, PacketMeta};

    use super::*;
    use crate::packet::vp8::{Packetizer, PacketizerConfig};

    /// Packets of an L1T3 stream, three per frame, with a layer-sync frame in each group.
    fn stream(frames: u64) -> Vec<(u8, Vec<u8>)> {
        let config = PacketizerConfig {
            mtu: 100,
            layers: true,
            first_sequence: 65_500,
            first_picture_id: 0x7ff0,
            ..PacketizerConfig::default()
        };
        let mut packetizer = Packetizer::new(config).unwrap();
        let mut out = Vec::new();
        for frame in 0..frames {
            let meta = PacketMeta {
                frame_id: frame,
                kind: if frame == 0 { FrameKind::Key } else { FrameKind::Inter },
                temporal_id: [0, 2, 1, 2][usize::try_from(frame % 4).unwrap()],
                layer_sync: matches!(frame % 4, 1 | 2),
                tl0_index: u8::try_from(frame / 4 % 256).unwrap(),
                ..PacketMeta::default()
            };
            let data = vec![u8::from(frame != 0); 200];
            let mut packets = Vec::new();
            let timestamp = u32::try_from(frame).unwrap() * 3000;
            packetizer.packetize(&data, &meta, timestamp, &mut packets).unwrap();
            out.extend(packets.into_iter().map(|packet| (meta.temporal_id, packet)));
        }
        out
    }

    fn forwarder() -> Forwarder {
        Forwarder::new(ForwardConfig { ssrc: 77, payload_type: 120, first_sequence: 65_530 })
    }

    /// Sequence number and `PictureID` towards the subscriber.
    fn numbers(packet: &[u8]) -> (u16, u16) {
        let parsed = rtp::parse(packet).unwrap();
        assert_eq!((parsed.header.ssrc, parsed.header.payload_type), (77, 120));
        let (descriptor, _) = Descriptor::parse(parsed.payload).unwrap();
        (parsed.header.sequence, descriptor.picture_id.unwrap().number())
    }

    #[test]
    fn base_layer_is_renumbered_without_gaps() {
        let mut it = forwarder();
        it.set_max_temporal_layer(0);
        let (mut expected, mut id, mut last) = (65_530_u16, 0x7ff0_u16, None);
        for (layer, packet) in stream(200) {
            let mut out = Vec::new();
            let forwarded = it.forward(&packet, &mut out).unwrap();
            if layer > 0 {
                assert_eq!((forwarded, out.len()), (Forwarded::AboveLayer, 0));
                continue;
            }
            assert_eq!(forwarded, Forwarded::Forwarded { sequence: expected });
            let timestamp = rtp::parse(&packet).unwrap().header.timestamp;
            if last.is_some_and(|last| last != timestamp) {
                id = (id + 1) & 0x7fff;
            }
            last = Some(timestamp);
            assert_eq!(numbers(&out), (expected, id));
            assert_eq!(out.len(), packet.len());
            expected = expected.wrapping_add(1);
        }
    }

    #[test]
    fn layers_resume_at_switching_points() {
        let mut it = forwarder();
        let mut layers = Vec::new();
        let mut next = 65_530_u16;
        for (number, (layer, packet)) in stream(40).into_iter().enumerate() {
            match number {
                15 => it.set_max_temporal_layer(0),
                // In the middle of a frame.
                61 => it.set_max_temporal_layer(2),
                _ => {}
            }
            let mut out = Vec::new();
            if let Forwarded::Forwarded { sequence } = it.forward(&packet, &mut out).unwrap() {
                assert_eq!(sequence, next);
                next = next.wrapping_add(1);
                layers.push(layer);
            }
        }
        let uppers = layers.iter().filter(|&&layer| layer > 0).count();
        assert!(uppers > 40 && uppers < 90, "{uppers}");
        assert_eq!(it.temporal_layer(), 2);
    }

    #[test]
    fn late_and_lost_packets_keep_their_sequence_numbers() {
        let packets = stream(40);
        let mut plain = forwarder();
        plain.set_max_temporal_layer(1);
        let mut shuffled = plain.clone();
        let mut expected = Vec::new();
        for (_, packet) in &packets {
            let mut out = Vec::new();
            plain.forward(packet, &mut out).unwrap();
            expected.push(out);
        }
        // Frames in order, packets of each frame in reverse.
        let mut at = 0;
        for frame in packets.chunk_by(|a, b| a.1[4..8] == b.1[4..8]) {
            for (index, (_, packet)) in frame.iter().enumerate().rev() {
                if at + index == 0 {
                    continue;
                }
                let mut out = Vec::new();
                shuffled.forward(packet, &mut out).unwrap();
                if at > 0 {
                    let (got, want) = (out.get(2..4), expected[at + index].get(2..4));
                    assert_eq!(got.is_some(), want.is_some());
                }
            }
            at += frame.len();
        }
    }

    #[test]
    fn retransmission_gets_the_sequence_number_of_the_original() {
        let packets = stream(12);
        let mut it = forwarder();
        it.set_max_temporal_layer(0);
        let mut sent = Vec::new();
        for (_, packet) in &packets {
            let mut out = Vec::new();
            it.forward(packet, &mut out).unwrap();
            sent.push(out);
        }
        for (index, (layer, packet)) in packets.iter().enumerate() {
            let mut out = Vec::new();
            it.forward(packet, &mut out).unwrap();
            assert_eq!(out, sent[index]);
            assert_eq!(out.is_empty(), *layer > 0);
        }
    }

    #[test]
    fn packets_without_vp8_are_rejected_without_side_effects() {
        let mut it = forwarder();
        let mut out = Vec::new();
        assert!(it.forward(&[0; 3], &mut out).is_err());
        let (_, packet) = stream(1).remove(0);
        assert!(it.forward(&packet[..12], &mut out).is_err());
        assert!(out.is_empty());
        assert_eq!(it.forward(&packet, &mut out), Ok(Forwarded::Forwarded { sequence: 65_530 }));
    }

    #[test]
    fn restarted_stream_continues_the_sequence_numbers() {
        let mut it = forwarder();
        let (_, packet) = stream(1).remove(0);
        let mut out = Vec::new();
        it.forward(&packet, &mut out).unwrap();
        let mut far = packet.clone();
        far[2..6].copy_from_slice(&[0x70, 0, 9, 9]);
        out.clear();
        let next = 65_531;
        assert_eq!(it.forward(&far, &mut out), Ok(Forwarded::Forwarded { sequence: next }));
    }
}
