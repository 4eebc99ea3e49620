//! SRTP and SRTCP with keys that both ends have: RFC 3711, AES-GCM by RFC 7714. Keys come from the
//! SDP (`a=crypto`, RFC 4568) or from elsewhere; a WebRTC call agrees on its own by DTLS
//! (`codec-webrtc`).
//!
//! [`Protect`] is the sending direction, [`Unprotect`] the receiving one; each has its own key. They
//! change packets in place. One [`Unprotect`] serves all sources of a session, up to
//! [`MAX_SOURCES`]; nothing is remembered of packets that are not authentic.

pub mod cipher;
mod header;
mod index;
mod keys;
mod protect;
mod suite;
#[cfg(test)]
pub(crate) mod test_vectors;
#[cfg(test)]
mod tests;
mod unprotect;

use std::fmt;

pub use protect::Protect;
pub use suite::Suite;
pub use unprotect::{Counters, Unprotect};

/// Sources of RTP, and of RTCP, that a direction follows.
pub const MAX_SOURCES: usize = 16;

/// Why a packet is not protected or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SrtpError {
    /// The key material has another length than the suite asks for.
    KeyLength {
        /// Bytes of key and salt.
        needed: usize,
        /// Bytes that were given.
        had: usize,
    },
    /// Not an RTP or RTCP packet, or too short for what authenticates it.
    Malformed,
    /// The packet is not authentic: changed on the way, or under another key.
    Forged,
    /// A packet with this number has been taken, or is too old to tell. When sending: a number that
    /// was used before; to repeat a packet, keep its protected bytes.
    Replayed,
    /// More than [`MAX_SOURCES`].
    TooManySources,
    /// So many packets have been sent under the key that it has to be changed (RFC 3711, section
    /// 9.2).
    KeyExhausted,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { needed, had } => {
                write!(f, "key and salt have {had} bytes, {needed} are needed")
            }
            Self::Malformed => f.write_str("no protected packet"),
            Self::Forged => f.write_str("the packet is not authentic"),
            Self::Replayed => f.write_str("the packet's number was used before"),
            Self::TooManySources => write!(f, "more than {MAX_SOURCES} sources"),
            Self::KeyExhausted => f.write_str("the key has protected all it may"),
        }
    }
}

impl std::error::Error for SrtpError {}
