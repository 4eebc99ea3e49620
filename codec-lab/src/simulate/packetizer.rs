//! Packetizer of the simulated payload formats.

use codec_core::codec::{Codec, EncoderConfig, PacketMeta};
use codec_core::error::ConfigError;
use codec_rtc::extension::dependency::for_packet;
use codec_rtc::extension::{ExtensionKind, ExtensionMap, Extensions};
use codec_rtc::packet::{h264, vp8, vp9};
use codec_rtc::rtp::WriteError;
use codec_rtc::session::FrameDescriber;

/// Bytes of a packet that are kept for the header extension of H.264 with temporal layers: its header,
/// and the longest Dependency Descriptor of three layers.
const DESCRIPTOR_BYTES: usize = 40;

pub(super) enum Packetizer {
    Vp8(vp8::Packetizer),
    Vp9(vp9::Packetizer),
    H264(Box<H264Packetizer>),
}

/// H.264 with the layers and references of its frames, which its payload does not state.
pub(super) struct H264Packetizer {
    packetizer: h264::Packetizer,
    /// Set if there are temporal layers.
    describer: Option<FrameDescriber>,
    map: ExtensionMap,
}

impl Packetizer {
    /// `codec` is VP8, VP9 or H.264.
    pub(super) fn new(
        codec: Codec,
        config: &EncoderConfig,
        mtu: usize,
    ) -> Result<Self, ConfigError> {
        let layers = config.scalability.temporal_layers() > 1;
        match codec {
            Codec::H264 => H264Packetizer::new(layers, mtu).map(|it| Self::H264(Box::new(it))),
            Codec::Vp9 => {
                let config =
                    vp9::PacketizerConfig { mtu, layers, ..vp9::PacketizerConfig::default() };
                vp9::Packetizer::new(config).map(Self::Vp9)
            }
            _ => {
                let config =
                    vp8::PacketizerConfig { mtu, layers, ..vp8::PacketizerConfig::default() };
                vp8::Packetizer::new(config).map(Self::Vp8)
            }
        }
    }

    /// Appends the packets of a frame, or of the frame of a spatial layer.
    pub(super) fn packetize(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        match self {
            Self::Vp8(packetizer) => packetizer.packetize(data, meta, timestamp, out),
            Self::Vp9(packetizer) => packetizer.packetize(data, meta, timestamp, out),
            Self::H264(packetizer) => packetizer.packetize(data, meta, timestamp, out),
        }
    }
}

impl H264Packetizer {
    fn new(layers: bool, mtu: usize) -> Result<Self, ConfigError> {
        let mtu = mtu.saturating_sub(if layers { DESCRIPTOR_BYTES } else { 0 });
        let config = h264::PacketizerConfig { mtu, ..h264::PacketizerConfig::default() };
        Ok(Self {
            packetizer: h264::Packetizer::new(config)?,
            describer: layers.then(FrameDescriber::new).transpose()?,
            map: extension_map(),
        })
    }

    fn packetize(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let start = out.len();
        self.packetizer.packetize(data, timestamp, out)?;
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
