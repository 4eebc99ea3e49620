//! The HTTP client of WHIP, WHEP and webhooks: our TLS, no redirects, bounded headers.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::error::NetError;
use crate::tls::{self, Roots};

/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of response headers.
const MAX_HEADER_BYTES: usize = 16 << 10;

/// Creates a client. `ca`: PEM certificates that are trusted instead of the public authorities;
/// `https_only`: reject URLs without TLS.
///
/// # Errors
///
/// [`NetError::Protocol`] if `ca` contains no certificate.
pub(crate) fn agent(ca: Option<&[u8]>, https_only: bool) -> Result<Agent, NetError> {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(ca.map_or(Ok(RootCerts::WebPki), roots)?)
        .unversioned_rustls_crypto_provider(tls::provider())
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
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

fn roots(pem: &[u8]) -> Result<RootCerts, NetError> {
    // Reports invalid certificates.
    tls::client_config(Roots::Pem(pem)).map_err(|error| NetError::Protocol(error.to_string()))?;
    let found = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<Certificate<'static>> = found.collect();
    Ok(RootCerts::new_with_certs(&certificates))
}
