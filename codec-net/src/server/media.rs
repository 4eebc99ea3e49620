//! What goes from a publisher to viewers: coded frames, shared and not copied.

use std::sync::OnceLock;

use bytes::Bytes;
use codec_core::entropy::BoolDecoder;
use codec_core::frame::Size;
use codec_vp8::header::{
    FRAME_TAG_BYTES, HeaderContext, KEY_HEADER_BYTES, parse_frame_header, parse_frame_tag,
    parse_key_header,
};

use crate::framing::{Flags, Kind, Record};

/// Ticks per second of pictures' times.
pub const VIDEO_HZ: u32 = 90_000;
/// Ticks per second of sound's times.
pub const SOUND_HZ: u32 = 48_000;
/// Numbers of the streams in a hello of ours.
pub const VIDEO_STREAM: u8 = 0;
/// See [`VIDEO_STREAM`].
pub const SOUND_STREAM: u8 = 1;

/// A coded frame of VP8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct VideoFrame {
    /// The frame.
    pub data: Bytes,
    /// When it is shown, in ticks of 1/90000 s from the stream's beginning; these do not wrap.
    pub pts: u64,
    /// Decodable alone.
    pub key: bool,
    /// Temporal layer, 0 the base.
    pub temporal_id: u8,
    /// Depends on the base layer alone.
    pub layer_sync: bool,
    /// Counts frames of the base layer, where the stream has layers (TL0PICIDX of RFC 7741).
    pub tl0_index: Option<u8>,
    /// No later frame depends on it.
    pub discardable: bool,
    /// Decoded and not shown.
    pub hidden: bool,
    /// Wall time of the capture, NTP 32.32; 0 if not known.
    pub captured: u64,
    /// Of the small rendition.
    pub small: bool,
    /// See [`Self::record`].
    pub framed: OnceLock<Bytes>,
    /// Its packets, made once for all viewers.
    pub packets: OnceLock<Vec<Vec<u8>>>,
}

impl VideoFrame {
    /// The frame in our framing, made once for all viewers; nothing of a frame that is too long.
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

/// A packet of Opus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoundPacket {
    /// The packet.
    pub data: Bytes,
    /// Time of its first sample, in ticks of 1/48000 s from the stream's beginning.
    pub pts: u64,
    /// See [`Self::record`].
    pub framed: OnceLock<Bytes>,
}

impl SoundPacket {
    /// The packet in our framing, made once for all viewers; nothing of one that is too long.
    #[must_use]
    pub fn record(&self) -> Option<Bytes> {
        let flags = Flags { key: true, hidden: false };
        framed(&self.framed, Kind::Sound, flags, SOUND_STREAM, self.pts, 0, &self.data)
    }
}

/// What a frame's own bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFacts {
    /// Decodable alone.
    pub key: bool,
    /// `false`: decoded and not shown.
    pub shown: bool,
    /// Of a key frame: size of the picture.
    pub size: Option<Size>,
    /// Quantiser index of the frame, 0..=127.
    pub qindex: u8,
}

impl FrameFacts {
    /// Reads them of a frame of VP8; `None` if it is none (RFC 6386, sections 9.1 and 19.2).
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
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
            qindex: header.quant.y_ac,
        })
    }
}
