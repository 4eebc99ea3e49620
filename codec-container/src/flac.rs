//! FLAC metadata for containers: `STREAMINFO` and the number of samples in a frame. RFC 9639,
//! sections 8.2 and 9.1.

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};

use crate::{AudioTrack, Format};

pub(crate) const STREAM_INFO_BYTES: usize = 34;

/// The fields of `STREAMINFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamInfo {
    pub(crate) rate: u32,
    pub(crate) channels: u8,
    pub(crate) bits: u8,
    /// Number of samples per channel; 0 if unknown.
    pub(crate) samples: u64,
}

impl StreamInfo {
    /// Parses a `STREAMINFO`; `None` if it is truncated or has no rate.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let body: &[u8; STREAM_INFO_BYTES] = body.first_chunk()?;
        let packed = u64::from_be_bytes(*body[10..].first_chunk()?);
        let rate = u32::try_from(packed >> 44).ok()?;
        let channels = (packed >> 41 & 7).to_le_bytes()[0] + 1;
        let bits = (packed >> 36 & 31).to_le_bytes()[0] + 1;
        (rate > 0).then_some(Self { rate, channels, bits, samples: packed & ((1 << 36) - 1) })
    }

    /// Returns the track that this `STREAMINFO` describes; `body` holds its bytes.
    pub(crate) fn to_track(self, format: Format, body: &[u8]) -> AudioTrack {
        let layout = ChannelLayout::of(self.channels.into()).unwrap_or_default();
        let audio = AudioFormat::new(self.rate, layout);
        let mut track = AudioTrack::new(format, AudioCodec::Flac, audio);
        track.codec_private = body[..STREAM_INFO_BYTES.min(body.len())].to_vec();
        track.duration = (self.samples > 0).then_some(self.samples);
        track
    }
}

/// Returns the start of a native FLAC file with the bytes of a `STREAMINFO`.
pub(crate) fn headers(stream_info: &[u8]) -> Vec<u8> {
    // Flags: last block; type: `STREAMINFO`.
    [b"fLaC\x80\x00\x00\x22", stream_info].concat()
}

/// Returns the number of samples per channel in a frame; `None` if it is not a frame.
pub(crate) fn frame_samples(frame: &[u8]) -> Option<u32> {
    let &[sync, second, sizes, _] = frame.first_chunk()?;
    if sync != 0xFF || second & 0xFC != 0xF8 {
        return None;
    }
    // The number of the frame or sample is encoded like UTF-8.
    let number_bytes = match frame.get(4)?.leading_ones() {
        0 => 1,
        ones @ 2..=7 => ones as usize,
        _ => return None,
    };
    let after = frame.get(4 + number_bytes..)?;
    match sizes >> 4 {
        1 => Some(192),
        code @ 2..=5 => Some(576 << (code - 2)),
        6 => Some(u32::from(*after.first()?) + 1),
        7 => Some(u32::from(u16::from_be_bytes(*after.first_chunk()?)) + 1),
        code @ 8..=15 => Some(256 << (code - 8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_in_the_header_or_after_the_number() {
        let frame = |sizes: u8, rest: &[u8]| [&[0xFF, 0xF8, sizes, 0][..], rest].concat();
        assert_eq!(frame_samples(&frame(0xC9, &[0])), Some(4096));
        assert_eq!(frame_samples(&frame(0x59, &[0])), Some(4608));
        assert_eq!(frame_samples(&frame(0x69, &[0xC2, 0x80, 99])), Some(100));
        assert_eq!(frame_samples(&frame(0x79, &[0, 0x0F, 0xFF])), Some(4096));
        assert_eq!(frame_samples(&frame(0x79, &[0, 1])), None);
        assert_eq!(frame_samples(&frame(0x09, &[0])), None);
    }
}
