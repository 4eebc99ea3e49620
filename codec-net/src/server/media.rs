//! Coded media passed from a publisher to viewers; shared, not copied.

use std::sync::OnceLock;

use bytes::Bytes;
use codec_backends::registry;
use codec_core::codec::{DecoderConfig, Limits as DecoderLimits, VideoDecoder};
use codec_core::entropy::BoolDecoder;
use codec_core::frame::Size;
use codec_vp8::header::{
    FRAME_TAG_BYTES, HeaderContext, KEY_HEADER_BYTES, parse_frame_header, parse_frame_tag,
    parse_key_header,
};

use super::limits::Limits;
use crate::framing::{Flags, Kind, Record};

/// Ticks per second of video timestamps.
pub const VIDEO_HZ: u32 = 90_000;
/// Ticks per second of audio timestamps.
pub const AUDIO_HZ: u32 = 48_000;
/// Indices of the streams in our hello.
pub const VIDEO_STREAM: u8 = 0;
/// See [`VIDEO_STREAM`].
pub const AUDIO_STREAM: u8 = 1;

/// A VP8 frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct VideoFrame {
    /// The coded frame.
    pub data: Bytes,
    /// Presentation time in ticks of 1/90000 s from the start of the stream; does not wrap.
    pub pts: u64,
    /// Whether it is a key frame.
    pub key: bool,
    /// Temporal layer; 0 is the base layer.
    pub temporal_id: u8,
    /// Whether it depends only on the base layer.
    pub layer_sync: bool,
    /// Counter of base layer frames if the stream has layers (TL0PICIDX of RFC 7741).
    pub tl0_index: Option<u8>,
    /// Whether no later frame depends on it, so that it can be dropped.
    pub discardable: bool,
    /// Whether it is decoded but not shown.
    pub hidden: bool,
    /// Wall time of the capture, NTP 32.32; 0 if unknown.
    pub captured: u64,
    /// Whether it belongs to the small rendition.
    pub small: bool,
    /// See [`Self::record`].
    pub framed: OnceLock<Bytes>,
    /// Its packets, created once for all viewers.
    pub packets: OnceLock<Vec<Vec<u8>>>,
}

impl VideoFrame {
    /// The frame in our framing, created once for all viewers; `None` if it is too long.
    #[must_use]
    pub fn record(&self) -> Option<Bytes> {
        let flags = Flags { key: self.key, hidden: self.hidden };
        framed(&self.framed, Kind::Video, flags, VIDEO_STREAM, self.pts, self.captured, &self.data)
    }
}

fn framed(
    kept: &OnceLock<Bytes>,
    kind: Kind,
    flags: Flags,
    stream: u8,
    pts: u64,
    captured: u64,
    data: &Bytes,
) -> Option<Bytes> {
    let made = kept.get_or_init(|| {
        let pts = i64::try_from(pts).unwrap_or(i64::MAX);
        let record = Record { kind, flags, stream, pts, captured, payload: data.to_vec() };
        let mut out = Vec::with_capacity(record.total_bytes());
        if record.write(&mut out).is_err() {
            out.clear();
        }
        out.into()
    });
    (!made.is_empty()).then(|| made.clone())
}

/// An Opus packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioPacket {
    /// The packet.
    pub data: Bytes,
    /// Time of its first sample, in ticks of 1/48000 s from the start of the stream.
    pub pts: u64,
    /// See [`Self::record`].
    pub framed: OnceLock<Bytes>,
}

impl AudioPacket {
    /// The packet in our framing, created once for all viewers; `None` if it is too long.
    #[must_use]
    pub fn record(&self) -> Option<Bytes> {
        let flags = Flags { key: true, hidden: false };
        framed(&self.framed, Kind::Audio, flags, AUDIO_STREAM, self.pts, 0, &self.data)
    }
}

/// Properties read from a frame's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Whether it is a key frame.
    pub key: bool,
    /// `false`: decoded but not shown.
    pub shown: bool,
    /// Frame size; key frames only.
    pub size: Option<Size>,
    /// Quantiser index of the frame, 0..=127.
    pub qindex: u8,
}

impl FrameInfo {
    /// Parses the header of a VP8 frame; `None` if it is invalid (RFC 6386, sections 9.1 and 19.2).
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Self> {
        let tag = parse_frame_tag(data).ok()?;
        let key_header = if tag.is_key {
            Some(parse_key_header(data.get(FRAME_TAG_BYTES..)?).ok()?)
        } else {
            None
        };
        let header_bytes = FRAME_TAG_BYTES + if tag.is_key { KEY_HEADER_BYTES } else { 0 };
        let first = data.get(header_bytes..)?;
        let first_bytes = usize::try_from(tag.first_partition_bytes).ok()?;
        let mut reader = BoolDecoder::new(first.get(..first_bytes)?);
        let header = parse_frame_header(&mut reader, tag.is_key, &mut HeaderContext::default());
        Some(Self {
            key: tag.is_key,
            shown: tag.show,
            size: key_header.map(|key| key.size),
            qindex: header.quant.y_ac.get(),
        })
    }
}

/// Opens a decoder of published video; `None` in a build without VP8.
pub(super) fn open_decoder(limits: Limits) -> Option<Box<dyn VideoDecoder>> {
    let (_, open, _) = registry::find_decoder("vp8").ok()?;
    let mut config = DecoderConfig::default();
    config.limits = DecoderLimits::default();
    config.limits.max_pixels = limits.pixels;
    open(&config).ok()
}
