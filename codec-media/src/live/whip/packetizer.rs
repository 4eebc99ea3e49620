//! Packetizer of the codec that is sent.

use codec_core::codec::{Codec, Packet};
use codec_net::random;
use codec_rtc::packet::{VideoFormat, VideoPacketizer, VideoPacketizerConfig};
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use codec_rtc::session::FrameDescriber;
use codec_webrtc::Peer;

use crate::failure::{Failure, Result};

/// Packetizer of frames, and their descriptions.
pub(super) struct FramePacketizer {
    packetizer: VideoPacketizer,
    /// Set for H.264, whose payload does not state layers and references.
    describer: Option<Box<FrameDescriber>>,
}

/// The packets of a frame.
pub(super) struct PacketizedFrame {
    pub(super) packets: Vec<Vec<u8>>,
    /// The Dependency Descriptor of a frame of H.264.
    pub(super) dependency: Option<Vec<u8>>,
}

impl FramePacketizer {
    pub(super) fn new(codec: Codec) -> Result<Self> {
        let format = VideoFormat::of(codec)
            .ok_or_else(|| Failure::internal(format!("{codec} has no packetizer")))?;
        #[expect(clippy::cast_possible_truncation, reason = "any value works")]
        let first_picture_id = random::number() as u16 & 0x7fff;
        let packetizer = VideoPacketizer::new(VideoPacketizerConfig {
            format,
            mtu: Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES,
            first_picture_id,
            ..VideoPacketizerConfig::default()
        });
        let describer = (format == VideoFormat::H264).then(FrameDescriber::new);
        Ok(Self {
            packetizer: packetizer.map_err(Failure::internal)?,
            describer: describer.transpose().map_err(Failure::internal)?.map(Box::new),
        })
    }

    pub(super) fn packetize(&mut self, packet: &Packet, timestamp: u32) -> Result<PacketizedFrame> {
        let Packet { data, meta, .. } = packet;
        if meta.temporal_layers > 1 {
            self.packetizer.send_layers();
        }
        let mut packets = Vec::new();
        self.packetizer
            .packetize(data, None, meta, timestamp, &mut packets)
            .map_err(|error| Failure::internal(format!("cannot packetize: {error}")))?;
        let dependency = self.describer.as_mut().and_then(|describer| describer.describe(meta));
        Ok(PacketizedFrame { packets, dependency })
    }
}
