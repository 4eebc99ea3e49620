//! Opens codecs by name.

use codec_audio::{AudioDecoder, AudioDecoderConfig, AudioEncoder, AudioEncoderConfig};
use codec_core::codec::{DecoderConfig, EncoderConfig, VideoDecoder, VideoEncoder};
use codec_core::error::Error;

use crate::registry;

/// Opens an encoder of the codec `spec`, for example `vp8`, or of a particular backend, for example
/// `vp8/native`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such encoder: it lists the ones that exist, or names
/// the feature to enable. Otherwise the encoder's own errors.
pub fn open_encoder(spec: &str, config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    let (_, open, _) = registry::find_encoder(spec)?;
    open(config)
}

/// Opens a decoder of the codec `spec`, for example `vp8`, or of a particular backend, for example
/// `av1/dav1d`.
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such decoder: it lists the ones that exist, or names
/// the feature to enable. Otherwise the decoder's own errors.
pub fn open_decoder(spec: &str, config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    let (_, open, _) = registry::find_decoder(spec)?;
    open(config)
}

/// Opens an encoder of the audio codec `spec`, for example `opus`, or of a particular backend, for
/// example `opus/ropus`. The codec in `config` has to be the same.
///
/// ```
/// use codec_audio::{AudioCodec, AudioEncoderConfig, AudioFormat, ChannelLayout};
///
/// let format = AudioFormat::new(8_000, ChannelLayout::Mono);
/// let config = AudioEncoderConfig::new(AudioCodec::Pcmu, format);
/// let encoder = codec_backends::open_audio_encoder("pcmu", &config)?;
/// # Ok::<(), codec_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such encoder: it lists the ones that exist, or names
/// the feature to enable. Otherwise the encoder's own errors.
pub fn open_audio_encoder(
    spec: &str,
    config: &AudioEncoderConfig,
) -> Result<Box<dyn AudioEncoder>, Error> {
    let (_, open, _) = registry::find_audio_encoder(spec)?;
    open(config)
}

/// Opens a decoder of the audio codec `spec`, for example `opus`, or of a particular backend, for
/// example `flac/symphonia`. The codec in `config` has to be the same.
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such decoder: it lists the ones that exist, or names
/// the feature to enable. Otherwise the decoder's own errors.
pub fn open_audio_decoder(
    spec: &str,
    config: &AudioDecoderConfig,
) -> Result<Box<dyn AudioDecoder>, Error> {
    let (_, open, _) = registry::find_audio_decoder(spec)?;
    open(config)
}
