//! The URL of webhooks, and the secret that signs them.

use std::fmt;

use ureq::Agent;
use ureq::http::Uri;

use super::signature::{Secret, SecretError};
use crate::error::NetError;
use crate::http_client;

/// Longest URL in bytes.
const MAX_URL_BYTES: usize = 4096;

/// Why webhooks cannot be configured.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookError {
    /// The URL is not valid.
    Url(String),
    /// The secret is not valid.
    Secret(SecretError),
    /// The certificates cannot be used.
    Certificates(NetError),
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "invalid webhook URL: {why}"),
            Self::Secret(error) => error.fmt(f),
            Self::Certificates(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WebhookError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(_) => None,
            Self::Secret(error) => Some(error),
            Self::Certificates(error) => Some(error),
        }
    }
}

/// Where webhooks are sent.
#[derive(Clone)]
pub struct WebhookConfig {
    pub(super) url: String,
    pub(super) secret: Secret,
    pub(super) agent: Agent,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig").field("url", &self.url).finish_non_exhaustive()
    }
}

impl WebhookConfig {
    /// Sends webhooks to an `http` or `https` URL. `secret`: `whsec_` and Base64 of 24 to 64 random
    /// bytes, shared with the receiver. `ca`: PEM certificates that are trusted instead of the public
    /// authorities.
    ///
    /// # Errors
    ///
    /// [`WebhookError`]. The messages do not contain the secret.
    pub fn new(url: &str, secret: &str, ca: Option<&[u8]>) -> Result<Self, WebhookError> {
        let over_tls = check_url(url).map_err(WebhookError::Url)?;
        let secret = Secret::parse(secret).map_err(WebhookError::Secret)?;
        let agent = http_client::agent(ca, over_tls).map_err(WebhookError::Certificates)?;
        Ok(Self { url: url.to_owned(), secret, agent })
    }
}

/// Checks a URL; returns whether it is one of HTTPS.
fn check_url(url: &str) -> Result<bool, String> {
    if url.len() > MAX_URL_BYTES {
        return Err(format!("got {} bytes, expected at most {MAX_URL_BYTES}", url.len()));
    }
    let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
    let over_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("expected http://HOST or https://HOST".to_owned()),
    };
    let authority = uri.authority().map_or("", |it| it.as_str());
    if authority.contains('@') {
        return Err("user names and passwords are not supported, requests are signed".to_owned());
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(over_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_http_or_https_without_credentials() {
        assert_eq!(check_url("https://hooks.example/a?b=c"), Ok(true));
        assert_eq!(check_url("http://127.0.0.1:9000"), Ok(false));
        let long = format!("http://x/{}", "y".repeat(MAX_URL_BYTES));
        for wrong in
            ["", "hooks.example", "/path", "ftp://x/", "http://", "https://ann:pw@x/", "a b", &long]
        {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
        let secret = format!("whsec_{}", codec_rtc::sdp::base64::encode(&[7; 24]));
        let config = WebhookConfig::new("http://127.0.0.1:9/", &secret, None).unwrap();
        assert!(!format!("{config:?}").contains(&secret[6..]));
        let wrong = WebhookConfig::new("http://127.0.0.1:9/", &secret, Some(b"no certificate"));
        assert!(matches!(wrong, Err(WebhookError::Certificates(_))));
    }
}
