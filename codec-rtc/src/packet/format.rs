//! Names of payload formats, as SDP spells them.

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RFC 7741.
    Vp8,
    /// RFC 9628; not packetized here yet.
    Vp9,
    /// RFC 6184; not packetized here yet.
    H264,
    /// RTP Payload Format For AV1; not packetized here yet.
    Av1,
    /// RFC 7587.
    Opus,
    /// G.711 mu-law, RFC 3551.
    Pcmu,
    /// G.711 A-law, RFC 3551.
    Pcma,
    /// Redundant payloads, RFC 2198.
    Red,
    /// Parity, RFC 5109.
    Ulpfec,
    /// Flexible parity, RFC 8627.
    FlexFec,
    /// Retransmission, RFC 4588.
    Rtx,
}

impl Format {
    /// All of them.
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

    /// The name in `a=rtpmap`.
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

    /// The format of that name; letters may be large or small.
    #[must_use]
    pub fn from_encoding_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.encoding_name().eq_ignore_ascii_case(name))
    }

    /// What it carries; `None` for those that repair either.
    #[must_use]
    pub const fn media(self) -> Option<Media> {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => Some(Media::Video),
            Self::Opus | Self::Pcmu | Self::Pcma => Some(Media::Audio),
            Self::Red | Self::Ulpfec | Self::FlexFec | Self::Rtx => None,
        }
    }

    /// Ticks per second of its timestamps; `None` for those that take the clock of what they repair.
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

/// A format with the number that stands for it in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// 0..=127.
    pub payload_type: u8,
    /// What it is.
    pub format: Format,
    /// Ticks per second of timestamps.
    pub clock_hz: u32,
    /// Channels that `a=rtpmap` tells: 1 unless told, and always 2 for Opus.
    pub channels: u8,
}

impl Payload {
    /// VP8 as our own ends number it.
    pub const VP8: Self = Self::video(96, Format::Vp8);
    /// Its retransmission.
    pub const VP8_RTX: Self = Self::video(97, Format::Rtx);
    /// Redundancy of video, for ULPFEC.
    pub const VIDEO_RED: Self = Self::video(98, Format::Red);
    /// Parity of video.
    pub const ULPFEC: Self = Self::video(99, Format::Ulpfec);
    /// Flexible parity of video.
    pub const FLEXFEC: Self = Self::video(100, Format::FlexFec);
    /// Opus.
    pub const OPUS: Self =
        Self { payload_type: 111, format: Format::Opus, clock_hz: 48_000, channels: 2 };
    /// Redundancy of Opus.
    pub const AUDIO_RED: Self =
        Self { payload_type: 63, format: Format::Red, clock_hz: 48_000, channels: 2 };
    /// G.711 mu-law, whose number is fixed (RFC 3551, section 6).
    pub const PCMU: Self =
        Self { payload_type: 0, format: Format::Pcmu, clock_hz: 8_000, channels: 1 };
    /// G.711 A-law, whose number is fixed.
    pub const PCMA: Self =
        Self { payload_type: 8, format: Format::Pcma, clock_hz: 8_000, channels: 1 };

    /// A format of video, with a clock of 90 kHz.
    #[must_use]
    pub const fn video(payload_type: u8, format: Format) -> Self {
        Self { payload_type, format, clock_hz: 90_000, channels: 1 }
    }

    /// What a number stands for that needs no `a=rtpmap`.
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
