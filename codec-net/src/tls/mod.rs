//! TLS by rustls, with cryptography that needs no C: graviola on processors that support it,
//! otherwise `RustCrypto`, which is slower (ADR 0027).

mod portable;
mod provider;

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use provider::provider;
pub use rustls::{ClientConfig, ServerConfig};

/// Why certificates or keys cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The data are not PEM (RFC 7468), or lack the expected item.
    Pem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The error.
        error: pem::Error,
    },
    /// rustls rejects a certificate, a key, or the key for its certificate.
    Rustls(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { what, error: pem::Error::NoItemsFound } => {
                write!(f, "no {what} found (PEM)")
            }
            Self::Pem { what, error } => write!(f, "cannot read the {what} (PEM): {error}"),
            Self::Rustls(error) => write!(f, "cannot use the certificate or key: {error}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pem { error, .. } => Some(error),
            Self::Rustls(error) => Some(error),
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}

/// The certificates that a client trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots<'a> {
    /// The public authorities (Mozilla's list at build time).
    Public,
    /// Only these certificates, in PEM.
    Pem(&'a [u8]),
}

/// Configures a server with a certificate chain, its own certificate first, and its private key
/// (RSA, ECDSA or Ed25519; PKCS #8, PKCS #1 or SEC 1), both PEM. On processors without AVX2, ADX
/// and AES (AArch64: without AES) the key must be ECDSA.
///
/// # Errors
///
/// [`TlsError`], also if the key does not match the first certificate.
pub fn server_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    server_config_with(provider(), certificates, key)
}

fn server_config_with(
    provider: Arc<CryptoProvider>,
    certificates: &[u8],
    key: &[u8],
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates_of(certificates)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| TlsError::Pem { what: "private key", error })?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// Configures a client that trusts `roots`.
///
/// # Errors
///
/// [`TlsError`].
pub fn client_config(roots: Roots<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    client_config_with(provider(), roots)
}

fn client_config_with(
    provider: Arc<CryptoProvider>,
    roots: Roots<'_>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Public => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Pem(pem) => {
            for certificate in certificates_of(pem)? {
                store.add(certificate)?;
            }
        }
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error| TlsError::Pem { what: "certificate", error };
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(wrong)?;
    if found.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
