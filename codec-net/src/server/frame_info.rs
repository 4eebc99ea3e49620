//! Properties of coded frames, read from their data.

use codec_container::{Format, describe_h264};
use codec_core::entropy::BoolDecoder;
use codec_core::frame::{Rational, SampleFormat, Size};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::{CLOCK_HZ, ProfileLevelId, Units};
use codec_rtc::packet::vp9;
use codec_vp8::header::{
    FRAME_TAG_BYTES, HeaderContext, KEY_HEADER_BYTES, parse_frame_header, parse_frame_tag,
    parse_key_header,
};
use codec_vp9::header::{Header, LoopFilterDeltas, Segmentation};
use codec_vp9::superframe::Superframe;

/// NAL unit type of an IDR slice (ITU-T H.264, table 7-1).
const IDR_SLICE: u8 = 5;

/// Properties read from a frame's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Whether it is a key frame.
    pub key: bool,
    /// `false`: decoded but not shown.
    pub shown: bool,
    /// Frame size; key frames only.
    pub size: Option<Size>,
    /// Profile of H.264; key frames only.
    pub h264: Option<ProfileLevelId>,
    /// Quantiser index of the frame, 0..=127; VP8 only.
    pub qindex: Option<u8>,
}

impl FrameInfo {
    /// Parses the headers of a frame; `None` if they are invalid.
    #[must_use]
    pub fn parse(format: VideoFormat, data: &[u8]) -> Option<Self> {
        match format {
            VideoFormat::Vp8 => Self::parse_vp8(data),
            VideoFormat::H264 => Self::parse_h264(data),
            VideoFormat::Vp9 => Self::parse_vp9(data),
        }
    }

    /// Parses the header of a VP8 frame (RFC 6386, sections 9.1 and 19.2).
    fn parse_vp8(data: &[u8]) -> Option<Self> {
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
            h264: None,
            qindex: Some(header.quant.y_ac.get()),
        })
    }

    /// Parses the header of the first frame of a VP9 packet.
    fn parse_vp9(data: &[u8]) -> Option<Self> {
        let first = *data.first().filter(|first| *first >> 6 == 0b10)?;
        let key = vp9::shows_key_frame(first);
        let mut info = Self { key, shown: true, size: None, h264: None, qindex: None };
        if key {
            let frame = Superframe::split(data).ok()?.next()?;
            info.size = Some(vp9_size(frame)?);
        }
        // A packet is not shown if none of its frames is.
        let mut frames = Superframe::split(data).ok()?;
        info.shown = frames.any(|frame| frame.first().is_some_and(|first| shows(*first)));
        Some(info)
    }

    /// Parses the parameter sets of an access unit in the byte stream format.
    fn parse_h264(data: &[u8]) -> Option<Self> {
        let mut types = Units::new(data).filter_map(|unit| unit.first().map(|it| it & 31));
        let kind = types.find(|kind| (1..=IDR_SLICE).contains(kind))?;
        let track = describe_h264(Format::H264, data, Rational::new(1, CLOCK_HZ));
        let profile = track.as_ref().and_then(|track| track.codec_private.get(1..)?.first_chunk());
        Some(Self {
            key: kind == IDR_SLICE,
            shown: true,
            size: track.as_ref().map(|track| track.size),
            h264: profile.and_then(|bytes| ProfileLevelId::from_bytes(*bytes)),
            qindex: None,
        })
    }
}

/// Size of a key frame of VP9.
fn vp9_size(frame: &[u8]) -> Option<Size> {
    let (deltas, segmentation) = (LoopFilterDeltas::default(), Segmentation::default());
    let context = codec_vp9::header::HeaderContext {
        slots: [None; 8],
        format: SampleFormat::YUV420,
        deltas: &deltas,
        segmentation: &segmentation,
    };
    match Header::parse(frame, &context).ok()? {
        Header::Frame(header) => Some(header.size),
        Header::ShowExisting { .. } => None,
    }
}

/// Whether a VP9 frame that begins with this byte is shown.
fn shows(first: u8) -> bool {
    let (shows_existing, show) = if first >> 4 & 3 == 3 {
        (first >> 2 & 1, first & 1)
    } else {
        (first >> 3 & 1, first >> 1 & 1)
    };
    shows_existing == 1 || show == 1
}

#[cfg(test)]
mod tests {
    use codec_rtc::packet::h264::Profile;

    use super::*;

    #[test]
    fn access_units_are_described_by_their_parameter_sets() {
        let sets = [
            0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0xda, 0x0f, 0x0a, 0x68, 0x40, 0, 0, 0, 1, 0x68, 0xce,
            0x3c, 0x80,
        ];
        let parse = |data: &[u8]| FrameInfo::parse(VideoFormat::H264, data);
        let key = parse(&[&sets[..], &[0, 0, 1, 0x65, 0x88]].concat()).unwrap();
        assert!(key.key && key.shown);
        assert_eq!(key.size, Some(Size::new(240, 320)));
        assert_eq!(key.h264.map(|id| id.profile), Some(Profile::ConstrainedBaseline));
        let inter = parse(&[0, 0, 1, 0x41, 0x9a]).unwrap();
        assert_eq!((inter.key, inter.size, inter.qindex), (false, None, None));
        for none in [&[][..], &sets, &[0, 0, 1, 0x09, 0xf0], &[1, 2, 3]] {
            assert_eq!(parse(none), None);
        }
    }
}
