//! Coded media passed from a publisher to viewers; shared, not copied.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use codec_backends::registry;
use codec_core::codec::{DecoderConfig, Limits as DecoderLimits, OutputOrder, VideoDecoder};
use codec_core::error::Error;
use codec_rtc::packet::VideoFormat;

pub use super::frame_info::FrameInfo;
use super::limits::Limits;
use super::video_codec::name_of;
pub use super::video_codec::{VideoCodec, VideoCodecs};
pub use super::vp9_picture::{Vp9Layer, Vp9Picture};
use crate::framing::{Flags, Kind, Record};

/// Ticks per second of video timestamps.
pub const VIDEO_HZ: u32 = 90_000;
/// Ticks per second of audio timestamps.
pub const AUDIO_HZ: u32 = 48_000;
/// Index of the video stream in our hello.
pub const VIDEO_STREAM: u8 = 0;
/// Index of the audio stream in our hello.
pub const AUDIO_STREAM: u8 = 1;

/// A frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct VideoFrame {
    /// The coded frame; for H.264, an access unit in the byte stream format with its parameter sets.
    pub data: Bytes,
    /// The codec; default VP8.
    pub format: VideoFormat,
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
    /// The layer frames, if the frame was received as a VP9 superframe.
    pub vp9: Option<Arc<Vp9Picture>>,
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

/// Opens a decoder of published video.
pub(super) fn open_decoder(
    format: VideoFormat,
    limits: Limits,
) -> Result<Box<dyn VideoDecoder>, Error> {
    let (_, open, _) = registry::find_decoder(name_of(format))?;
    let mut config = DecoderConfig::default();
    config.output_order = OutputOrder::LowDelay;
    config.limits = DecoderLimits::default();
    config.limits.max_pixels = limits.pixels;
    open(&config)
}
