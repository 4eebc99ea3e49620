//! End-to-end encryption (E2EE) of whole frames: `SFrame`, RFC 9605. Forwarders of the packets see
//! the payload descriptor and the header extensions, but no video or audio.
//!
//! [`Encryptor`] encrypts and [`Decryptor`] decrypts; [`crate::session`] uses both. The unit of
//! encryption is a coded frame before packetization, or one audio packet. The caller provides the
//! keys: each is a secret ([`Key`]) with a key id that precedes every frame unencrypted.
//!
//! ```text
//! video: frame type (1 byte: 0 key frame, 1 inter frame) | SFrame header | ciphertext | tag
//! audio:                                                    SFrame header | ciphertext | tag
//! ```
//!
//! The frame type has the values of the frame-type bit of VP8 (RFC 6386, section 9.1) for all codecs, so that
//! forwarders and receivers recognise key frames without
//! the key. It is authenticated with the frame, as is the kind of media. RTP timestamps, picture ids and
//! layers are not authenticated, since forwarders rewrite them.

mod decrypt;
mod encrypt;
mod key;
mod media;
mod suite;
#[cfg(test)]
mod test_vectors;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::replay;

pub use decrypt::{
    DecryptCounters, DecryptError, Decryptor, MAX_DERIVED_KEYS, MAX_KEYS, MAX_SHARED_KEYS,
};
pub use encrypt::{Encryptor, MAX_COUNTER};
pub use key::{Key, MAX_KEY_BYTES, MIN_KEY_BYTES};
pub use suite::Suite;

/// Replay window of one key.
type Window = replay::Window<64>;

/// Size of the replay window in frames (RFC 9605, section 9.3). Video frames that wait for
/// retransmission are behind the audio of the same sender; the window covers 20 s of both.
pub const REPLAY_WINDOW: u64 = Window::LEN;

/// Why a key is rejected, or a frame cannot be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SframeError {
    /// A secret is shorter than [`MIN_KEY_BYTES`] or longer than [`MAX_KEY_BYTES`].
    KeyLength {
        /// Length of the given secret.
        had: usize,
    },
    /// There are already [`MAX_KEYS`] keys with an id, or [`MAX_SHARED_KEYS`] shared keys.
    TooManyKeys,
    /// The key id already belongs to another key, whose counters must not be reused.
    KeyIdTaken {
        /// The key id.
        id: u64,
    },
    /// The frame counter is exhausted: no further frame can be encrypted.
    Exhausted,
    /// The cipher rejected its input.
    Cipher,
}

impl fmt::Display for SframeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { had } => {
                write!(
                    f,
                    "invalid key: got {had} bytes, expected {MIN_KEY_BYTES} to {MAX_KEY_BYTES}"
                )
            }
            Self::TooManyKeys => f.write_str("cannot add key: too many keys"),
            Self::KeyIdTaken { id } => {
                write!(f, "cannot add key: key id {id} is in use by another key")
            }
            Self::Exhausted => f.write_str("cannot encrypt frame: frame counter exhausted"),
            Self::Cipher => f.write_str("cannot encrypt frame: cipher rejected its input"),
        }
    }
}

impl std::error::Error for SframeError {}
