//! The registry of video and audio backends and audio processors in this build: an explicit static
//! list, native implementations first.

use crate::audio::packed;
use crate::audio::processor::{OpenProcessor, ProcessorEntry};
use crate::audio::{
    AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder,
    AudioEncoderConfig, PcmEncoding,
};
#[cfg(feature = "av1")]
use crate::backend::av1;
#[cfg(feature = "dav1d")]
use crate::backend::dav1d;
#[cfg(feature = "flac")]
use crate::backend::flacenc;
#[cfg(feature = "libvpx")]
use crate::backend::libvpx;
#[cfg(feature = "openh264")]
use crate::backend::openh264;
#[cfg(any(feature = "opus", feature = "libopus"))]
use crate::backend::opus;
#[cfg(feature = "import")]
use crate::backend::symphonia;
use crate::codec::{Capabilities, Codec, DecoderConfig, EncoderConfig, VideoDecoder, VideoEncoder};
use crate::error::Error;
use crate::{g711, pcm, vp8};

/// Constructor of a video encoder.
pub type OpenEncoder = fn(&EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error>;
/// Constructor of a video decoder.
pub type OpenDecoder = fn(&DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error>;

/// An implementation of a video codec: its name, constructors and capabilities.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Backend {
    pub codec: Codec,
    /// Name, unique among the backends of the codec: `native`, `libvpx`.
    pub name: &'static str,
    pub encoder: Option<(OpenEncoder, &'static Capabilities)>,
    pub decoder: Option<(OpenDecoder, &'static Capabilities)>,
}

/// All video backends of this build; the preferred backend of each codec comes first.
pub static BACKENDS: &[Backend] = &[
    Backend {
        codec: Codec::Vp8,
        name: "native",
        encoder: Some((vp8::encoder::open, &vp8::encoder::CAPABILITIES)),
        decoder: Some((vp8::decoder::open, vp8::decoder::capabilities())),
    },
    #[cfg(feature = "av1")]
    Backend {
        codec: Codec::Av1,
        name: "rav1e",
        encoder: Some((av1::encoder::open, &av1::encoder::CAPABILITIES)),
        decoder: None,
    },
    #[cfg(feature = "av1")]
    Backend {
        codec: Codec::Av1,
        name: "rav1d",
        encoder: None,
        decoder: Some((av1::decoder::open, av1::decoder::capabilities())),
    },
    #[cfg(feature = "dav1d")]
    Backend {
        codec: Codec::Av1,
        name: "dav1d",
        encoder: None,
        decoder: Some((dav1d::open, &dav1d::DECODER)),
    },
    #[cfg(feature = "libvpx")]
    Backend {
        codec: Codec::Vp8,
        name: "libvpx",
        encoder: Some((libvpx::open_vp8_encoder, &libvpx::VP8_ENCODER)),
        decoder: Some((libvpx::open_vp8_decoder, &libvpx::VP8_DECODER)),
    },
    #[cfg(feature = "libvpx")]
    Backend {
        codec: Codec::Vp9,
        name: "libvpx",
        encoder: Some((libvpx::open_vp9_encoder, &libvpx::VP9_ENCODER)),
        decoder: Some((libvpx::open_vp9_decoder, &libvpx::VP9_DECODER)),
    },
    #[cfg(feature = "openh264")]
    Backend {
        codec: Codec::H264,
        name: "openh264",
        encoder: Some((openh264::open_encoder, &openh264::ENCODER)),
        decoder: Some((openh264::open_decoder, &openh264::DECODER)),
    },
];

/// Finds a video backend by `codec` (the preferred backend of the codec) or `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches.
pub fn find(spec: &str) -> Result<&'static Backend, Error> {
    find_in(BACKENDS, spec)
}

/// Finds a video backend as [`find`] does, in a caller-supplied list.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of the list matches.
pub fn find_in<'a>(backends: &'a [Backend], spec: &str) -> Result<&'a Backend, Error> {
    matching(backends, spec).next().ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend that encodes `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and encodes.
pub fn find_encoder(
    spec: &str,
) -> Result<(&'static Backend, OpenEncoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.encoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend that decodes `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and decodes.
pub fn find_decoder(
    spec: &str,
) -> Result<(&'static Backend, OpenDecoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.decoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Returns all backends that match `codec` or `codec/name`.
fn matching<'a>(backends: &'a [Backend], spec: &str) -> impl Iterator<Item = &'a Backend> {
    let (codec, name) = spec.split_once('/').map_or((spec, None), |(c, n)| (c, Some(n)));
    backends
        .iter()
        .filter(move |b| b.codec.name() == codec && name.is_none_or(|name| b.name == name))
}

