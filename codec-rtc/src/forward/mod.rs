//! Selective forwarding (SFU) of a VP8, VP9 or H.264 stream to one subscriber: drops upper layers and
//! renumbers the remaining packets. RFC 7741, section 4.2; RFC 9628, section 3; RFC 7667, section 3.7.
//!
//! Packets are forwarded in order of arrival. Dropped layers leave no gap in the sequence numbers.
//! Packets that have not reached the forwarder leave gaps, and fill them if they arrive late. Sequence
//! numbers, timestamps and `PictureID`s continue if the source is replaced by another one, or restarts.
//!
//! | format | layers | `PictureID`s |
//! |---|---|---|
//! | VP8 | temporal | without gaps |
//! | VP9 | spatial and temporal ([`LayerSelector`]) | with gaps for dropped superframes, because references are stated as differences of `PictureID`s |
//! | H.264 | none: payloads do not state them | - |
//!
//! `examples/sfu_filter.rs` forwards a stream with a `Forwarder`.

pub(crate) mod offsets;
mod selector;
mod temporal;
#[cfg(test)]
mod tests;
mod vp9_layers;
#[cfg(test)]
mod vp9_tests;

pub use selector::{LayerDependencies, LayerSelector, PictureStart};

use offsets::{Offsets, PictureIds, Timestamps};
use temporal::TemporalLayers;
use vp9_layers::Vp9Layers;

use crate::packet::VideoFormat;
use crate::packet::vp8::{self, PictureId};
use crate::packet::vp9;
use crate::rtp::{self, FIXED_HEADER_BYTES, Malformed};
use crate::sequence::{MAX_DROPOUT, Unwrapper16, wrap_16};

/// Bit of the marker in the second byte of RTP packets.
const MARKER: u8 = 0x80;

/// Identity of the stream as sent to the subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardConfig {
    /// Payload format; default VP8.
    pub format: VideoFormat,
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

/// Selection of the layers of a format.
#[derive(Clone, Debug)]
enum Layers {
    Vp8(TemporalLayers),
    Vp9(Box<Vp9Layers>),
    H264,
}

/// Outcome of a packet.
#[derive(Clone, Copy, Debug, Default)]
struct Decision {
    passes: bool,
    /// Whether it becomes the last packet of its frame.
    marker: bool,
    /// New `PictureID`, and its offset in the payload.
    picture_id: Option<(PictureId, usize)>,
}

/// Rewrites one stream for one subscriber.
#[derive(Clone, Debug)]
pub struct Forwarder {
    config: ForwardConfig,
    layers: Layers,
    /// SSRC of the source.
    source: Option<u32>,
    sequence: Unwrapper16,
    highest: Option<i64>,
    sequences: Offsets,
    timestamps: Timestamps,
    ids: PictureIds,
    counters: ForwardCounters,
}

impl Forwarder {
    /// Creates a forwarder that forwards all layers.
    #[must_use]
    pub fn new(config: ForwardConfig) -> Self {
        Self {
            config,
            layers: match config.format {
                VideoFormat::Vp8 => Layers::Vp8(TemporalLayers::new()),
                VideoFormat::Vp9 => Layers::Vp9(Box::default()),
                VideoFormat::H264 => Layers::H264,
            },
            source: None,
            sequence: Unwrapper16::default(),
            highest: None,
            sequences: Offsets::default(),
            timestamps: Timestamps::default(),
            ids: PictureIds::default(),
            counters: ForwardCounters::default(),
        }
    }

    /// Sets the highest temporal layer to forward. A decrease takes effect at the next frame. An increase
    /// takes effect at the next frame that allows switching up: a key frame, a layer-sync frame of VP8 (Y
    /// bit), in VP9 a frame whose references were forwarded, or after a switching-up point (U bit) if
    /// they are unknown.
    pub fn set_max_temporal_layer(&mut self, layer: u8) {
        match &mut self.layers {
            Layers::Vp8(layers) => layers.set_target(layer),
            Layers::Vp9(layers) => layers.selector.set_max_temporal_layer(layer),
            Layers::H264 => {}
        }
    }

    /// Sets the highest spatial layer of VP9 to forward. A decrease takes effect at the next frame, an
    /// increase at the next key frame, or where the layer starts ([`Self::needs_key_frame`]).
    pub fn set_max_spatial_layer(&mut self, layer: u8) {
        if let Layers::Vp9(layers) = &mut self.layers {
            layers.selector.set_max_spatial_layer(layer);
        }
    }

    /// Highest temporal layer currently forwarded; 255 if there is no limit.
    #[must_use]
    pub fn temporal_layer(&self) -> u8 {
        match &self.layers {
            Layers::Vp8(layers) => layers.current(),
            Layers::Vp9(layers) => layers.selector.temporal_layer(),
            Layers::H264 => u8::MAX,
        }
    }

    /// Highest spatial layer of the last frame that was forwarded.
    #[must_use]
    pub fn spatial_layer(&self) -> u8 {
        match &self.layers {
            Layers::Vp9(layers) => layers.selector.spatial_layer(),
            Layers::Vp8(_) | Layers::H264 => 0,
        }
    }

    /// Whether the source should send a key frame, because a spatial layer that is wanted and present
    /// cannot be added otherwise.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        match &self.layers {
            Layers::Vp9(layers) => layers.selector.needs_key_frame(),
            Layers::Vp8(_) | Layers::H264 => false,
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> ForwardCounters {
        self.counters
    }

