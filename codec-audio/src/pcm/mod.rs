//! Uncompressed audio (PCM). A packet consists of its samples, channels interleaved.
//!
//! 8- and 16-bit integers map exactly to 16-bit samples, and 32-bit floats to floats; 24-bit
//! integers map exactly to 32-bit floats. 32-bit integers and 64-bit floats are rounded to the 24
//! significant bits of a 32-bit float.

mod codec;
mod convert;

use codec::CAPABILITIES;

use crate::{AudioBackend, AudioCodec, PcmEncoding, sample_codec};

/// `pcm/native`: all encodings are one codec here.
pub const BACKEND: AudioBackend = AudioBackend {
    codec: AudioCodec::Pcm(PcmEncoding::S16Le),
    name: "native",
    encoder: Some((sample_codec::open_encoder::<PcmEncoding>, &CAPABILITIES)),
    decoder: Some((sample_codec::open_decoder::<PcmEncoding>, &CAPABILITIES)),
};
