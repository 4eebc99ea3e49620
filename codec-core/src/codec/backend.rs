//! A backend: the name of an implementation of a codec, and the functions that open its encoder and
//! decoder.

use super::{Capabilities, Codec, DecoderConfig, EncoderConfig, VideoDecoder, VideoEncoder};
use crate::error::Error;

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
