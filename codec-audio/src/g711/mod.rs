//! G.711: A-law and mu-law, 8 bits per sample. ITU-T G.711; RTP framing as in RFC 3551, section
//! 4.5.14.
//!
//! The standard is defined for 13-bit (A-law) and 14-bit (mu-law) samples. 16-bit samples are
//! truncated to these bit depths, towards minus infinity. A negative sample that lies exactly on a
//! decision value (the limit between two codes) gets the code nearer to 0.

mod codec;
mod law;

pub use law::Law;

use codec::CAPABILITIES;

use crate::{AudioBackend, AudioCodec, sample_codec};

/// `pcma/native`.
pub const PCMA: AudioBackend = backend(AudioCodec::Pcma);
/// `pcmu/native`.
pub const PCMU: AudioBackend = backend(AudioCodec::Pcmu);

const fn backend(codec: AudioCodec) -> AudioBackend {
    AudioBackend {
        codec,
        name: "native",
        encoder: Some((sample_codec::open_encoder::<Law>, &CAPABILITIES)),
        decoder: Some((sample_codec::open_decoder::<Law>, &CAPABILITIES)),
    }
}
