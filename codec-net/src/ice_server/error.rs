//! Why a `Link` header is rejected.

use std::fmt;

use super::{MAX_CREDENTIAL_BYTES, MAX_LINKS, MAX_SERVERS};

/// Why a link is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// A header value exceeds the limit.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many links or servers.
    TooMany,
    /// A character that is not allowed in headers.
    Character,
    /// A syntax error at this byte; the rest is not parsed.
    Malformed(usize),
    /// The URI does not name a STUN or TURN server.
    Uri(String),
    /// A TURN server without user name or password.
    NoCredentials,
    /// User name or password cannot be sent.
    Credentials,
    /// An unsupported credential type; only `password` is supported.
    CredentialType(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => {
                write!(f, "Link header too long: got {bytes} bytes, expected at most {limit}")
            }
            Self::TooMany => {
                write!(
                    f,
                    "too many links: expected at most {MAX_LINKS}, at most {MAX_SERVERS} of them ICE servers"
                )
            }
            Self::Character => f.write_str("invalid characters in a Link header"),
            Self::Malformed(at) => write!(f, "malformed Link header at byte {at}"),
            Self::Uri(uri) => write!(f, "invalid ICE server {uri}: expected a STUN or TURN URI"),
            Self::NoCredentials => f.write_str("TURN server without user name or password"),
            Self::Credentials => write!(
                f,
                "invalid credentials: expected 1 to {MAX_CREDENTIAL_BYTES} bytes of printable ASCII"
            ),
            Self::CredentialType(kind) => write!(f, "unsupported credential type {kind}"),
        }
    }
}

impl std::error::Error for LinkError {}
