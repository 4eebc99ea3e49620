//! Uncompressed sound. A packet is its samples, channels interleaved.
//!
//! 8 and 16 bits pass as 16-bit samples and 32-bit floats as they are: exactly. 24 bits pass as
//! floats, exactly too. 32-bit numbers and 64-bit floats keep the 24 significant bits of a float.

mod codec;
mod convert;

use codec::CAPABILITIES;

use crate::{AudioBackend, AudioCodec, PcmEncoding, packed};

/// `pcm/native`: all encodings are one codec here.
pub const BACKEND: AudioBackend = AudioBackend {
    codec: AudioCodec::Pcm(PcmEncoding::S16Le),
    name: "native",
    encoder: Some((packed::open_encoder::<PcmEncoding>, &CAPABILITIES)),
    decoder: Some((packed::open_decoder::<PcmEncoding>, &CAPABILITIES)),
};
