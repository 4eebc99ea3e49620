//! Packetizer of a video stream in any of the payload formats.

use codec_core::codec::PacketMeta;
use codec_core::error::ConfigError;

use super::h264::{self, PacketizationMode};
use super::{VideoFormat, vp8, vp9};
use crate::rtp::WriteError;

/// Settings of a [`VideoPacketizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoPacketizerConfig {
    /// Payload format; default VP8.
    pub format: VideoFormat,
    /// Maximum size of a packet including the RTP header, in bytes: 64..=65507 (VP9: 128..=65507), default
    /// 1200.
    pub mtu: usize,
    /// Payload type, 0..=127; default 96.
    pub payload_type: u8,
    /// SSRC; default 1.
    pub ssrc: u32,
    /// Sequence number of the first packet; default 0.
    pub first_sequence: u16,
    /// `PictureID` of the frame with id 0, in VP8 and VP9; default 0.
    pub first_picture_id: u16,
    /// How H.264 is sent; default the non-interleaved mode.
    pub packetization_mode: PacketizationMode,
    /// Whether the layer frames of VP9 state their references (flexible mode); default `true`.
    pub flexible: bool,
}

impl Default for VideoPacketizerConfig {
    fn default() -> Self {
        Self {
            format: VideoFormat::Vp8,
            mtu: 1200,
            payload_type: 96,
            ssrc: 1,
            first_sequence: 0,
            first_picture_id: 0,
            packetization_mode: PacketizationMode::NonInterleaved,
            flexible: true,
        }
    }
}

/// Packetizer of the frames of a video stream.
///
/// ```
/// use codec_core::codec::PacketMeta;
/// use codec_rtc::packet::{VideoFormat, VideoPacketizer, VideoPacketizerConfig};
///
/// let config = VideoPacketizerConfig { format: VideoFormat::H264, ..Default::default() };
/// let mut packetizer = VideoPacketizer::new(config)?;
/// // An access unit in the byte stream format: a slice of 3,000 bytes.
/// let unit = [&[0, 0, 0, 1, 0x65][..], &[0x88; 3000]].concat();
/// let mut packets = Vec::new();
/// packetizer.packetize(&unit, None, &PacketMeta::default(), 90_000, &mut packets)?;
/// assert_eq!(packets.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct VideoPacketizer(Packetizer);

#[derive(Clone, Debug)]
enum Packetizer {
    Vp8(vp8::Packetizer),
    H264(h264::Packetizer),
    Vp9(vp9::Packetizer),
}

impl VideoPacketizer {
    /// Creates a packetizer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: VideoPacketizerConfig) -> Result<Self, ConfigError> {
        let VideoPacketizerConfig { mtu, payload_type, ssrc, first_sequence, .. } = config;
        let VideoPacketizerConfig { first_picture_id, packetization_mode, flexible, .. } = config;
        let packetizer = match config.format {
            VideoFormat::Vp8 => Packetizer::Vp8(vp8::Packetizer::new(vp8::PacketizerConfig {
                mtu,
                payload_type,
                ssrc,
                first_sequence,
                first_picture_id,
                layers: false,
                key_index: false,
            })?),
            VideoFormat::H264 => Packetizer::H264(h264::Packetizer::new(h264::PacketizerConfig {
                mtu,
                payload_type,
                ssrc,
                first_sequence,
                mode: packetization_mode,
            })?),
            VideoFormat::Vp9 => Packetizer::Vp9(vp9::Packetizer::new(vp9::PacketizerConfig {
                mtu,
                payload_type,
                ssrc,
                first_sequence,
                first_picture_id,
                layers: false,
                flexible,
            })?),
        };
        Ok(Self(packetizer))
    }

    /// Appends the packets of a frame or of its encrypted form, if any. `timestamp` is in units of 1/90000 s.
    ///
    /// # Errors
    /// Returns [`WriteError`] if the frame is empty or, in H.264, malformed or encrypted.
    pub fn packetize(
        &mut self,
        data: &[u8],
        encrypted: Option<&[u8]>,
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        match (&mut self.0, encrypted) {
            (Packetizer::Vp8(vp8), None) => vp8.packetize(data, meta, timestamp, out),
            (Packetizer::Vp8(vp8), Some(data)) => {
                vp8.packetize_encrypted(data, meta, timestamp, out)
            }
            // The first byte of an encrypted frame is clear, and packets may split it anywhere.
            (Packetizer::Vp9(vp9), data_of) => {
                vp9.packetize(data_of.unwrap_or(data), meta, timestamp, out)
            }
            (Packetizer::H264(h264), None) => h264.packetize(data, timestamp, out),
            (Packetizer::H264(_), Some(_)) => Err(WriteError::Field {
                what: "end-to-end encrypted frames are not supported with H.264",
            }),
        }
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        match &self.0 {
            Packetizer::Vp8(vp8) => vp8.next_sequence(),
            Packetizer::H264(h264) => h264.next_sequence(),
            Packetizer::Vp9(vp9) => vp9.next_sequence(),
        }
    }

    /// Reserves `packets` sequence numbers for other packets in the same stream, such as FEC.
    pub fn skip(&mut self, packets: u16) {
        match &mut self.0 {
            Packetizer::Vp8(vp8) => vp8.skip(packets),
            Packetizer::H264(h264) => h264.skip(packets),
            Packetizer::Vp9(vp9) => vp9.skip(packets),
        }
    }

    /// Packets carry the temporal layer from now on, if the format has a field for it.
    pub fn send_layers(&mut self) {
        match &mut self.0 {
            Packetizer::Vp8(vp8) => vp8.set_layers(true),
            Packetizer::Vp9(vp9) => vp9.set_layers(true),
            Packetizer::H264(_) => {}
        }
    }
}
