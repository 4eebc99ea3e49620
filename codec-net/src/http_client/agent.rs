//! The HTTP client for WHIP, WHEP and webhooks.

use std::time::Duration;

use ureq::Agent;

use super::{MAX_HEADER_BYTES, tls_config};
use crate::error::NetError;

/// Timeout of a request of this client.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Creates a client for short requests without redirects and proxies. `ca`: PEM certificates that are trusted instead
/// of the public authorities; `https_only`: reject URLs without TLS.
///
/// # Errors
///
/// [`NetError::Protocol`] if `ca` contains no certificate.
pub(crate) fn agent(ca: Option<&[u8]>, https_only: bool) -> Result<Agent, NetError> {
    let config = Agent::config_builder()
        .tls_config(tls_config(ca)?)
        .https_only(https_only)
        .http_status_as_error(false)
        // Media could not use a proxy.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(MAX_HEADER_BYTES)
        .timeout_global(Some(TIMEOUT))
        .user_agent("codec")
        .build();
    Ok(config.into())
}
