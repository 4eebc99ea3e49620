//! Descriptions of tracks.

use std::borrow::Cow;

use codec_audio::{AudioCodec, AudioFormat};
use codec_core::codec::{Bitrate, Codec};
use codec_core::frame::{PictureInfo, Rational, SampleFormat, Size, TransferCharacteristics};

use crate::{Error, Format, Result, Warning};

/// A track of coded packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are sufficient")]
pub enum Track {
    Video(VideoTrack),
    Audio(AudioTrack),
}

impl Track {
    /// The description of a video track.
    #[must_use]
    pub fn video(&self) -> Option<&VideoTrack> {
        match self {
            Self::Video(track) => Some(track),
            Self::Audio(_) => None,
        }
    }

    /// The description of an audio track.
    #[must_use]
    pub fn audio(&self) -> Option<&AudioTrack> {
        match self {
            Self::Audio(track) => Some(track),
            Self::Video(_) => None,
        }
    }

    /// Format of the file.
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

    /// Duration in ticks, if stated (unreliable).
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        match self {
            Self::Video(track) => track.duration,
            Self::Audio(track) => track.duration,
        }
    }

    /// Warnings for the user.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Video(track) => &track.warnings,
            Self::Audio(track) => &track.warnings,
        }
    }

    /// Succeeds if this toolkit can process the track.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first unsupported feature.
    pub fn check_supported(&self) -> Result<()> {
        match self {
            Self::Video(track) => track.check_supported(),
            Self::Audio(track) => track.check_supported(),
        }
    }

    /// Adds warnings for the user.
    pub(crate) fn warn(&mut self, more: Vec<Warning>) {
        match self {
            Self::Video(track) => track.warnings.extend(more),
            Self::Audio(track) => track.warnings.extend(more),
        }
    }
}

/// A track of coded video.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoTrack {
    /// Format of the file.
    pub format: Format,
    /// Codec.
    pub codec: Codec,
    /// Size according to the container; the size of the coded frames takes precedence.
    pub size: Size,
    /// Seconds per tick: the unit of all times and durations of the track.
    pub time_base: Rational,
    /// Frames per second, if stated.
    pub frame_rate: Option<Rational>,
    /// Number of packets, if stated (unreliable).
    pub packet_count: Option<u64>,
    /// Duration in ticks, if stated (unreliable).
    pub duration: Option<u64>,
    /// Bit depth and chroma subsampling, if the container states them; the coded frames take
    /// precedence.
    pub samples: Option<SampleFormat>,
    /// Colours, pixel aspect, rotation, field order.
    pub info: PictureInfo,
    /// Codec configuration (for H.264, an `avcC` record); empty for VP8.
    pub codec_private: Vec<u8>,
    /// The title of the track, if stated (WebM, Matroska, MP4).
    pub name: Option<String>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
    /// Features that encoders do not support; see [`Self::check_supported`].
    pub(crate) unsupported_features: Vec<Cow<'static, str>>,
}

impl VideoTrack {
    /// Creates a track for a writer; all other fields have defaults.
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
            samples: None,
            info: PictureInfo::default(),
            codec_private: Vec::new(),
            name: None,
            warnings: Vec::new(),
            unsupported_features: Vec::new(),
        }
    }

    /// Succeeds if the video is 8-bit, 4:2:0 and standard dynamic range according to
    /// the container. Readers open other streams as well, so that they can be described.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first unsupported feature.
    pub fn check_supported(&self) -> Result<()> {
        check(self.format, &self.unsupported_features)
    }

    pub(crate) fn reject(&mut self, what: impl Into<Cow<'static, str>>) {
        self.unsupported_features.push(what.into());
    }

    pub(crate) fn reject_hdr(&mut self) {
        match self.info.color.transfer {
            TransferCharacteristics::PQ => self.reject("high dynamic range (PQ)"),
            TransferCharacteristics::HLG => self.reject("high dynamic range (HLG)"),
            _ => {}
        }
    }
}

/// A track of coded audio.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioTrack {
    /// Format of the file.
    pub format: Format,
    /// Codec.
    pub codec: AudioCodec,
    /// Channels, and the rate of the decoded samples: 48000 for Opus.
    pub audio: AudioFormat,
    /// Rate of the audio before encoding, if stated and different.
    pub input_rate: Option<u32>,
    /// Seconds per tick: the unit of all times and durations of the track.
    pub time_base: Rational,
    /// Number of packets, if stated (unreliable).
    pub packet_count: Option<u64>,
    /// Duration in ticks, if stated (unreliable).
    pub duration: Option<u64>,
    /// Codec configuration (codec private data): `OpusHead`, an `AudioSpecificConfig`, the Vorbis
    /// headers in Xiph lacing, a FLAC `STREAMINFO` (34 bytes), an ALAC magic cookie; empty if there
    /// is none.
    pub codec_private: Vec<u8>,
    /// Decoded samples before the start of the audio (codec delay, pre-skip), at the rate of
    /// [`Self::audio`]. Packet times already account for it.
    pub delay: u32,
    /// ISO 639-2 code, or another that the file uses, if stated.
    pub language: Option<String>,
    /// The title of the track, if stated (WebM, Matroska, MP4).
    pub name: Option<String>,
    /// Whether players choose the track if the user does not, if stated (WebM, Matroska, MP4).
    pub is_default: Option<bool>,
    /// Bits per second, if stated.
    pub bitrate: Option<Bitrate>,
    /// Names and values that describe the audio, in file order.
    pub tags: Vec<(String, String)>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
    /// Features that decoders do not support; see [`Self::check_supported`].
    pub(crate) unsupported_features: Vec<Cow<'static, str>>,
}

impl AudioTrack {
    /// Creates a track for a writer, with a tick for each sample; all other fields have defaults.
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
            name: None,
            is_default: None,
            bitrate: None,
            tags: Vec::new(),
            warnings: Vec::new(),
            unsupported_features: Vec::new(),
        }
    }

    /// Succeeds if, according to the container, decoders can decode the audio. Readers open other
    /// tracks as well, so that they can be described.
    ///
    /// # Errors
    /// [`Error::Unsupported`], which names the first unsupported feature.
    pub fn check_supported(&self) -> Result<()> {
        check(self.format, &self.unsupported_features)
    }
}

fn check(format: Format, unsupported_features: &[Cow<'static, str>]) -> Result<()> {
    match unsupported_features.first() {
        Some(what) => Err(Error::unsupported(format, what.clone())),
        None => Ok(()),
    }
}
