//! Why a key or a token is rejected.

use std::fmt;

use super::MAX_JWT_BYTES;

/// Minimum number of bytes of a secret (RFC 7518, section 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;
/// Maximum number of bytes of a secret.
pub(super) const MAX_SECRET_BYTES: usize = 1024;
/// Maximum number of names of rooms, and of names of streams, in a token.
pub(super) const MAX_NAMES: usize = 64;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// A secret is too short or too long; its length in bytes.
    Length(usize),
    /// The file is PEM, but not a valid public key.
    Pem(String),
    /// The file holds a private key.
    Private,
    /// The kind of public key is not supported.
    Unsupported,
    /// This processor's cryptography does not verify signatures of this algorithm.
    Unavailable(&'static str),
    /// There are too many keys.
    TooMany,
}

impl fmt::Display for JwtKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid key for JSON Web Tokens: ")?;
        match self {
            Self::Length(len) => write!(
                f,
                "got a secret of {len} bytes, expected {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}"
            ),
            Self::Pem(why) => f.write_str(why),
            Self::Private => f.write_str("got a private key, expected a public key (PUBLIC KEY)"),
            Self::Unsupported => f.write_str("expected an RSA, P-256 or Ed25519 public key"),
            Self::Unavailable(algorithm) => {
                write!(f, "{algorithm} is not available on this processor")
            }
            Self::TooMany => write!(f, "expected at most {} keys", super::MAX_KEYS),
        }
    }
}

impl std::error::Error for JwtKeyError {}

/// Why a token is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtError {
    /// It is too long; its length in bytes.
    TooLong(usize),
    /// It is not well-formed.
    Form(&'static str),
    /// It has no signature: the algorithm `none`.
    Unsigned,
    /// There is no key for its algorithm.
    Algorithm(String),
    /// Its signature was made with none of the keys.
    Forged,
    /// Its `exp` has passed.
    Expired,
    /// Its `nbf` is in the future.
    NotYetValid,
    /// It is for another server.
    Audience,
    /// A claim is missing or invalid.
    Claim(&'static str),
    /// It grants no scope of this server.
    NoScope,
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is rejected: ")?;
        match self {
            Self::TooLong(len) => write!(f, "got {len} bytes, expected at most {MAX_JWT_BYTES}"),
            Self::Form(why) => f.write_str(why),
            Self::Unsigned => f.write_str("it is not signed"),
            Self::Algorithm(name) => write!(f, "no key for the algorithm {name:?}"),
            Self::Forged => f.write_str("the signature is wrong"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not yet valid"),
            Self::Audience => f.write_str("it is for another audience (aud)"),
            Self::Claim("exp") => f.write_str("it has no valid expiry time (exp)"),
            Self::Claim(name @ ("room" | "stream")) => {
                write!(f, "the claim {name} is invalid: expected at most {MAX_NAMES} names")
            }
            Self::Claim(name) => write!(f, "the claim {name} is invalid"),
            Self::NoScope => f.write_str("it grants none of publish, view and admin (scope)"),
        }
    }
}

impl std::error::Error for JwtError {}
