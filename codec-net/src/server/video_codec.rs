//! Codecs of published video: the codecs that the server accepts, and the codec of a stream.

use std::fmt;

use codec_backends::registry;
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::Profile;
use codec_webrtc::{Media, NegotiatedCodec};

/// The codec of a stream's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// VP8.
    Vp8,
    /// H.264 of this profile.
    H264(Profile),
    /// VP9 of profile 0.
    Vp9,
}

impl VideoCodec {
    /// The payload format.
    #[must_use]
    pub fn format(self) -> VideoFormat {
        match self {
            Self::Vp8 => VideoFormat::Vp8,
            Self::H264(_) => VideoFormat::H264,
            Self::Vp9 => VideoFormat::Vp9,
        }
    }

    /// The name in the list of streams and in descriptions: `vp8`, `h264`, `vp9`.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(self.format())
    }

    /// The payload with which a peer can receive this codec on a media section.
    pub(super) fn negotiated(self, media: &Media) -> Option<NegotiatedCodec> {
        match self {
            Self::Vp8 => media.vp8(),
            Self::H264(profile) => media.h264(profile),
            Self::Vp9 => media.vp9(),
        }
    }
}

/// Name of a codec in descriptions of streams.
pub(super) fn name_of(format: VideoFormat) -> &'static str {
    match format {
        VideoFormat::Vp8 => "vp8",
        VideoFormat::H264 => "h264",
        VideoFormat::Vp9 => "vp9",
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vp8 => f.write_str("VP8"),
            Self::H264(profile) => write!(f, "H.264 {profile}"),
            Self::Vp9 => f.write_str("VP9"),
        }
    }
}

/// The codecs of video that a server accepts, in order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoCodecs {
    first: VideoFormat,
    others: [Option<VideoFormat>; 2],
}

impl VideoCodecs {
    /// One codec.
    #[must_use]
    pub const fn only(format: VideoFormat) -> Self {
        Self { first: format, others: [None; 2] }
    }

    /// Two codecs; the first one is preferred.
    #[must_use]
    pub const fn new(first: VideoFormat, second: VideoFormat) -> Self {
        let is_same = matches!(
            (first, second),
            (VideoFormat::Vp8, VideoFormat::Vp8)
                | (VideoFormat::H264, VideoFormat::H264)
                | (VideoFormat::Vp9, VideoFormat::Vp9)
        );
        Self { first, others: [if is_same { None } else { Some(second) }, None] }
    }

    /// Adds a codec after the others, unless it is already among them.
    #[must_use]
    pub fn with(self, format: VideoFormat) -> Self {
        let Self { first, others: [second, third] } = self;
        match second {
            _ if self.contains(format) => self,
            None => Self { first, others: [Some(format), third] },
            Some(_) => Self { first, others: [second, Some(format)] },
        }
    }

    /// All codecs of this build: VP8, then H.264 and VP9 if there are decoders for them.
    #[must_use]
    pub fn of_build() -> Self {
        let others = [VideoFormat::H264, VideoFormat::Vp9];
        let others = others.into_iter().filter(|format| can_decode(*format));
        others.fold(Self::only(VideoFormat::Vp8), Self::with)
    }

    /// Without the codecs that this build cannot decode; `None` if there is no other.
    pub(super) fn supported(self) -> Option<Self> {
        let mut known = self.iter().filter(|format| can_decode(*format));
        let first = Self::only(known.next()?);
        Some(known.fold(first, Self::with))
    }

    /// The codecs in order of preference.
    pub fn iter(self) -> impl Iterator<Item = VideoFormat> {
        std::iter::once(self.first).chain(self.others.into_iter().flatten())
    }

    /// Whether a codec is accepted.
    #[must_use]
    pub fn contains(self, format: VideoFormat) -> bool {
        self.iter().any(|it| it == format)
    }
}

/// Whether this build decodes a codec.
fn can_decode(format: VideoFormat) -> bool {
    registry::find_decoder(name_of(format)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_listed_in_order_of_preference() {
        let both = VideoCodecs::new(VideoFormat::H264, VideoFormat::Vp8);
        assert!(both.iter().eq([VideoFormat::H264, VideoFormat::Vp8]));
        let all = both.with(VideoFormat::Vp9).with(VideoFormat::H264);
        assert!(all.iter().eq([VideoFormat::H264, VideoFormat::Vp8, VideoFormat::Vp9]));
        let one = VideoCodecs::new(VideoFormat::Vp8, VideoFormat::Vp8);
        assert_eq!(one, VideoCodecs::only(VideoFormat::Vp8));
        assert!(!one.contains(VideoFormat::H264));
        assert_eq!(VideoCodecs::of_build().supported(), Some(VideoCodecs::of_build()));
        assert!(VideoCodecs::of_build().iter().next() == Some(VideoFormat::Vp8));
    }
}
