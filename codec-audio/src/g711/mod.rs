//! G.711: A-law and mu-law, 8 bits a sample. ITU-T G.711; framing by RFC 3551, section 4.5.14.
//!
//! Samples of 16 bits stand for the standard's 13 (A-law) and 14 (mu-law) bits with fractions, which
//! are cut off towards minus infinity: a negative sample that lies on a decision value takes the
//! code nearer to 0.

mod codec;
mod law;

pub use law::Law;

use codec::CAPABILITIES;

use crate::{AudioBackend, AudioCodec, packed};

/// `pcma/native`.
pub const PCMA: AudioBackend = backend(AudioCodec::Pcma);
/// `pcmu/native`.
pub const PCMU: AudioBackend = backend(AudioCodec::Pcmu);

const fn backend(codec: AudioCodec) -> AudioBackend {
    AudioBackend {
        codec,
        name: "native",
        encoder: Some((packed::open_encoder::<Law>, &CAPABILITIES)),
        decoder: Some((packed::open_decoder::<Law>, &CAPABILITIES)),
    }
}
