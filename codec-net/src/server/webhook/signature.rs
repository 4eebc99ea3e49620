//! Signatures of Standard Webhooks 1.0.0: `v1,` and Base64 of HMAC-SHA256 over the id, the time of the
//! attempt in seconds since 1970, and the body, joined by full stops.

use std::fmt;

use codec_rtc::sdp::base64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// Minimum number of bytes of a secret.
const MIN_BYTES: usize = 24;
/// Maximum number of bytes of a secret.
const MAX_BYTES: usize = 64;

/// Why a secret is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// It is not `whsec_` and Base64.
    Form,
    /// It is too short or too long; its length in bytes.
    Length(usize),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid webhook secret: ")?;
        match self {
            Self::Form => write!(f, "expected {PREFIX} followed by Base64")?,
            Self::Length(len) => {
                write!(f, "got {len} bytes, expected {MIN_BYTES} to {MAX_BYTES}")?;
            }
        }
        f.write_str("\nhelp: make one with: echo \"whsec_$(head -c 32 /dev/urandom | base64)\"")
    }
}

impl std::error::Error for SecretError {}

/// The key of signatures.
#[derive(Clone)]
pub(super) struct Secret(Hmac<Sha256>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Parses `whsec_` and Base64.
    pub(super) fn parse(text: &str) -> Result<Self, SecretError> {
        let coded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Form)?;
        let key = base64::decode(coded).ok_or(SecretError::Form)?;
        let wrong = SecretError::Length(key.len());
        if !(MIN_BYTES..=MAX_BYTES).contains(&key.len()) {
            return Err(wrong);
        }
        // Keys of HMAC may have any length.
        Hmac::new_from_slice(&key).map(Self).map_err(|_| wrong)
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, unix_s: u64, body: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{unix_s}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", base64::encode(&mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, with another language's HMAC:
    /// `printf %s "$ID.$TIME.$BODY" | openssl dgst -sha256 -mac hmac -macopt hexkey:... -binary | base64`.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for (id, unix_s, body) in
            [("msg_other", 1_614_265_330, body), ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1, body)]
        {
            assert_ne!(secret.sign(id, unix_s, body), signature);
        }
    }

    #[test]
    fn weak_secrets_are_rejected_and_none_is_shown() {
        assert_eq!(Secret::parse("correct horse").unwrap_err(), SecretError::Form);
        assert_eq!(Secret::parse("whsec_%%%").unwrap_err(), SecretError::Form);
        let of = |len| format!("whsec_{}", base64::encode(&vec![1; len]));
        for len in [0, 23, 65] {
            assert_eq!(Secret::parse(&of(len)).unwrap_err(), SecretError::Length(len));
        }
        for len in [24, 64] {
            assert_eq!(format!("{:?}", Secret::parse(&of(len)).unwrap()), "Secret");
        }
    }
}
