//! VP8 packetizer: coded frames to packets. RFC 7741, sections 4.1 to 4.4.

use std::ops::Range;

use codec_core::codec::{FrameKind, PacketMeta};
use codec_core::error::ConfigError;

use super::descriptor::{Descriptor, LayerInfo, PictureId};
use super::partitions::partition_ends;
use crate::packet::parts::even_parts;
use crate::rtp::{self, FIXED_HEADER_BYTES, Header, WriteError};

/// Maximum descriptor size written, in bytes.
const DESCRIPTOR_BYTES: usize = 6;

/// Settings of a [`Packetizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketizerConfig {
    /// Maximum size of a packet including the RTP header, in bytes: 64..=65507, default 1200.
    pub mtu: usize,
    /// Payload type, 0..=127; default 96.
    pub payload_type: u8,
    /// SSRC; default 1.
    pub ssrc: u32,
    /// Sequence number of the first packet; default 0.
    pub first_sequence: u16,
    /// `PictureID` of the frame with id 0; default 0.
    pub first_picture_id: u16,
    /// Whether to send TL0PICIDX and the temporal layer; default `false`.
    pub layers: bool,
    /// Whether to send KEYIDX; default `false`.
    pub key_index: bool,
}

impl Default for PacketizerConfig {
    fn default() -> Self {
        Self {
            mtu: 1200,
            payload_type: 96,
            ssrc: 1,
            first_sequence: 0,
            first_picture_id: 0,
            layers: false,
            key_index: false,
        }
    }
}

/// Packetizer of VP8 frames.
///
/// ```
/// use std::time::Duration;
/// use codec_core::codec::PacketMeta;
/// use codec_rtc::packet::vp8::{
///     Completeness, Depacketizer, DepacketizerConfig, MediaClock, Packetizer, PacketizerConfig,
/// };
///
/// // The first bytes of a VP8 key frame, then macroblock data.
/// let mut frame = vec![0x10, 2, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0];
/// frame.resize(3000, 0);
/// let mut packetizer = Packetizer::new(PacketizerConfig::default())?;
/// let mut packets = Vec::new();
/// packetizer.packetize(&frame, &PacketMeta::default(), 90_000, &mut packets)?;
/// assert!(packets.len() >= 3 && packets.iter().all(|packet| packet.len() <= 1200));
///
/// let now = Duration::from_secs(1);
/// let clock = MediaClock { timestamp: 90_000, due: now };
/// let mut depacketizer = Depacketizer::new(DepacketizerConfig::new(clock));
/// packets[1..].reverse(); // the network may reorder packets
/// for packet in &packets {
///     depacketizer.push(now, packet)?;
/// }
/// let assembled = depacketizer.poll_frame(now).expect("all packets have arrived");
/// assert_eq!((assembled.completeness, assembled.data), (Completeness::Complete, frame));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Packetizer {
    config: PacketizerConfig,
    sequence: u16,
    key_index: u8,
    chunks: Vec<Chunk>,
}

/// Part of a frame that becomes one packet.
#[derive(Clone, Debug)]
struct Chunk {
    bytes: Range<usize>,
    partition: usize,
    /// Whether it begins with the first byte of the partition.
    starts: bool,
}

impl Packetizer {
    /// Creates a packetizer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: PacketizerConfig) -> Result<Self, ConfigError> {
        if !(64..=65_507).contains(&config.mtu) {
            return Err(ConfigError::new("mtu", config.mtu, "64..=65507 bytes"));
        }
        if config.payload_type > 127 {
            return Err(ConfigError::new("payload type", config.payload_type, "0..=127"));
        }
        // The first key frame has index 0.
        let sequence = config.first_sequence;
        Ok(Self { config, sequence, key_index: 31, chunks: Vec::new() })
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Reserves `packets` sequence numbers for other packets in the same stream, such as FEC.
    pub fn skip(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
    }

    /// Appends the packets of the frame `data`. `timestamp` is in units of [`super::CLOCK_HZ`].
    ///
    /// A frame that does not fit one packet is split into the fewest packets. All but the last have
    /// the same size, so that the system can send them by one call (GSO); the boundaries of
    /// partitions are not respected, which RFC 7741 permits.
    ///
    /// # Errors
    /// Returns [`WriteError::EmptyPayload`] if `data` is empty.
    pub fn packetize(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        self.cut(data);
        self.packets(data, meta, timestamp, out)
    }

    /// Like [`Self::packetize`] for an encrypted frame: since its partitions are not visible, it is
    /// split into equal parts.
    ///
    /// # Errors
    /// Returns [`WriteError::EmptyPayload`] if `data` is empty.
    pub fn packetize_encrypted(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let parts = even_parts(0..data.len(), self.room());
        self.chunks.clear();
        self.chunks.extend(parts.map(|bytes| Chunk {
            starts: bytes.start == 0,
            partition: 0,
            bytes,
        }));
        self.packets(data, meta, timestamp, out)
    }

