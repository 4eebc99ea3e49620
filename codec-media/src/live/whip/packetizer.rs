//! Packetizers of the codecs that are sent.

use codec_core::codec::{Codec, Packet};
use codec_net::random;
use codec_rtc::packet::h264;
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::packet::vp9;
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use codec_rtc::session::FrameDescriber;
use codec_webrtc::Peer;

use crate::failure::{Failure, Result};

/// Packetizer of the sent codec.
pub(super) enum FramePacketizer {
    Vp8(Packetizer),
    H264(Box<(h264::Packetizer, FrameDescriber)>),
    Vp9(vp9::Packetizer),
}

/// The packets of a frame.
pub(super) struct PacketizedFrame {
    pub(super) packets: Vec<Vec<u8>>,
    /// The Dependency Descriptor of a frame of H.264.
    pub(super) dependency: Option<Vec<u8>>,
}

impl FramePacketizer {
    pub(super) fn new(codec: Codec) -> Result<Self> {
        let mtu = Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES;
        if codec == Codec::H264 {
            let config = h264::PacketizerConfig { mtu, ..h264::PacketizerConfig::default() };
            let packetizer = h264::Packetizer::new(config).map_err(Failure::internal)?;
            let describer = FrameDescriber::new().map_err(Failure::internal)?;
            return Ok(Self::H264(Box::new((packetizer, describer))));
        }
        #[expect(clippy::cast_possible_truncation, reason = "any value works")]
        let first_picture_id = random::number() as u16 & 0x7fff;
        if codec == Codec::Vp9 {
            let config =
                vp9::PacketizerConfig { mtu, first_picture_id, ..vp9::PacketizerConfig::default() };
            return vp9::Packetizer::new(config).map(Self::Vp9).map_err(Failure::internal);
        }
        let config = PacketizerConfig { mtu, first_picture_id, ..PacketizerConfig::default() };
        Packetizer::new(config).map(Self::Vp8).map_err(Failure::internal)
    }

    pub(super) fn packetize(&mut self, packet: &Packet, timestamp: u32) -> Result<PacketizedFrame> {
        let mut packets = Vec::new();
        let mut dependency = None;
        let made = match self {
            Self::Vp8(vp8) => {
                if packet.meta.temporal_layers > 1 {
                    vp8.set_layers(true);
                }
                vp8.packetize(&packet.data, &packet.meta, timestamp, &mut packets)
            }
            Self::Vp9(vp9) => {
                if packet.meta.temporal_layers > 1 {
                    vp9.set_layers(true);
                }
                vp9.packetize(&packet.data, &packet.meta, timestamp, &mut packets)
            }
            Self::H264(h264) => {
                let (packetizer, describer) = &mut **h264;
                dependency = describer.describe(&packet.meta);
                packetizer.packetize(&packet.data, timestamp, &mut packets)
            }
        };
        made.map_err(|error| Failure::internal(format!("cannot packetize: {error}")))?;
        Ok(PacketizedFrame { packets, dependency })
    }
}
