//! What a file says of each of its tracks.

use std::borrow::Cow;

use codec_core::audio::{AudioCodec, AudioFormat};
use codec_core::codec::{Bitrate, Codec};
use codec_core::frame::{PictureInfo, Rational, Size, TransferCharacteristics};

use crate::{Error, Format, Result, Warning};

/// A track of coded packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Track {
    Video(VideoTrack),
    Audio(AudioTrack),
}

impl Track {
    /// The description of a picture track.
    #[must_use]
    pub fn video(&self) -> Option<&VideoTrack> {
        match self {
            Self::Video(track) => Some(track),
            Self::Audio(_) => None,
        }
    }

    /// The description of a sound track.
    #[must_use]
    pub fn audio(&self) -> Option<&AudioTrack> {
        match self {
            Self::Audio(track) => Some(track),
            Self::Video(_) => None,
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            Self::Video(track) => track.format,
            Self::Audio(track) => track.format,
        }
    }

    /// The name of its codec.
    #[must_use]
    pub fn codec_name(&self) -> &'static str {
        match self {
            Self::Video(track) => track.codec.name(),
            Self::Audio(track) => track.codec.name(),
        }
    }

    /// Seconds per tick: the unit of all times and durations of the track.
    #[must_use]
    pub fn time_base(&self) -> Rational {
        match self {
            Self::Video(track) => track.time_base,
            Self::Audio(track) => track.time_base,
        }
    }

    /// Duration in ticks, where stated (not to be relied on).
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        match self {
            Self::Video(track) => track.duration,
            Self::Audio(track) => track.duration,
        }
    }

    /// What the user should know.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Video(track) => &track.warnings,
            Self::Audio(track) => &track.warnings,
        }
    }

    /// Nothing, if the track is one that this toolkit can work on.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first thing that is not.
    pub fn check_supported(&self) -> Result<()> {
        match self {
            Self::Video(track) => track.check_supported(),
            Self::Audio(track) => track.check_supported(),
        }
    }

    /// Adds things that the user should know.
    pub(crate) fn warn(&mut self, more: Vec<Warning>) {
        match self {
            Self::Video(track) => track.warnings.extend(more),
            Self::Audio(track) => track.warnings.extend(more),
        }
    }
}

/// A track of coded pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoTrack {
    /// Where it comes from.
    pub format: Format,
    /// How it is coded.
    pub codec: Codec,
    /// Size that the container states; the coded frames have the last word.
    pub size: Size,
    /// Seconds per tick: the unit of all times and durations of the track.
    pub time_base: Rational,
    /// Frames per second, where stated.
    pub frame_rate: Option<Rational>,
    /// Number of packets, where stated (not to be relied on).
    pub packet_count: Option<u64>,
    /// Duration in ticks, where stated (not to be relied on).
    pub duration: Option<u64>,
    /// Colours, pixel aspect, rotation.
    pub info: PictureInfo,
    /// Set-up data of the codec (for H.264: an `avcC` record); empty for VP8.
    pub codec_private: Vec<u8>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What of it encoders cannot take; see [`Self::check_supported`].
    pub(crate) refusals: Vec<Cow<'static, str>>,
}

impl VideoTrack {
    /// A track of which nothing else is known: for writers.
    #[must_use]
    pub fn new(format: Format, codec: Codec, size: Size, time_base: Rational) -> Self {
        Self {
            format,
            codec,
            size,
            time_base,
            frame_rate: None,
            packet_count: None,
            duration: None,
            info: PictureInfo::default(),
            codec_private: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Nothing, if the pictures are progressive, of 8 bits, 4:2:0 and standard dynamic range as
    /// far as the container tells. Readers open other streams too, so that they can be described.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first thing that is not.
    pub fn check_supported(&self) -> Result<()> {
        check(self.format, &self.refusals)
    }

    pub(crate) fn refuse(&mut self, what: impl Into<Cow<'static, str>>) {
        self.refusals.push(what.into());
    }

    pub(crate) fn refuse_hdr(&mut self) {
        match self.info.color.transfer {
            TransferCharacteristics::PQ => self.refuse("high dynamic range (PQ) is"),
            TransferCharacteristics::HLG => self.refuse("high dynamic range (HLG) is"),
            _ => {}
        }
    }
}

/// A track of coded sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioTrack {
    /// Where it comes from.
    pub format: Format,
    /// How it is coded.
    pub codec: AudioCodec,
    /// Channels, and the rate in which a decoder's samples are counted: 48000 for Opus.
    pub audio: AudioFormat,
    /// Rate of the sound before it was coded, where stated and another one.
    pub input_rate: Option<u32>,
    /// Seconds per tick: the unit of all times and durations of the track.
    pub time_base: Rational,
    /// Number of packets, where stated (not to be relied on).
    pub packet_count: Option<u64>,
    /// Duration in ticks, where stated (not to be relied on).
    pub duration: Option<u64>,
    /// Set-up data: `OpusHead`, an `AudioSpecificConfig`, the Vorbis headers in Xiph lacing, a FLAC
    /// `STREAMINFO` (34 bytes), an ALAC magic cookie; empty where there is none.
    pub codec_private: Vec<u8>,
    /// Decoded samples before the first that belongs to the sound (codec delay, pre-skip), at the
    /// rate of [`Self::audio`]. Times of packets have it taken off already.
    pub delay: u32,
    /// ISO 639-2 code, or another that the file uses, where stated.
    pub language: Option<String>,
    /// Bits per second, where stated.
    pub bitrate: Option<Bitrate>,
    /// Names and values that describe the sound, as the file orders them.
    pub tags: Vec<(String, String)>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What of it decoders cannot take; see [`Self::check_supported`].
    pub(crate) refusals: Vec<Cow<'static, str>>,
}

impl AudioTrack {
    /// A track of which nothing else is known, with a tick for each sample: for writers.
    #[must_use]
    pub fn new(format: Format, codec: AudioCodec, audio: AudioFormat) -> Self {
        Self {
            format,
            codec,
            audio,
            input_rate: None,
            time_base: Rational::new(1, audio.rate),
            packet_count: None,
            duration: None,
            codec_private: Vec::new(),
            delay: 0,
            language: None,
            bitrate: None,
            tags: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Nothing, if decoders can take the sound as far as the container tells. Readers open other
    /// tracks too, so that they can be described.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first thing that is not.
    pub fn check_supported(&self) -> Result<()> {
        check(self.format, &self.refusals)
    }
}

fn check(format: Format, refusals: &[Cow<'static, str>]) -> Result<()> {
    match refusals.first() {
        Some(what) => Err(Error::unsupported(format, what.clone())),
        None => Ok(()),
    }
}