    /// Creates the packets of the chunks.
    fn packets(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        if data.is_empty() {
            return Err(WriteError::EmptyPayload);
        }
        if meta.kind == FrameKind::Key {
            self.key_index = (self.key_index + 1) % 32;
        }
        let descriptor = self.descriptor(meta);
        let last = self.chunks.len().saturating_sub(1);
        for (index, chunk) in self.chunks.iter().enumerate() {
            let header = Header {
                marker: index == last,
                payload_type: self.config.payload_type,
                sequence: self.sequence,
                timestamp,
                ssrc: self.config.ssrc,
            };
            self.sequence = self.sequence.wrapping_add(1);
            let payload = &data[chunk.bytes.clone()];
            let mut packet =
                Vec::with_capacity(FIXED_HEADER_BYTES + DESCRIPTOR_BYTES + payload.len());
            rtp::write(&header, &mut packet);
            let partition = u8::try_from(chunk.partition).unwrap_or(7);
            Descriptor { start_of_partition: chunk.starts, partition, ..descriptor }
                .write(&mut packet)?;
            packet.extend_from_slice(payload);
            out.push(packet);
        }
        Ok(())
    }

    /// Sets whether the next frames carry their temporal layer ([`PacketizerConfig::layers`]).
    pub fn set_layers(&mut self, layers: bool) {
        self.config.layers = layers;
    }

    /// Descriptor fields shared by all packets of a frame.
    fn descriptor(&self, meta: &PacketMeta) -> Descriptor {
        let PacketizerConfig { layers, key_index, first_picture_id, .. } = self.config;
        #[expect(clippy::cast_possible_truncation, reason = "the counter wraps")]
        let id = first_picture_id.wrapping_add(meta.frame_id as u16) & 0x7fff;
        let temporal_id = meta.temporal_id.min(3);
        Descriptor {
            non_reference: meta.discardable,
            picture_id: Some(PictureId::Long(id)),
            tl0_pic_idx: layers.then_some(meta.tl0_index),
            layer: layers.then_some(LayerInfo { temporal_id, layer_sync: meta.layer_sync }),
            key_idx: key_index.then_some(self.key_index),
            ..Descriptor::default()
        }
    }

    /// Maximum number of frame bytes per packet.
    fn room(&self) -> usize {
        self.config.mtu - FIXED_HEADER_BYTES - DESCRIPTOR_BYTES
    }

    /// Divides a frame evenly and notes the partition in which each part begins.
    fn cut(&mut self, data: &[u8]) {
        let ends = partition_ends(data);
        let ends = ends.as_slice();
        let parts = even_parts(0..data.len(), self.room());
        self.chunks.clear();
        self.chunks.extend(parts.map(|bytes| {
            let partition = ends.iter().take_while(|&&end| end <= bytes.start).count();
            let start = partition.checked_sub(1).map_or(0, |before| ends[before]);
            Chunk { starts: bytes.start == start, partition, bytes }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(config: PacketizerConfig, data: &[u8], meta: &PacketMeta) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        Packetizer::new(config).unwrap().packetize(data, meta, 3000, &mut out).unwrap();
        out
    }

    #[test]
    fn frame_that_fits_becomes_one_packet() {
        let data = [0x10, 0, 0, 1, 2, 3];
        let found = packets(PacketizerConfig::default(), &data, &PacketMeta::default());
        assert_eq!(found.len(), 1);
        let packet = rtp::parse(&found[0]).unwrap();
        assert!(packet.header.marker);
        let (descriptor, payload) = Descriptor::parse(packet.payload).unwrap();
        assert!(descriptor.is_frame_start());
        assert_eq!(payload, data);
    }

    #[test]
    fn inconsistent_partitions_are_split_evenly() {
        let data: Vec<u8> = vec![0xff; 5000];
        let found = packets(PacketizerConfig::default(), &data, &PacketMeta::default());
        assert_eq!(found.len(), 5);
        let mut joined = Vec::new();
        for (index, bytes) in found.iter().enumerate() {
            assert!(bytes.len() <= 1200);
            let packet = rtp::parse(bytes).unwrap();
            assert_eq!(packet.header.marker, index == 4);
            assert_eq!(usize::from(packet.header.sequence), index);
            let (descriptor, payload) = Descriptor::parse(packet.payload).unwrap();
            assert_eq!((descriptor.start_of_partition, descriptor.partition), (index == 0, 0));
            joined.extend_from_slice(payload);
        }
        assert_eq!(joined, data);
    }

    #[test]
    fn descriptor_follows_the_encoder_metadata() {
        let mut meta =
            PacketMeta { frame_id: 0x8000 + 5, kind: FrameKind::Inter, ..PacketMeta::default() };
        (meta.temporal_id, meta.layer_sync, meta.tl0_index) = (2, true, 77);
        meta.discardable = true;
        let config = PacketizerConfig {
            layers: true,
            key_index: true,
            first_picture_id: 3,
            ..PacketizerConfig::default()
        };
        let found = packets(config, &[1, 2, 3], &meta);
        let packet = rtp::parse(&found[0]).unwrap();
        let (descriptor, _) = Descriptor::parse(packet.payload).unwrap();
        let expected = Descriptor {
            non_reference: true,
            start_of_partition: true,
            partition: 0,
            picture_id: Some(PictureId::Long(8)),
            tl0_pic_idx: Some(77),
            layer: Some(LayerInfo { temporal_id: 2, layer_sync: true }),
            key_idx: Some(31),
        };
        assert_eq!(descriptor, expected);
    }

    #[test]
    fn invalid_settings_are_rejected() {
        for mtu in [0, 18, 63, 65_508, usize::MAX] {
            assert!(Packetizer::new(PacketizerConfig { mtu, ..Default::default() }).is_err());
        }
        let config = PacketizerConfig { payload_type: 128, ..Default::default() };
        assert!(Packetizer::new(config).is_err());
        let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
        let empty = packetizer.packetize(&[], &PacketMeta::default(), 0, &mut Vec::new());
        assert_eq!(empty, Err(WriteError::EmptyPayload));
    }
}
