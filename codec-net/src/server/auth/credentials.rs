//! Credentials of requests, and the digests that they are compared with.

use std::fmt;

use sha2::{Digest, Sha256};

/// Credentials of a request.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// None.
    None,
    /// `Authorization: Bearer`, or the subprotocol of a WebSocket.
    Bearer(&'a str),
    /// `Authorization: Basic`, still in Base64.
    Basic(&'a str),
    /// An unsupported scheme.
    Unknown,
}

impl<'a> Credentials<'a> {
    /// Parses the value of `Authorization`.
    #[must_use]
    pub fn parse(header: Option<&'a str>) -> Self {
        let Some(header) = header else { return Self::None };
        match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Bearer(rest.trim())
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::Basic(rest.trim())
            }
            _ => Self::Unknown,
        }
    }
}

/// Identifies a requester by its credentials: requests with the same token, or of the same user,
/// have the same identity. On an open server all requests have the same identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    /// The identity of verified credentials.
    #[must_use]
    pub fn of(credentials: Credentials<'_>, is_open: bool) -> Self {
        let (kind, text) = match credentials {
            _ if is_open => ("", ""),
            Credentials::Bearer(token) => ("bearer ", token),
            Credentials::Basic(pair) => ("basic ", pair),
            Credentials::None | Credentials::Unknown => ("", ""),
        };
        Self(Sha256::new().chain_update(kind).chain_update(text).finalize().into())
    }
}

impl Identity {
    /// The identity of the subject of a JSON Web Token: it stays the same if the token is renewed.
    #[must_use]
    pub(super) fn of_subject(subject: &str) -> Self {
        Self(Sha256::new().chain_update("subject ").chain_update(subject).finalize().into())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// The stored digest of a secret.
#[derive(Clone, Copy)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// Computes the digest of a secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether `given` is the secret, in constant time.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let given = Self::new(given);
        let difference = self.0.iter().zip(given.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
