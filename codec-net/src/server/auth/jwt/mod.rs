//! JSON Web Tokens (RFC 7519) of an identity provider: the identity and the permissions of a user.
//!
//! The accepted algorithms are HS256 with a shared secret, and ES256, RS256 and `EdDSA` with a public key (RFC 7518,
//! RFC 8037). The algorithm follows from the key, never from the token, and `none` is rejected.
//!
//! | module | |
//! |---|---|
//! | `key` | keys and signatures |
//! | `claims` | the claims of a token with a valid signature |
//! | `error` | why a token is rejected |

mod claims;
mod error;
mod key;
#[cfg(test)]
mod tests;

use std::time::Duration;

use codec_rtc::sdp::base64;
use serde_json::Value;

use super::permit::Permit;
pub use error::{JwtError, JwtKeyError};
use key::Key;

/// Maximum length of a token in bytes.
pub const MAX_JWT_BYTES: usize = 4096;
/// Clocks of the server and of the provider may differ by this.
const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Maximum number of keys. Each token is verified with the keys of its algorithm.
const MAX_KEYS: usize = 8;

/// The keys of JSON Web Tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct JwtKeys {
    keys: Vec<Key>,
    /// The server's name in `aud`.
    audience: Option<String>,
}

impl JwtKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds the content of a key file.
    pub(super) fn add(&mut self, file: &[u8]) -> Result<(), JwtKeyError> {
        if self.keys.len() >= MAX_KEYS {
            return Err(JwtKeyError::TooMany);
        }
        self.keys.push(Key::parse(file)?);
        Ok(())
    }

    pub(super) fn set_audience(&mut self, audience: &str) {
        self.audience = Some(audience.to_owned());
    }

    /// Verifies a token at the time `unix` since 1970.
    pub(super) fn verify(&self, token: &str, unix: Duration) -> Result<Permit, JwtError> {
        if token.len() > MAX_JWT_BYTES {
            return Err(JwtError::TooLong(token.len()));
        }
        let form = || JwtError::Form("expected three parts in URL-safe Base64");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(form)?;
        let (header, claims) = signed.split_once('.').ok_or_else(form)?;
        if claims.contains('.') {
            return Err(form());
        }
        let signature = decode(signature).ok_or_else(form)?;
        let header = object(header).ok_or(JwtError::Form("the header is not a JSON object"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        if algorithm.eq_ignore_ascii_case("none") || algorithm.is_empty() {
            return Err(JwtError::Unsigned);
        }
        // Extensions that change the meaning of a token (RFC 7515, section 4.1.11).
        if header.get("crit").is_some() {
            return Err(JwtError::Form("critical extensions are not supported"));
        }
        let mut keys = self.keys.iter().filter(|key| key.algorithm() == algorithm).peekable();
        if keys.peek().is_none() {
            return Err(JwtError::Algorithm(algorithm.chars().take(16).collect()));
        }
        if !keys.any(|key| key.is_valid(signed.as_bytes(), &signature)) {
            return Err(JwtError::Forged);
        }
        let claims = object(claims).ok_or(JwtError::Form("the claims are not a JSON object"))?;
        claims::permit(&claims, self.audience.as_deref(), unix)
    }
}

/// Whether a token has the form of a JSON Web Token: tokens of other kinds are compared only.
pub(super) fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Decodes URL-safe Base64 without padding (RFC 7515, section 2).
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['+', '/', '=']) {
        return None;
    }
    base64::decode(&text.replace('-', "+").replace('_', "/"))
}

fn object(part: &str) -> Option<Value> {
    let value: Value = serde_json::from_slice(&decode(part)?).ok()?;
    value.is_object().then_some(value)
}
