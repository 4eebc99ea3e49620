//! The code that the HTTP clients of this crate share.

#[cfg(any(feature = "serve", feature = "whip"))]
mod agent;
pub(crate) mod reference;

#[cfg(any(feature = "serve", feature = "whip"))]
pub(crate) use agent::agent;

use std::io;
use std::time::Duration;

use ureq::http::{HeaderMap, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::error::NetError;
use crate::tls::{self, Roots};

/// Maximum size of response headers.
pub(crate) const MAX_HEADER_BYTES: usize = 16 << 10;

/// The `Retry-After` of a response, if it is in seconds: the pause before the next attempt. It may be arbitrarily long.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
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
