//! Metadata of VP8 packets, read by the native header parser.

use codec_core::codec::{BitsByPart, SlotSet};
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_vp8::decoder::peek;
use codec_vp8::header::{FRAME_TAG_BYTES, HeaderContext, KEY_HEADER_BYTES, parse_frame_header};

/// Fields of a frame header.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderFacts {
    pub(super) qindex: u8,
    pub(super) filter_level: u8,
    pub(super) updates: SlotSet,
    /// Bits by part; the modes' share includes the compressed header.
    pub(super) bits: BitsByPart,
}

/// Parses the frame headers of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderReader {
    context: HeaderContext,
    scaling: [u8; 2],
}

impl HeaderReader {
    /// Returns the upscaling that the last key frame requested from the display.
    pub(super) fn scaling(&self) -> [u8; 2] {
        self.scaling
    }

    /// Reads the header of the next frame in decoding order.
    pub(super) fn read(&mut self, data: &[u8]) -> Result<HeaderFacts, Corrupt> {
        let (tag, key) = peek(data)?;
        self.scaling = key.map_or(self.scaling, |key| key.scaling);
        let start = FRAME_TAG_BYTES + if tag.is_key { KEY_HEADER_BYTES } else { 0 };
        let size_bytes = tag.first_partition_bytes as usize;
        let body = &data[start..];
        let (first, rest) = body
            .split_at_checked(size_bytes)
            .ok_or(Corrupt::FirstPartition { size_bytes, had_bytes: body.len() })?;
        let header =
            parse_frame_header(&mut BoolDecoder::new(first), tag.is_key, &mut self.context);
        let bits = |bytes: usize| 8 * bytes as u64;
        Ok(HeaderFacts {
            qindex: header.quant.y_ac.get(),
            filter_level: header.filter.level,
            updates: header.references.slots(),
            bits: BitsByPart {
                header: bits(start),
                modes: bits(first.len()),
                coefficients: bits(rest.len()),
            },
        })
    }
}
