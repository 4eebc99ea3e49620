//! Payload-specific feedback: PLI (RFC 4585, section 6.3.1), RPSI (RFC 4585, section 6.3.3; RFC
//! 7741, section 5.1) and FIR (RFC 5104, section 4.3.1).

use super::block::{Block, BlockWriter};
use super::{format, kind};
use crate::packet::vp8::PictureId;
use crate::rtp::{Malformed, WriteError};

/// Size of the header, both SSRCs, and the padding and payload type fields of RPSI, in bytes.
const RPSI_HEAD_BYTES: usize = 14;

/// PLI: picture loss indication, a key-frame request after losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pli {
    /// SSRC of the requesting endpoint.
    pub sender_ssrc: u32,
    /// SSRC of the damaged stream.
    pub media_ssrc: u32,
}

/// RPSI: reference picture selection indication, an acknowledgement of a decoded frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rpsi {
    /// SSRC of the acknowledging endpoint.
    pub sender_ssrc: u32,
    /// SSRC of the stream.
    pub media_ssrc: u32,
    /// Payload type that defines the format of [`Self::native`], 0..=127.
    pub payload_type: u8,
    /// Codec-specific identifier of the frame.
    pub native: Vec<u8>,
    /// Unused bits at the end of [`Self::native`], 0..=7.
    pub unused_bits: u8,
}

/// FIR: full intra request, a key-frame request for example by a new participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fir {
    /// SSRC of the requesting endpoint.
    pub sender_ssrc: u32,
    /// Requested streams.
    pub entries: Vec<FirEntry>,
}

/// Key-frame request for one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirEntry {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Counter of requests from this sender for this stream; a repeated request has the same
    /// number.
    pub sequence: u8,
}

impl Pli {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("PLI");
        Ok(Self { sender_ssrc: reader.u32()?, media_ssrc: reader.u32()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::PAYLOAD_FEEDBACK, format::PLI.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        writer.u32(self.media_ssrc);
        writer.end()
    }
}

impl Rpsi {
    /// Creates an acknowledgement of a VP8 or VP9 frame by its `PictureID`.
    #[must_use]
    pub fn vp8(sender_ssrc: u32, media_ssrc: u32, payload_type: u8, id: PictureId) -> Self {
        // As in the payload descriptor: the longer form starts with a set bit.
        let native = match id {
            PictureId::Short(id) => vec![id & 0x7f],
            PictureId::Long(id) => (id | 0x8000).to_be_bytes().to_vec(),
        };
        Self { sender_ssrc, media_ssrc, payload_type, native, unused_bits: 0 }
    }

    /// Creates an acknowledgement of a frame of H.264 by the `frame_number` of its Dependency
    /// Descriptor. Its payload format defines no identifier of its own.
    #[must_use]
    pub fn h264(sender_ssrc: u32, media_ssrc: u32, payload_type: u8, frame_number: u16) -> Self {
        let native = frame_number.to_be_bytes().to_vec();
        Self { sender_ssrc, media_ssrc, payload_type, native, unused_bits: 0 }
    }

    /// `frame_number` of the frame, if the format is H.264.
    #[must_use]
    pub fn h264_frame_number(&self) -> Option<u16> {
        self.native.as_slice().try_into().ok().map(u16::from_be_bytes)
    }

    /// `PictureID` of the frame, if the format is VP8 or VP9.
    #[must_use]
    pub fn vp8_picture_id(&self) -> Option<PictureId> {
        match *self.native.as_slice() {
            [id] => Some(PictureId::Short(id & 0x7f)),
            [high, low] => Some(PictureId::Long(u16::from_be_bytes([high & 0x7f, low]))),
            _ => None,
        }
    }

    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("RPSI");
        let (sender_ssrc, media_ssrc) = (reader.u32()?, reader.u32()?);
        let (padding_bits, payload_type) = (reader.u8()?, reader.u8()? & 0x7f);
        let native = reader.rest();
        let padding_bytes = usize::from(padding_bits / 8);
        let kept = native.len().checked_sub(padding_bytes + usize::from(padding_bits % 8 != 0));
        if kept.is_none() {
            let had_bytes = native.len();
            return Err(Malformed::Padding { padding_bytes, had_bytes });
        }
        let native = native.get(..native.len() - padding_bytes).unwrap_or_default().to_vec();
        Ok(Self { sender_ssrc, media_ssrc, payload_type, native, unused_bits: padding_bits % 8 })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        if self.payload_type > 127 {
            return refuse("the payload type is above 127");
        }
        if self.unused_bits > 7 || self.unused_bits > 0 && self.native.is_empty() {
            return refuse("more unused bits than the last byte has");
        }
        let mut writer =
            BlockWriter::begin(out, kind::PAYLOAD_FEEDBACK, format::RPSI.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        writer.u32(self.media_ssrc);
        let whole = RPSI_HEAD_BYTES + self.native.len();
        let padding = 8 * (whole.next_multiple_of(4) - whole);
        // At most 24 and 7.
        writer.out.push(u8::try_from(padding).unwrap_or(0) + self.unused_bits);
        writer.out.push(self.payload_type);
        writer.out.extend(&self.native);
        writer.end()
    }
}

impl Fir {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("FIR");
        // The media SSRC of the header is unused.
        let (sender_ssrc, _) = (reader.u32()?, reader.u32()?);
        let mut entries = Vec::new();
        while !reader.is_empty() {
            let (ssrc, sequence) = (reader.u32()?, reader.u8()?);
            reader.u24()?;
            entries.push(FirEntry { ssrc, sequence });
        }
        Ok(Self { sender_ssrc, entries })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::PAYLOAD_FEEDBACK, format::FIR.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        writer.u32(0);
        for entry in &self.entries {
            writer.u32(entry.ssrc);
            writer.u32(u32::from(entry.sequence) << 24);
        }
        writer.end()
    }
}
