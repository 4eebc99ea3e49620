//! Packetizer of the simulated stream.

use codec_core::codec::PacketMeta;
use codec_core::error::ConfigError;
use codec_rtc::extension::dependency::for_packet;
use codec_rtc::extension::{ExtensionKind, ExtensionMap, Extensions};
use codec_rtc::packet::{VideoFormat, VideoPacketizer, VideoPacketizerConfig};
use codec_rtc::rtp::WriteError;
use codec_rtc::session::FrameDescriber;

/// Bytes of a packet that are kept for the header extension of H.264 with temporal layers: its header,
/// and the longest Dependency Descriptor of three layers.
const DESCRIPTOR_BYTES: usize = 40;

pub(super) struct Packetizer {
    packetizer: VideoPacketizer,
    /// Set for H.264 with temporal layers, whose payload does not state layers and references.
    describer: Option<FrameDescriber>,
    map: ExtensionMap,
}

impl Packetizer {
    /// `layers`: whether the stream has temporal layers.
    pub(super) fn new(format: VideoFormat, layers: bool, mtu: usize) -> Result<Self, ConfigError> {
        let is_described = layers && format == VideoFormat::H264;
        let mtu = mtu.saturating_sub(if is_described { DESCRIPTOR_BYTES } else { 0 });
        let config = VideoPacketizerConfig { format, mtu, ..VideoPacketizerConfig::default() };
        let mut packetizer = VideoPacketizer::new(config)?;
        if layers {
            packetizer.send_layers();
        }
        let describer = is_described.then(FrameDescriber::new).transpose()?;
        Ok(Self { packetizer, describer, map: extension_map() })
    }

    /// Appends the packets of a frame, or of the frame of a spatial layer.
    pub(super) fn packetize(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let start = out.len();
        self.packetizer.packetize(data, None, meta, timestamp, out)?;
        let description = self.describer.as_mut().and_then(|it| it.describe(meta));
        let Some(frame) = description else { return Ok(()) };
        let packets = out.get_mut(start..).unwrap_or_default();
        let last = packets.len().saturating_sub(1);
        for (index, packet) in packets.iter_mut().enumerate() {
            let dependency = Some(for_packet(&frame, index == 0, index == last));
            let extensions = Extensions { dependency, ..Extensions::default() };
            let mut described = Vec::with_capacity(packet.len() + DESCRIPTOR_BYTES);
            extensions.replace_in(packet, &self.map, &mut described)?;
            *packet = described;
        }
        Ok(())
    }
}

/// The header extensions of H.264 packets.
pub(super) fn extension_map() -> ExtensionMap {
    let mut map = ExtensionMap::EMPTY;
    map.insert(1, ExtensionKind::DependencyDescriptor);
    map
}

#[cfg(test)]
mod tests {
    use codec_core::codec::{FrameKind, SlotSet};

    use super::*;

    #[test]
    fn described_packets_have_at_most_the_mtu() {
        const MTU: usize = 300;
        let mut packetizer = Packetizer::new(VideoFormat::H264, true, MTU).unwrap();
        let unit = [&[0, 0, 0, 1, 0x65][..], &[0x88; 5000]].concat();
        let mut packets = Vec::new();
        for frame_id in 0..9 {
            let mut meta = PacketMeta { frame_id, temporal_layers: 3, ..PacketMeta::default() };
            meta.kind = if frame_id == 0 { FrameKind::Key } else { FrameKind::Inter };
            meta.temporal_id = [0, 2, 1, 2][usize::try_from(frame_id % 4).unwrap()];
            // Each frame has three references, which need the longest descriptors.
            meta.refs_updated = SlotSet(1 << (frame_id % 3));
            meta.refs_used = SlotSet(7);
            packetizer.packetize(&unit, &meta, 0, &mut packets).unwrap();
        }
        let longest = packets.iter().map(Vec::len).max().unwrap();
        assert!((MTU - DESCRIPTOR_BYTES..=MTU).contains(&longest), "{longest}");
    }
}
