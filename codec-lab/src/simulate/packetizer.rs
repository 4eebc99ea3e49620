//! Packetizer of the simulated payload formats.

use codec_core::codec::{Codec, EncoderConfig, PacketMeta};
use codec_core::error::ConfigError;
use codec_rtc::packet::{vp8, vp9};
use codec_rtc::rtp::WriteError;

pub(super) enum Packetizer {
    Vp8(vp8::Packetizer),
    Vp9(vp9::Packetizer),
}

impl Packetizer {
    /// `codec` is VP8 or VP9.
    pub(super) fn new(
        codec: Codec,
        config: &EncoderConfig,
        mtu: usize,
    ) -> Result<Self, ConfigError> {
        let layers = config.scalability.temporal_layers() > 1;
        if codec == Codec::Vp9 {
            let config = vp9::PacketizerConfig { mtu, layers, ..vp9::PacketizerConfig::default() };
            return vp9::Packetizer::new(config).map(Self::Vp9);
        }
        let config = vp8::PacketizerConfig { mtu, layers, ..vp8::PacketizerConfig::default() };
        vp8::Packetizer::new(config).map(Self::Vp8)
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
        }
    }
}
