//! Determines the field order of H.264 streams whose container states none.

use codec_backends::registry;
use codec_container::{AnnexB, CodedPacket, VideoTrack};
use codec_core::codec::{Codec, DecoderConfig, Limits, OutputOrder, VideoDecoder};
use codec_core::frame::FieldOrder;

/// Number of packets that are decoded in search of a frame.
const MAX_PACKETS: u32 = 16;

/// Decodes the first frame of a stream.
#[derive(Debug)]
pub struct FieldOrderProbe {
    decoder: Box<dyn VideoDecoder>,
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
    left: u32,
}

impl FieldOrderProbe {
    /// Creates a probe; `None` if the container states the order, or the video is not H.264.
    #[must_use]
    pub fn new(track: &VideoTrack, limits: Limits) -> Option<Self> {
        if track.codec != Codec::H264 || track.info.field_order.is_interlaced() {
            return None;
        }
        let mut config = DecoderConfig::default();
        (config.limits, config.output_order) = (limits, OutputOrder::LowDelay);
        let (_, open, _) = registry::find_decoder(track.codec.name()).ok()?;
        let decoder = open(&config).ok()?;
        let annex_b = AnnexB::new(&track.codec_private);
        Some(Self { decoder, annex_b, converted: Vec::new(), left: MAX_PACKETS })
    }

    /// Adds the next packet of the track; returns the order of the first frame when it is complete. Packets
    /// that cannot be decoded are ignored.
    pub fn add(&mut self, packet: &CodedPacket) -> Option<FieldOrder> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let data = match &mut self.annex_b {
            None => &packet.data,
            Some(annex_b) => {
                annex_b.convert(&packet.data, &mut self.converted);
                &self.converted
            }
        };
        // Probing reports what the container has; decoding reports damage.
        self.decoder.decode(data, packet.pts, None).ok()?;
        let frame = self.decoder.receive()?;
        self.left = 0;
        Some(frame.info.field_order)
    }
}
