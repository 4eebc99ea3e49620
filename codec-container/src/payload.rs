//! Determines from the payload whether a frame is a key frame and whether it is shown, for containers
//! that do not store these flags.

use codec_core::codec::Codec;

use crate::start_codes::is_annex_b;

/// Facts from the first bytes of a coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are sufficient")]
pub struct PayloadInfo {
    pub key: bool,
    pub shown: bool,
}

impl PayloadInfo {
    /// Parses the first bytes of a packet. An empty packet repeats the last frame: it is shown and
    /// is not a key frame.
    #[must_use]
    pub fn of(codec: Codec, data: &[u8]) -> Self {
        match codec {
            Codec::Vp8 => Self::of_vp8(data),
            Codec::Vp9 => Self::of_vp9(data),
            Codec::H264 => Self { key: h264_has_idr(data), shown: true },
            Codec::Av1 => Self { key: av1_has_sequence_header(data), shown: true },
            _ => Self { key: false, shown: true },
        }
    }

    /// RFC 6386, section 9.1.
    fn of_vp8(data: &[u8]) -> Self {
        match data.first() {
            Some(tag) => Self { key: tag & 1 == 0, shown: tag & 0x10 != 0 },
            None => Self { key: false, shown: true },
        }
    }

    /// VP9 bitstream specification, section 6.2: marker, profile, `show_existing_frame`,
    /// `frame_type`, `show_frame`.
    fn of_vp9(data: &[u8]) -> Self {
        let Some(&first) = data.first() else {
            return Self { key: false, shown: true };
        };
        // Profile 3 has an additional reserved bit.
        let bits = if first & 0x30 == 0x30 { first << 5 } else { first << 4 };
        let existing = bits & 0x80 != 0;
        // A superframe (its last byte has the marker 0b110) ends with a shown frame.
        let superframe = data.last().is_some_and(|last| last & 0xE0 == 0xC0);
        let shown = existing || superframe || bits & 0x20 != 0;
        Self { key: !existing && bits & 0x40 == 0, shown }
    }
}

/// Whether an Annex B access unit, or one with four-byte lengths, has an IDR slice.
fn h264_has_idr(data: &[u8]) -> bool {
    if is_annex_b(data) {
        return data.windows(4).any(|w| w[..3] == [0, 0, 1] && w[3] & 0x1F == 5);
    }
    let mut rest = data;
    while let Some((&len, tail)) = rest.split_first_chunk::<4>() {
        if tail.first().is_some_and(|head| head & 0x1F == 5) {
            return true;
        }
        let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
        let Some(next) = tail.get(len..) else { break };
        rest = next;
    }
    false
}

/// Whether a temporal unit has a sequence header (AV1 specification, section 5.3).
fn av1_has_sequence_header(data: &[u8]) -> bool {
    let mut rest = data;
    while let Some((&header, tail)) = rest.split_first() {
        if header >> 3 & 0xF == 1 {
            return true;
        }
        let extension = usize::from(header & 4 != 0);
        if header & 2 == 0 {
            return false;
        }
        let Some(tail) = tail.get(extension..) else { return false };
        let Some((len, tail)) = leb128(tail) else { return false };
        let Some(next) = tail.get(len..) else { return false };
        rest = next;
    }
    false
}

fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &data[index + 1..]));
        }
    }
    None
}
