//! Packetizer of the payload format of a video stream.

use codec_core::codec::PacketMeta;
use codec_core::error::ConfigError;

use super::config::VideoStream;
use crate::packet::{VideoFormat, h264, vp8, vp9};
use crate::rtp::WriteError;

#[derive(Clone, Debug)]
pub(super) enum VideoPacketizer {
    Vp8(vp8::Packetizer),
    H264(h264::Packetizer),
    Vp9(vp9::Packetizer),
}

impl VideoPacketizer {
    pub(super) fn new(
        stream: VideoStream,
        mtu: usize,
        first_sequence: u16,
        first_picture_id: u16,
    ) -> Result<Self, ConfigError> {
        let VideoStream { payload_type, ssrc, .. } = stream;
        match stream.format {
            VideoFormat::Vp8 => {
                let config = vp8::PacketizerConfig {
                    mtu,
                    payload_type,
                    ssrc,
                    first_sequence,
                    first_picture_id,
                    layers: false,
                    key_index: false,
                };
                vp8::Packetizer::new(config).map(Self::Vp8)
            }
            VideoFormat::H264 => {
                let mode = stream.packetization_mode;
                let config =
                    h264::PacketizerConfig { mtu, payload_type, ssrc, first_sequence, mode };
                h264::Packetizer::new(config).map(Self::H264)
            }
            VideoFormat::Vp9 => {
                let config = vp9::PacketizerConfig {
                    mtu,
                    payload_type,
                    ssrc,
                    first_sequence,
                    first_picture_id,
                    layers: false,
                    flexible: stream.flexible,
                };
                vp9::Packetizer::new(config).map(Self::Vp9)
            }
        }
    }

    /// Appends the packets of a frame or of its encrypted form, if any.
    pub(super) fn packetize(
        &mut self,
        data: &[u8],
        encrypted: Option<&[u8]>,
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        match (self, encrypted) {
            (Self::Vp8(vp8), None) => vp8.packetize(data, meta, timestamp, out),
            (Self::Vp8(vp8), Some(data)) => vp8.packetize_encrypted(data, meta, timestamp, out),
            // The first byte of an encrypted frame is clear, and packets may split it anywhere.
            (Self::Vp9(vp9), data_of) => {
                vp9.packetize(data_of.unwrap_or(data), meta, timestamp, out)
            }
            (Self::H264(h264), None) => h264.packetize(data, timestamp, out),
            (Self::H264(_), Some(_)) => Err(WriteError::Field {
                what: "end-to-end encrypted frames are not supported with H.264",
            }),
        }
    }

    /// Sequence number of the next packet.
    pub(super) fn next_sequence(&self) -> u16 {
        match self {
            Self::Vp8(vp8) => vp8.next_sequence(),
            Self::H264(h264) => h264.next_sequence(),
            Self::Vp9(vp9) => vp9.next_sequence(),
        }
    }

    /// Reserves sequence numbers for FEC.
    pub(super) fn skip(&mut self, packets: u16) {
        match self {
            Self::Vp8(vp8) => vp8.skip(packets),
            Self::H264(h264) => h264.skip(packets),
            Self::Vp9(vp9) => vp9.skip(packets),
        }
    }

    /// Packets carry the temporal layer from now on, if the format has a field for it.
    pub(super) fn send_layers(&mut self) {
        match self {
            Self::Vp8(vp8) => vp8.set_layers(true),
            Self::Vp9(vp9) => vp9.set_layers(true),
            Self::H264(_) => {}
        }
    }
}
