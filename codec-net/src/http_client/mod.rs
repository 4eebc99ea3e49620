//! What the HTTP clients of this crate share.

pub(crate) mod reference;

use std::io;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::error::NetError;
use crate::tls::{self, Roots};

/// Timeout of a request of [`agent`].
const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of response headers.
const MAX_HEADER_BYTES: usize = 16 << 10;

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

/// TLS with the public authorities, or only with these certificates in PEM.
pub(crate) fn tls_config(ca: Option<&[u8]>) -> Result<TlsConfig, NetError> {
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(ca.map_or(Ok(RootCerts::WebPki), roots)?)
        .unversioned_rustls_crypto_provider(tls::provider())
        .build())
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

/// The error of a request to `url`.
pub(crate) fn failure(url: &str, error: ureq::Error) -> NetError {
    match error {
        ureq::Error::Io(error) => NetError::io(format!("cannot reach {url}"))(error),
        ureq::Error::Timeout(_) => {
            let error = io::Error::new(io::ErrorKind::TimedOut, "timeout: no response");
            NetError::io(format!("cannot reach {url}"))(error)
        }
        other => NetError::Protocol(format!("cannot use {url}: {other}")),
    }
}