/// Constructor of an audio encoder.
pub type OpenAudioEncoder = fn(&AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error>;
/// Constructor of an audio decoder.
pub type OpenAudioDecoder = fn(&AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error>;

/// An implementation of an audio codec: its name, constructors and capabilities.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct AudioBackend {
    /// The codec; all variants of PCM share one entry.
    pub codec: AudioCodec,
    /// Name, unique among the backends of the codec: `native`, `ropus`, `libopus`.
    pub name: &'static str,
    pub encoder: Option<(OpenAudioEncoder, &'static AudioCapabilities)>,
    pub decoder: Option<(OpenAudioDecoder, &'static AudioCapabilities)>,
}

/// All audio backends of this build; the preferred backend of each codec comes first.
pub static AUDIO_BACKENDS: &[AudioBackend] = &[
    #[cfg(feature = "opus")]
    opus::ROPUS,
    #[cfg(feature = "libopus")]
    opus::LIBOPUS,
    AudioBackend {
        codec: AudioCodec::Pcma,
        name: "native",
        encoder: Some((packed::open_encoder::<g711::Law>, &g711::CAPABILITIES)),
        decoder: Some((packed::open_decoder::<g711::Law>, &g711::CAPABILITIES)),
    },
    AudioBackend {
        codec: AudioCodec::Pcmu,
        name: "native",
        encoder: Some((packed::open_encoder::<g711::Law>, &g711::CAPABILITIES)),
        decoder: Some((packed::open_decoder::<g711::Law>, &g711::CAPABILITIES)),
    },
    AudioBackend {
        codec: AudioCodec::Pcm(PcmEncoding::S16Le),
        name: "native",
        encoder: Some((packed::open_encoder::<PcmEncoding>, &pcm::CAPABILITIES)),
        decoder: Some((packed::open_decoder::<PcmEncoding>, &pcm::CAPABILITIES)),
    },
    #[cfg(feature = "import")]
    imported(AudioCodec::Aac, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Mp3, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Vorbis, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Flac, &symphonia::LOSSLESS_CAPABILITIES),
    #[cfg(feature = "flac")]
    AudioBackend {
        codec: AudioCodec::Flac,
        name: "flacenc",
        encoder: Some((flacenc::open, &flacenc::CAPABILITIES)),
        decoder: None,
    },
    #[cfg(feature = "import")]
    imported(AudioCodec::Alac, &symphonia::LOSSLESS_CAPABILITIES),
];

#[cfg(feature = "import")]
const fn imported(codec: AudioCodec, can: &'static AudioCapabilities) -> AudioBackend {
    AudioBackend { codec, name: "symphonia", encoder: None, decoder: Some((symphonia::open, can)) }
}

/// Finds an audio backend by `codec` (the preferred backend of the codec) or `codec/name`.
///
/// The backend may support only encoding or only decoding; [`find_audio_encoder`] and
/// [`find_audio_decoder`] check for one direction.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches.
pub fn find_audio(spec: &str) -> Result<&'static AudioBackend, Error> {
    matching_audio(spec).next().ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend that encodes the audio codec `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and encodes.
pub fn find_audio_encoder(
    spec: &str,
) -> Result<(&'static AudioBackend, OpenAudioEncoder, &'static AudioCapabilities), Error> {
    let found = matching_audio(spec).find_map(|b| b.encoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend that decodes the audio codec `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and decodes.
pub fn find_audio_decoder(
    spec: &str,
) -> Result<(&'static AudioBackend, OpenAudioDecoder, &'static AudioCapabilities), Error> {
    let found = matching_audio(spec).find_map(|b| b.decoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Returns all audio backends that match `codec` or `codec/name`.
fn matching_audio(spec: &str) -> impl Iterator<Item = &'static AudioBackend> {
    let (codec, name) = spec.split_once('/').map_or((spec, None), |(c, n)| (c, Some(n)));
    AUDIO_BACKENDS
        .iter()
        .filter(move |b| b.codec.name() == codec && name.is_none_or(|name| b.name == name))
}

/// All audio processors of this build.
pub static AUDIO_PROCESSORS: &[ProcessorEntry] = &[
    #[cfg(feature = "resample")]
    ProcessorEntry {
        name: "resample",
        implementation: "rubato 5",
        rates: &[],
        max_channels: 255,
        help: "resampling between 1 and 384 kHz, with compensation of up to 1 % clock drift",
        open: None,
    },
    ProcessorEntry {
        name: "mix",
        implementation: "native",
        rates: &[],
        max_channels: 255,
        help: "mixing of many inputs, with a mix-minus output for each input and a limiter",
        open: None,
    },
    #[cfg(feature = "vad")]
    ProcessorEntry {
        name: "vad",
        implementation: "earshot 1.2",
        rates: &[],
        max_channels: 255,
        help: "voice activity detection in blocks of 16 ms",
        open: Some(crate::audio::vad::open),
    },
    #[cfg(feature = "denoise")]
    ProcessorEntry {
        name: "denoise",
        implementation: "nnnoiseless 0.5",
        rates: crate::audio::denoise::RATES,
        max_channels: 255,
        help: "noise suppression for speech",
        open: Some(crate::audio::denoise::open),
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "apm",
        implementation: "sonora 0.2",
        rates: crate::audio::apm::RATES,
        max_channels: 2,
        help: "echo cancellation, noise suppression, automatic gain control, high-pass filter",
        open: None,
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "agc",
        implementation: "sonora 0.2",
        rates: crate::audio::apm::RATES,
        max_channels: 2,
        help: "automatic gain control with a high-pass filter",
        open: Some(crate::audio::apm::open_agc),
    },
    #[cfg(feature = "loudness")]
    ProcessorEntry {
        name: "loudness",
        implementation: "ebur128 0.1",
        rates: &[],
        max_channels: 64,
        help: "loudness measurement by EBU R 128",
        open: None,
    },
];

/// Finds the constructor of the processor `name`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such processor, or if it cannot be opened through
/// [`ProcessorEntry::open`].
pub fn find_processor(name: &str) -> Result<OpenProcessor, Error> {
    let found = AUDIO_PROCESSORS.iter().find(|entry| entry.name == name);
    found.and_then(|entry| entry.open).ok_or_else(|| Error::NoBackend(name.to_owned()))
}
