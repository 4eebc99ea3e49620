//! Audio codecs, sample encodings, sample rates and channel layouts.

use std::fmt;

use super::speakers::{Speaker, SpeakerSet};

/// Encoding of PCM samples.
///
/// The samples of all channels are interleaved in every encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PcmEncoding {
    /// Unsigned, 8 bits; 128 is silence.
    U8,
    /// Signed, 16 bits, little-endian.
    S16Le,
    /// Signed, 16 bits, big-endian.
    S16Be,
    /// Signed, 24 bits, little-endian, packed.
    S24Le,
    /// Signed, 32 bits, little-endian.
    S32Le,
    /// IEEE 754, 32 bits, little-endian, full scale 1.
    F32Le,
    /// IEEE 754, 64 bits, little-endian, full scale 1.
    F64Le,
}

impl PcmEncoding {
    /// All encodings.
    pub const ALL: [Self; 7] =
        [Self::U8, Self::S16Le, Self::S16Be, Self::S24Le, Self::S32Le, Self::F32Le, Self::F64Le];

    /// Returns the size of a sample in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16Le | Self::S16Be => 2,
            Self::S24Le => 3,
            Self::S32Le | Self::F32Le => 4,
            Self::F64Le => 8,
        }
    }

    /// Returns the usual name, for example `s16le`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::S16Le => "s16le",
            Self::S16Be => "s16be",
            Self::S24Le => "s24le",
            Self::S32Le => "s32le",
            Self::F32Le => "f32le",
            Self::F64Le => "f64le",
        }
    }
}

/// An audio codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the formats'")]
pub enum AudioCodec {
    Opus,
    /// G.711 A-law, 8 bits per sample.
    Pcma,
    /// G.711 mu-law, 8 bits per sample.
    Pcmu,
    Pcm(PcmEncoding),
    Flac,
    Vorbis,
    Aac,
    Mp3,
    Alac,
}

impl AudioCodec {
    /// Returns the name used on command lines and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Pcma => "pcma",
            Self::Pcmu => "pcmu",
            Self::Pcm(_) => "pcm",
            Self::Flac => "flac",
            Self::Vorbis => "vorbis",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Alac => "alac",
        }
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcm(encoding) => write!(f, "pcm {}", encoding.name()),
            _ => f.write_str(self.name()),
        }
    }
}

/// Channel layout, in the channel order of WAVE files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelLayout {
    /// Front centre.
    #[default]
    Mono,
    /// Left, right.
    Stereo,
    /// Left, right, centre.
    Surround30,
    /// Front left and right, back left and right.
    Quad,
    /// Left, right, centre, back left and right.
    Surround50,
    /// Left, right, centre, low frequency, back left and right.
    Surround51,
    /// Left, right, centre, low frequency, back centre, side left and right.
    Surround61,
    /// Left, right, centre, low frequency, back left and right, side left and right.
    Surround71,
    /// These speakers, if no other layout has exactly them. `ChannelLayout::from` makes layouts of sets.
    Speakers(SpeakerSet),
    /// Channels without speaker positions, by number (1..=255).
    Discrete(u8),
}

impl ChannelLayout {
    /// The layouts with names of their own, by number of channels: those of Opus, Vorbis and FLAC.
    pub const NAMED: [Self; 8] = [
        Self::Mono,
        Self::Stereo,
        Self::Surround30,
        Self::Quad,
        Self::Surround50,
        Self::Surround51,
        Self::Surround61,
        Self::Surround71,
    ];

    /// Returns the default layout for `count` channels; `None` for 0 and above 255.
    #[must_use]
    pub fn of(count: usize) -> Option<Self> {
        Some(match count {
            0 => return None,
            1 => Self::Mono,
            2 => Self::Stereo,
            3 => Self::Surround30,
            4 => Self::Quad,
            5 => Self::Surround50,
            6 => Self::Surround51,
            7 => Self::Surround61,
            8 => Self::Surround71,
            _ => Self::Discrete(u8::try_from(count).ok()?),
        })
    }

    /// Returns the number of channels.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Discrete(count) => usize::from(count),
            _ => self.speakers().count(),
        }
    }

    /// Returns the speaker positions; empty for [`Self::Discrete`].
    #[must_use]
    pub const fn speakers(self) -> SpeakerSet {
        use Speaker::{
            BackCentre, BackLeft, BackRight, FrontCentre, FrontLeft, FrontRight, LowFrequency,
            SideLeft, SideRight,
        };
        let speakers: &[Speaker] = match self {
            Self::Mono => &[FrontCentre],
            Self::Stereo => &[FrontLeft, FrontRight],
            Self::Surround30 => &[FrontLeft, FrontRight, FrontCentre],
            Self::Quad => &[FrontLeft, FrontRight, BackLeft, BackRight],
            Self::Surround50 => &[FrontLeft, FrontRight, FrontCentre, BackLeft, BackRight],
            Self::Surround51 => {
                &[FrontLeft, FrontRight, FrontCentre, LowFrequency, BackLeft, BackRight]
            }
            Self::Surround61 => {
                &[FrontLeft, FrontRight, FrontCentre, LowFrequency, BackCentre, SideLeft, SideRight]
            }
            Self::Surround71 => &[
                FrontLeft,
                FrontRight,
                FrontCentre,
                LowFrequency,
                BackLeft,
                BackRight,
                SideLeft,
                SideRight,
            ],
            Self::Speakers(speakers) => return speakers,
            Self::Discrete(_) => &[],
        };
        SpeakerSet::of(speakers)
    }
}

impl From<SpeakerSet> for ChannelLayout {
    /// Returns the layout of exactly these speakers. A set without speakers is [`ChannelLayout::Speakers`] of no channel.
    fn from(speakers: SpeakerSet) -> Self {
        let named = Self::NAMED.into_iter().find(|layout| layout.speakers() == speakers);
        named.unwrap_or(Self::Speakers(speakers))
    }
}

impl fmt::Display for ChannelLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mono => "mono",
            Self::Stereo => "stereo",
            Self::Surround30 => "3.0",
            Self::Quad => "quad",
            Self::Surround50 => "5.0",
            Self::Surround51 => "5.1",
            Self::Surround61 => "6.1",
            Self::Surround71 => "7.1",
            Self::Speakers(speakers) => return speakers.fmt(f),
            Self::Discrete(count) => return write!(f, "{count} channels"),
        })
    }
}

/// Range of sample rates that can be converted, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// Sample rate and channel layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AudioFormat {
    /// Samples per channel and second, at least 1.
    pub rate: u32,
    /// Channel layout.
    pub layout: ChannelLayout,
}

impl AudioFormat {
    /// Creates a format of `layout` at `rate` samples per second.
    #[must_use]
    pub const fn new(rate: u32, layout: ChannelLayout) -> Self {
        Self { rate, layout }
    }

    /// Returns the number of channels.
    #[must_use]
    pub fn channels(self) -> usize {
        self.layout.count()
    }
}

impl fmt::Display for AudioFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz {}", self.rate, self.layout)
    }
}
