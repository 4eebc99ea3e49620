//! The registry of video and audio backends and audio processors in this build: a static list with
//! the native implementations first.

#[cfg(any(feature = "flac", feature = "import"))]
use codec_audio::AudioCodec;
use codec_audio::{AudioBackend, AudioCapabilities, OpenAudioDecoder, OpenAudioEncoder, g711, pcm};
#[cfg(any(feature = "av1", feature = "dav1d", feature = "libvpx", feature = "openh264"))]
use codec_core::codec::Codec;
use codec_core::codec::{Backend, Capabilities, OpenDecoder, OpenEncoder};
use codec_core::error::Error;

#[cfg(feature = "av1")]
use crate::av1;
#[cfg(feature = "dav1d")]
use crate::dav1d;
#[cfg(feature = "flac")]
use crate::flacenc;
#[cfg(feature = "libvpx")]
use crate::libvpx;
#[cfg(feature = "openh264")]
use crate::openh264;
use crate::optional::{Role, is_named, missing};
#[cfg(any(feature = "opus", feature = "libopus"))]
use crate::opus;
#[cfg(feature = "import")]
use crate::symphonia;

/// All video backends of this build; the preferred backend of each codec comes first.
///
/// ```
/// use codec_backends::registry::{AUDIO_BACKENDS, BACKENDS};
///
/// assert_eq!((BACKENDS[0].codec.name(), BACKENDS[0].name), ("vp8", "native"));
/// assert!(AUDIO_BACKENDS.iter().any(|backend| backend.codec.name() == "pcmu"));
/// ```
pub static BACKENDS: &[Backend] = &[
    codec_vp8::BACKEND,
    codec_vp9::BACKEND,
    #[cfg(feature = "h264")]
    codec_h264::BACKEND,
    #[cfg(feature = "av1")]
    Backend {
        codec: Codec::Av1,
        name: "rav1e",
        encoder: Some((av1::encoder::open, &av1::settings::CAPABILITIES)),
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
    matching(backends, spec)
        .next()
        .ok_or_else(|| missing(spec, Role::Any, backends.iter().map(names)).into())
}

/// Finds the preferred backend that encodes `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and encodes.
pub fn find_encoder(
    spec: &str,
) -> Result<(&'static Backend, OpenEncoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.encoder.map(|(o, caps)| (b, o, caps)));
    let with = || BACKENDS.iter().filter(|b| b.encoder.is_some()).map(names);
    found.ok_or_else(|| missing(spec, Role::Encoder, with()).into())
}

/// Finds the preferred backend that decodes `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and decodes.
pub fn find_decoder(
    spec: &str,
) -> Result<(&'static Backend, OpenDecoder, &'static Capabilities), Error> {
    let found = matching(BACKENDS, spec).find_map(|b| b.decoder.map(|(o, caps)| (b, o, caps)));
    let with = || BACKENDS.iter().filter(|b| b.decoder.is_some()).map(names);
    found.ok_or_else(|| missing(spec, Role::Decoder, with()).into())
}

/// Returns all backends that match `codec` or `codec/name`.
fn matching<'a>(backends: &'a [Backend], spec: &str) -> impl Iterator<Item = &'a Backend> {
    backends.iter().filter(move |b| is_named(spec, b.codec.name(), b.name))
}

fn names(backend: &Backend) -> (&'static str, &'static str) {
    (backend.codec.name(), backend.name)
}

/// Every audio backend, preferred ones first.
pub static AUDIO_BACKENDS: &[AudioBackend] = &[
    #[cfg(feature = "opus")]
    opus::ROPUS,
    #[cfg(feature = "libopus")]
    opus::LIBOPUS,
    g711::PCMA,
    g711::PCMU,
    pcm::BACKEND,
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
    matching_audio(spec)
        .next()
        .ok_or_else(|| missing(spec, Role::Any, AUDIO_BACKENDS.iter().map(audio_names)).into())
}

/// Finds the preferred backend that encodes the audio codec `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and encodes.
pub fn find_audio_encoder(
    spec: &str,
) -> Result<(&'static AudioBackend, OpenAudioEncoder, &'static AudioCapabilities), Error> {
    let found = matching_audio(spec).find_map(|b| b.encoder.map(|(o, caps)| (b, o, caps)));
    let with = || AUDIO_BACKENDS.iter().filter(|b| b.encoder.is_some()).map(audio_names);
    found.ok_or_else(|| missing(spec, Role::Encoder, with()).into())
}

/// Finds the preferred backend that decodes the audio codec `codec`, or the backend `codec/name`.
///
/// # Errors
/// [`Error::NoBackend`] if no backend of this build matches and decodes.
pub fn find_audio_decoder(
    spec: &str,
) -> Result<(&'static AudioBackend, OpenAudioDecoder, &'static AudioCapabilities), Error> {
    let found = matching_audio(spec).find_map(|b| b.decoder.map(|(o, caps)| (b, o, caps)));
    let with = || AUDIO_BACKENDS.iter().filter(|b| b.decoder.is_some()).map(audio_names);
    found.ok_or_else(|| missing(spec, Role::Decoder, with()).into())
}

/// Returns all audio backends that match `codec` or `codec/name`.
fn matching_audio(spec: &str) -> impl Iterator<Item = &'static AudioBackend> {
    AUDIO_BACKENDS.iter().filter(move |b| is_named(spec, b.codec.name(), b.name))
}

fn audio_names(backend: &AudioBackend) -> (&'static str, &'static str) {
    (backend.codec.name(), backend.name)
}
