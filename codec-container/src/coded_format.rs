//! Bit depth and chroma subsampling of coded video, from the headers of its frames.

use codec_core::codec::Codec;
use codec_core::frame::SampleFormat;

use crate::obu;
use crate::vp9::KeyHeader;

/// Returns bit depth and chroma subsampling of a key frame; `None` if the headers are damaged or
/// the codec is not VP8, VP9 or AV1.
#[must_use]
pub fn sample_format(codec: Codec, packet: &[u8]) -> Option<SampleFormat> {
    match codec {
        Codec::Vp8 => Some(SampleFormat::YUV420),
        Codec::Vp9 => KeyHeader::parse(packet).map(|header| header.samples),
        Codec::Av1 => obu::sample_format(packet),
        _ => None,
    }
}
