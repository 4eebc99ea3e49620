//! SRTP and SRTCP with externally negotiated keys: RFC 3711, and RFC 7714 for AES-GCM. Keys come
//! from SDP (`a=crypto`, RFC 4568) or another source; WebRTC negotiates its own by DTLS
//! (`codec-webrtc`).
//!
//! [`Protect`] encrypts and [`Unprotect`] decrypts packets in place; each has its own key. One
//! [`Unprotect`] serves up to [`MAX_SOURCES`] SSRCs of a session. Packets that fail authentication
//! do not change its state.
//!
//! ```
//! use codec_rtc::rtp;
//! use codec_rtc::srtp::{Protect, Suite, Unprotect};
//!
//! let suite = Suite::AeadAes128Gcm;
//! let key_and_salt = vec![7; suite.material_bytes()]; // in practice: random bytes
//! let mut packet = Vec::new();
//! rtp::write(&rtp::Header { sequence: 1, ssrc: 5, ..rtp::Header::default() }, &mut packet);
//! packet.extend(b"payload");
//! let plain = packet.clone();
//!
//! Protect::new(suite, &key_and_salt)?.rtp(&mut packet)?;
//! assert_ne!(packet, plain);
//! Unprotect::new(suite, &key_and_salt)?.rtp(&mut packet)?;
//! assert_eq!(packet, plain);
//! # Ok::<(), codec_rtc::srtp::SrtpError>(())
//! ```

pub mod cipher;
mod fast_gcm;
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

/// Maximum number of SSRCs per direction, counted separately for RTP and RTCP.
/// A member of a conference that receives 16 sections has up to 32.
pub const MAX_SOURCES: usize = 64;

/// Why a packet cannot be protected, or is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SrtpError {
    /// The key material does not have the length required by the suite.
    KeyLength {
        /// Required length of key and salt in bytes.
        needed: usize,
        /// Actual length in bytes.
        had: usize,
    },
    /// Not an RTP or RTCP packet, or too short for the authentication tag.
    Malformed,
    /// Authentication failed: modified, or encrypted with another key.
    Forged,
    /// A packet with this index was already received, or is older than the replay window. When
    /// sending: the sequence number was already used; to resend a packet, keep its protected form.
    Replayed,
    /// There are already [`MAX_SOURCES`].
    TooManySources,
    /// The key has reached its maximum number of packets and must be changed (RFC 3711, section
    /// 9.2).
    KeyExhausted,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { needed, had } => {
                write!(f, "invalid SRTP key and salt: got {had} bytes, expected {needed}")
            }
            Self::Malformed => f.write_str("invalid SRTP packet"),
            Self::Forged => f.write_str("cannot decrypt SRTP packet: authentication failed"),
            Self::Replayed => f.write_str("invalid SRTP packet: replayed index"),
            Self::TooManySources => {
                write!(f, "too many SRTP sources, expected at most {MAX_SOURCES}")
            }
            Self::KeyExhausted => f.write_str("cannot encrypt SRTP packet: key lifetime exhausted"),
        }
    }
}

impl std::error::Error for SrtpError {}
