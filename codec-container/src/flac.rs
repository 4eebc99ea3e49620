//! FLAC metadata for containers: `STREAMINFO` and the number of samples in a frame. RFC 9639,
//! sections 8.2 and 9.1.

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};

use crate::channel_mask::layout_of_mask;
use crate::tags::{parse_comments, put_comments};
use crate::{AudioTrack, Format};

pub(crate) const STREAM_INFO_BYTES: usize = 34;
pub(crate) const STREAM_INFO: u8 = 0;
pub(crate) const COMMENTS: u8 = 4;
pub(crate) const LAST_BLOCK: u8 = 0x80;
/// The tag with the channel mask, in hexadecimal. RFC 9639, section 8.6.2.
const MASK_TAG: &str = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK";

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

/// Returns the start of a native FLAC file with the bytes of a `STREAMINFO`, and a tag with the speakers if
/// FLAC has no number for the layout.
pub(crate) fn headers(stream_info: &[u8], layout: ChannelLayout) -> Vec<u8> {
    let mut tags = Vec::new();
    put_layout(&mut tags, layout);
    let is_last = if tags.is_empty() { LAST_BLOCK } else { 0 };
    let mut out = [b"fLaC", &[is_last | STREAM_INFO, 0, 0, 0x22][..], stream_info].concat();
    if !tags.is_empty() {
        let mut comments = Vec::new();
        put_comments(&mut comments, &tags);
        out.push(LAST_BLOCK | COMMENTS);
        let len = u32::try_from(comments.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes()[1..]);
        out.extend_from_slice(&comments);
    }
    out
}

/// Adds the tag with the speakers if FLAC has no number for the layout.
pub(crate) fn put_layout(tags: &mut Vec<(String, String)>, layout: ChannelLayout) {
    if let ChannelLayout::Speakers(speakers) = layout {
        tags.push((MASK_TAG.to_owned(), format!("{:#06x}", speakers.mask())));
    }
}

/// Sets the layout that a tag states, and removes the tag.
pub(crate) fn take_layout(tags: &mut Vec<(String, String)>, layout: &mut ChannelLayout) {
    tags.retain(|(name, value)| {
        let is_mask = name.eq_ignore_ascii_case(MASK_TAG);
        let digits = value.trim().trim_start_matches("0x").trim_start_matches("0X");
        let mask = u32::from_str_radix(digits, 16).ok().filter(|_| is_mask);
        *layout = mask.and_then(|mask| layout_of_mask(layout.count(), mask)).unwrap_or(*layout);
        !is_mask
    });
}

/// Sets the layout that the metadata blocks after the `STREAMINFO` state; `blocks` begins with it.
pub(crate) fn take_layout_of_blocks(mut blocks: &[u8], layout: &mut ChannelLayout) {
    while let Some((&[kind, a, b, c], rest)) = blocks.split_first_chunk() {
        let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let Some((block, after)) = rest.split_at_checked(len) else { return };
        if kind & !LAST_BLOCK == COMMENTS {
            take_layout(&mut parse_comments(block), layout);
        }
        if kind & LAST_BLOCK != 0 {
            return;
        }
        blocks = after;
    }
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

    #[test]
    fn speakers_without_a_number_of_their_own_are_in_a_tag() {
        let usual = headers(&[7; STREAM_INFO_BYTES], ChannelLayout::Quad);
        assert_eq!(usual, [b"fLaC\x80\x00\x00\x22", &[7; STREAM_INFO_BYTES][..]].concat());
        let three_one = layout_of_mask(4, 0xF).unwrap();
        let blocks = headers(&[7; STREAM_INFO_BYTES], three_one)[4..].to_vec();
        let mut layout = ChannelLayout::Quad;
        take_layout_of_blocks(&blocks, &mut layout);
        assert_eq!(layout, three_one);
        for cut in 0..blocks.len() {
            let mut layout = ChannelLayout::Quad;
            take_layout_of_blocks(&blocks[..cut], &mut layout);
            assert_eq!(layout, ChannelLayout::Quad);
        }
        let mut tags = vec![(MASK_TAG.to_lowercase(), "0x104F".into()), ("a".into(), "f".into())];
        take_layout(&mut tags, &mut layout);
        assert_eq!((tags.len(), layout), (1, layout_of_mask(4, 0x104F).unwrap()));
    }
}
