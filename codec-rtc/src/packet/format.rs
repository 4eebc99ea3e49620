//! Payload formats and their names in SDP.

use codec_core::codec::Codec;

/// Kind of media in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

/// RTP payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// VP8, RFC 7741.
    Vp8,
    /// VP9, RFC 9628.
    Vp9,
    /// H.264, RFC 6184.
    H264,
    /// AV1, RTP Payload Format For AV1; no packetizer yet.
    Av1,
    /// Opus, RFC 7587.
    Opus,
    /// G.711 mu-law, RFC 3551.
    Pcmu,
    /// G.711 A-law, RFC 3551.
    Pcma,
    /// Redundant payloads (RED), RFC 2198.
    Red,
    /// FEC, RFC 5109.
    Ulpfec,
    /// Flexible FEC, RFC 8627.
    FlexFec,
    /// Retransmission (RTX), RFC 4588.
    Rtx,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 11] = [
        Self::Vp8,
        Self::Vp9,
        Self::H264,
        Self::Av1,
        Self::Opus,
        Self::Pcmu,
        Self::Pcma,
        Self::Red,
        Self::Ulpfec,
        Self::FlexFec,
        Self::Rtx,
    ];

    /// Encoding name in `a=rtpmap`.
    #[must_use]
    pub const fn encoding_name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Red => "red",
            Self::Ulpfec => "ulpfec",
            Self::FlexFec => "flexfec",
            Self::Rtx => "rtx",
        }
    }

    /// Returns the format with this encoding name, ignoring case.
    #[must_use]
    pub fn from_encoding_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.encoding_name().eq_ignore_ascii_case(name))
    }

    /// Kind of media; `None` for formats that protect or repeat other payloads.
    #[must_use]
    pub const fn media(self) -> Option<Media> {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => Some(Media::Video),
            Self::Opus | Self::Pcmu | Self::Pcma => Some(Media::Audio),
            Self::Red | Self::Ulpfec | Self::FlexFec | Self::Rtx => None,
        }
    }

    /// RTP clock rate in Hz; `None` for formats that use the clock of the protected payload.
    #[must_use]
    pub const fn clock_hz(self) -> Option<u32> {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => Some(90_000),
            Self::Opus => Some(48_000),
            Self::Pcmu | Self::Pcma => Some(8_000),
            Self::Red | Self::Ulpfec | Self::FlexFec | Self::Rtx => None,
        }
    }
}

/// Payload format of video for which there is a packetizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoFormat {
    /// VP8, RFC 7741.
    #[default]
    Vp8,
    /// H.264, RFC 6184.
    H264,
    /// VP9, RFC 9628.
    Vp9,
}

impl VideoFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Vp8, Self::H264, Self::Vp9];

    /// Returns the payload format of a codec, if there is a packetizer for it.
    #[must_use]
    pub fn of(codec: Codec) -> Option<Self> {
        Self::ALL.into_iter().find(|format| Codec::from(*format) == codec)
    }
}

impl From<VideoFormat> for Codec {
    fn from(format: VideoFormat) -> Self {
        match format {
            VideoFormat::Vp8 => Self::Vp8,
            VideoFormat::H264 => Self::H264,
            VideoFormat::Vp9 => Self::Vp9,
        }
    }
}

impl From<VideoFormat> for Format {
    fn from(format: VideoFormat) -> Self {
        match format {
            VideoFormat::Vp8 => Self::Vp8,
            VideoFormat::H264 => Self::H264,
            VideoFormat::Vp9 => Self::Vp9,
        }
    }
}

/// A payload format with its payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// The format.
    pub format: Format,
    /// RTP clock rate in Hz.
    pub clock_hz: u32,
    /// Number of channels in `a=rtpmap`: 1 if absent, always 2 for Opus.
    pub channels: u8,
}

impl Payload {
    /// VP8 with the default payload type.
    pub const VP8: Self = Self::video(96, Format::Vp8);
    /// H.264 with the default payload type.
    pub const H264: Self = Self::video(96, Format::H264);
    /// VP9 with the default payload type.
    pub const VP9: Self = Self::video(96, Format::Vp9);
    /// RTX for video.
    pub const VP8_RTX: Self = Self::video(97, Format::Rtx);
    /// RED for video, carries ULPFEC.
    pub const VIDEO_RED: Self = Self::video(98, Format::Red);
    /// ULPFEC for video.
    pub const ULPFEC: Self = Self::video(99, Format::Ulpfec);
    /// FlexFEC for video.
    pub const FLEXFEC: Self = Self::video(100, Format::FlexFec);
    /// Opus with the default payload type.
    pub const OPUS: Self =
        Self { payload_type: 111, format: Format::Opus, clock_hz: 48_000, channels: 2 };
    /// RED for Opus.
    pub const AUDIO_RED: Self =
        Self { payload_type: 63, format: Format::Red, clock_hz: 48_000, channels: 2 };
    /// G.711 mu-law, static payload type (RFC 3551, section 6).
    pub const PCMU: Self =
        Self { payload_type: 0, format: Format::Pcmu, clock_hz: 8_000, channels: 1 };
    /// G.711 A-law, static payload type.
    pub const PCMA: Self =
        Self { payload_type: 8, format: Format::Pcma, clock_hz: 8_000, channels: 1 };

    /// A video format with a clock of 90 kHz.
    #[must_use]
    pub const fn video(payload_type: u8, format: Format) -> Self {
        Self { payload_type, format, clock_hz: 90_000, channels: 1 }
    }

    /// Returns the payload of a static payload type, which needs no `a=rtpmap`.
    #[must_use]
    pub fn from_static_type(payload_type: u8) -> Option<Self> {
        [Self::PCMU, Self::PCMA].into_iter().find(|it| it.payload_type == payload_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_found_by_their_names() {
        for format in Format::ALL {
            let name = format.encoding_name();
            assert_eq!(Format::from_encoding_name(name), Some(format));
            assert_eq!(Format::from_encoding_name(&name.to_uppercase()), Some(format));
            assert_eq!(format.media().is_some(), format.clock_hz().is_some());
        }
        assert_eq!(Format::from_encoding_name("telephone-event"), None);
        assert_eq!(Payload::from_static_type(8), Some(Payload::PCMA));
        assert_eq!(Payload::from_static_type(96), None);
    }
}
