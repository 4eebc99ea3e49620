//! End-to-end encryption of whole frames: `SFrame`, RFC 9605. Who forwards the packets sees the
//! payload descriptor and the header extensions, and no picture and no sound.
//!
//! [`Sealer`] is the sending direction, [`Opener`] the receiving one; [`crate::session`] takes both.
//! What is sealed is a coded frame before it becomes packets, or one packet of sound. Keys come from
//! the caller: each is a secret ([`Key`]) under a number (key id) that stands in the clear before
//! every frame.
//!
//! ```text
//! video: key (1 byte: 0 for a key frame, 1 for another) | SFrame header | ciphertext | tag
//! sound:                                                   SFrame header | ciphertext | tag
//! ```
//!
//! The byte before a sealed video frame is the last bit of the first byte of a VP8 frame (RFC 6386,
//! section 9.1), so that forwarders and receivers tell key frames without the key. It is
//! authenticated with the frame, and so is whether it is video or sound. What stands around a frame
//! is not: timestamps, picture ids and layers are the forwarder's to rewrite.

mod key;
mod media;
mod open;
mod seal;
mod suite;
#[cfg(test)]
mod test_vectors;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::replay;

pub use key::{Key, MAX_KEY_BYTES, MIN_KEY_BYTES};
pub use open::{MAX_DERIVED_KEYS, MAX_KEYS, MAX_SHARED_KEYS, OpenCounters, Opener, Refused};
pub use seal::{MAX_COUNTER, Sealer};
pub use suite::Suite;

/// Counters that were seen, of one key.
type Window = replay::Window<64>;

/// Counters up to the highest that are remembered (RFC 9605, section 9.3). Pictures that wait for
/// repair are behind the sound of the same sender: 20 s of both are within.
pub const REPLAY_WINDOW: u64 = Window::LEN;

/// Why a key is not taken, or a frame is not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SframeError {
    /// A secret is shorter than [`MIN_KEY_BYTES`] or longer than [`MAX_KEY_BYTES`].
    KeyLength {
        /// Bytes that were given.
        had: usize,
    },
    /// More than [`MAX_KEYS`] with a key id, or [`MAX_SHARED_KEYS`] for all ids.
    TooManyKeys,
    /// The key id stands for another key: its counters would begin again.
    KeyIdTaken {
        /// The id.
        id: u64,
    },
    /// The counter has come to its end: no frame can be sealed any more.
    Exhausted,
    /// The cipher refused its input.
    Cipher,
}

impl fmt::Display for SframeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { had } => {
                write!(f, "the key has {had} bytes, {MIN_KEY_BYTES} to {MAX_KEY_BYTES} are taken")
            }
            Self::TooManyKeys => f.write_str("too many keys"),
            Self::KeyIdTaken { id } => write!(f, "key id {id} stands for another key"),
            Self::Exhausted => f.write_str("the counter of sealed frames is used up"),
            Self::Cipher => f.write_str("the cipher refused its input"),
        }
    }
}

impl std::error::Error for SframeError {}
