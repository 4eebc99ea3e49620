//! Descriptions of audio backends: their names, and how they are opened.

use super::{
    AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder,
    AudioEncoderConfig,
};
use codec_core::error::Error;

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
