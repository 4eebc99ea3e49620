//! Every backend of this build: an explicit list, native ones first.

use crate::audio::{
    AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder,
    AudioEncoderConfig, PcmEncoding,
};
#[cfg(feature = "av1")]
use crate::backend::av1;
#[cfg(feature = "opus")]
use crate::backend::ropus;
#[cfg(feature = "import")]
use crate::backend::symphonia;
use crate::codec::{Capabilities, Codec, DecoderConfig, EncoderConfig, VideoDecoder, VideoEncoder};
use crate::error::Error;
use crate::{g711, pcm, vp8};

/// Opens an encoder.
pub type OpenEncoder = fn(&EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error>;
/// Opens a decoder.
pub type OpenDecoder = fn(&DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error>;

/// One implementation of one codec.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Backend {
    pub codec: Codec,
    /// Unique within the codec: `native`, `libvpx`.
    pub name: &'static str,
    pub encoder: Option<(OpenEncoder, &'static Capabilities)>,
    pub decoder: Option<(OpenDecoder, &'static Capabilities)>,
}

/// Every backend, preferred ones first.
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
];

/// Finds the backend named `codec` (the preferred one) or `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has none.
pub fn find(spec: &str) -> Result<&'static Backend, Error> {
    find_in(BACKENDS, spec)
}

/// As [`find`], in a list of your own.
///
/// # Errors
/// [`Error::NoBackend`] if the list has none.
pub fn find_in<'a>(backends: &'a [Backend], spec: &str) -> Result<&'a Backend, Error> {
    matching(backends, spec).next().ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend of `codec` that encodes, or that named `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has none.
pub fn find_encoder(
    spec: &str,
) -> Result<(&'static Backend, OpenEncoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.encoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Finds the preferred backend of `codec` that decodes, or that named `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has none.
pub fn find_decoder(
    spec: &str,
) -> Result<(&'static Backend, OpenDecoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.decoder.map(|(o, caps)| (b, o, caps)));
    found.ok_or_else(|| Error::NoBackend(spec.to_owned()))
}

/// Every backend that `codec` or `codec/name` names.
fn matching<'a>(backends: &'a [Backend], spec: &str) -> impl Iterator<Item = &'a Backend> {
    let (codec, name) = spec.split_once('/').map_or((spec, None), |(c, n)| (c, Some(n)));
    backends
        .iter()
        .filter(move |b| b.codec.name() == codec && name.is_none_or(|name| b.name == name))
}

/// Opens an audio encoder.
pub type OpenAudioEncoder = fn(&AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error>;
/// Opens an audio decoder.
pub type OpenAudioDecoder = fn(&AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error>;

/// One implementation of one audio codec.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct AudioBackend {
    /// All variants of PCM are one codec here.
    pub codec: AudioCodec,
    /// Unique within the codec: `native`, `ropus`, `libopus`.
    pub name: &'static str,
    pub encoder: Option<(OpenAudioEncoder, &'static AudioCapabilities)>,
    pub decoder: Option<(OpenAudioDecoder, &'static AudioCapabilities)>,
}

/// Every audio backend, preferred ones first.
pub static AUDIO_BACKENDS: &[AudioBackend] = &[
    #[cfg(feature = "opus")]
    AudioBackend {
        codec: AudioCodec::Opus,
        name: "ropus",
        encoder: Some((ropus::open_encoder, &ropus::ENCODER_CAPABILITIES)),
        decoder: Some((ropus::open_decoder, &ropus::DECODER_CAPABILITIES)),
    },
    AudioBackend {
        codec: AudioCodec::Pcma,
        name: "native",
        encoder: Some((g711::open_encoder, &g711::CAPABILITIES)),
        decoder: Some((g711::open_decoder, &g711::CAPABILITIES)),
    },
    AudioBackend {
        codec: AudioCodec::Pcmu,
        name: "native",
        encoder: Some((g711::open_encoder, &g711::CAPABILITIES)),
        decoder: Some((g711::open_decoder, &g711::CAPABILITIES)),
    },
    AudioBackend {
        codec: AudioCodec::Pcm(PcmEncoding::S16Le),
        name: "native",
        encoder: Some((pcm::open_encoder, &pcm::CAPABILITIES)),
        decoder: Some((pcm::open_decoder, &pcm::CAPABILITIES)),
    },
    #[cfg(feature = "import")]
    imported(AudioCodec::Aac, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Mp3, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Vorbis, &symphonia::CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Flac, &symphonia::LOSSLESS_CAPABILITIES),
    #[cfg(feature = "import")]
    imported(AudioCodec::Alac, &symphonia::LOSSLESS_CAPABILITIES),
];

#[cfg(feature = "import")]
const fn imported(codec: AudioCodec, can: &'static AudioCapabilities) -> AudioBackend {
    AudioBackend { codec, name: "symphonia", encoder: None, decoder: Some((symphonia::open, can)) }
}

/// Finds the audio backend named `codec` (the preferred one) or `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has none.
pub fn find_audio(spec: &str) -> Result<&'static AudioBackend, Error> {
    let (codec, name) = spec.split_once('/').map_or((spec, None), |(c, n)| (c, Some(n)));
    AUDIO_BACKENDS
        .iter()
        .find(|b| b.codec.name() == codec && name.is_none_or(|name| b.name == name))
        .ok_or_else(|| Error::NoBackend(spec.to_owned()))
}