    /// Rewrites a packet and appends it to `out` if it is to be forwarded.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet with a payload of the format.
    pub fn forward(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<Forwarded, Malformed> {
        let parsed = rtp::parse(packet)?;
        let payload = Payload::parse(self.config.format, parsed.payload)?;
        let (number, is_newest) = self.number(&parsed.header);
        let decision = self.decide(&parsed.header, &payload);
        if !decision.passes {
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
        let timestamp = self.timestamps.outgoing(parsed.header.timestamp);
        let start = out.len();
        out.extend_from_slice(packet);
        let (_, written) = out.split_at_mut(start);
        let payload_at = packet.len() - trailing(packet, &parsed);
        self.rewrite(written, sequence, timestamp);
        decision.apply(written, payload_at);
        self.counters.forwarded += 1;
        Ok(Forwarded::Forwarded { sequence })
    }

    /// Unwraps the sequence number; also returns whether the packet is the newest one.
    fn number(&mut self, header: &rtp::Header) -> (i64, bool) {
        let is_other = self.source.replace(header.ssrc).is_some_and(|ssrc| ssrc != header.ssrc);
        let number = self.sequence.peek(header.sequence);
        let highest = *self.highest.get_or_insert_with(|| {
            let first = i64::from(self.config.first_sequence);
            self.sequences.push(number, number - first);
            number - 1
        });
        let is_far = (number - highest).abs() > MAX_DROPOUT;
        if is_far || is_other {
            // Another stream: continue after the last sequence number sent. Its numbers follow the numbers
            // of the stream before, so that offsets are ascending.
            let sent = highest - self.sequences.latest();
            let number = self.sequence.restart(header.sequence, highest);
            self.sequences.push(number, number - (sent + 1));
            self.highest = Some(number);
            self.timestamps.restart();
            self.ids.restart();
            if let Layers::Vp8(layers) = &mut self.layers {
                layers.restart();
            }
            return (number, true);
        }
        self.sequence.unwrap(header.sequence);
        let is_newest = number > highest;
        if is_newest {
            self.highest = Some(number);
        }
        (number, is_newest)
    }

    fn decide(&mut self, header: &rtp::Header, payload: &Payload) -> Decision {
        match (&mut self.layers, payload) {
            (Layers::Vp8(layers), Payload::Vp8 { descriptor, is_key }) => {
                let number = descriptor.picture_id.map(|id| self.ids.number(id));
                let (passes, is_new) = layers.decide(header.timestamp, descriptor, *is_key);
                if let Some(number) = number.filter(|_| is_new && !passes) {
                    self.ids.close_gap(number);
                }
                let new = descriptor.picture_id.zip(number);
                // The PictureID follows two bytes of flags.
                let picture_id = new.map(|(id, number)| (self.ids.outgoing(number, id), 2));
                Decision { passes, marker: false, picture_id }
            }
            (Layers::Vp9(layers), Payload::Vp9 { descriptor, is_key }) => {
                let number = descriptor.picture_id.map(|id| self.ids.number(id));
                let number_or = layers.number(header.timestamp, number);
                let (passes, marker) = layers.decide(number_or, descriptor, *is_key);
                let new = descriptor.picture_id.zip(number);
                let picture_id = new.map(|(id, number)| (self.ids.outgoing(number, id), 1));
                Decision { passes, marker, picture_id }
            }
            _ => Decision { passes: true, ..Decision::default() },
        }
    }

    fn rewrite(&self, packet: &mut [u8], sequence: u16, timestamp: u32) {
        if let Some(header) = packet.first_chunk_mut::<FIXED_HEADER_BYTES>() {
            header[1] = header[1] & MARKER | self.config.payload_type & 0x7f;
            header[2..4].copy_from_slice(&sequence.to_be_bytes());
            header[4..8].copy_from_slice(&timestamp.to_be_bytes());
            header[8..12].copy_from_slice(&self.config.ssrc.to_be_bytes());
        }
    }
}

impl Decision {
    /// Writes the marker and the `PictureID`.
    fn apply(&self, packet: &mut [u8], payload_at: usize) {
        if let Some(flags) = packet.get_mut(1).filter(|_| self.marker) {
            *flags |= MARKER;
        }
        let Some((id, at)) = self.picture_id else { return };
        match (id, packet.get_mut(payload_at + at..)) {
            (PictureId::Short(id), Some([place, ..])) => *place = id,
            (PictureId::Long(id), Some([high, low, ..])) => {
                [*high, *low] = (id | 0x8000).to_be_bytes();
            }
            _ => {}
        }
    }
}

/// The parts of a payload that decisions depend on.
enum Payload {
    Vp8 { descriptor: vp8::Descriptor, is_key: bool },
    Vp9 { descriptor: Box<vp9::Descriptor>, is_key: bool },
    H264,
}

impl Payload {
    fn parse(format: VideoFormat, payload: &[u8]) -> Result<Self, Malformed> {
        match format {
            VideoFormat::Vp8 => {
                let (descriptor, data) = vp8::Descriptor::parse(payload)?;
                let is_key =
                    descriptor.is_frame_start() && data.first().is_some_and(|tag| tag & 1 == 0);
                Ok(Self::Vp8 { descriptor, is_key })
            }
            VideoFormat::Vp9 => {
                let (descriptor, data) = vp9::Descriptor::parse(payload)?;
                let first = *data.first().ok_or(Malformed::EmptyPayload)?;
                let starts = descriptor.start_of_frame && descriptor.spatial_id() == 0;
                let is_key = starts && !descriptor.inter_predicted && vp9::shows_key_frame(first);
                Ok(Self::Vp9 { descriptor: Box::new(descriptor), is_key })
            }
            VideoFormat::H264 => Ok(Self::H264),
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
