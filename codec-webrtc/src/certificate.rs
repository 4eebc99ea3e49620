//! Self-signed DTLS certificate (ECDSA on P-256), generated from given random bytes.

use std::fmt::Write as _;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePrivateKey as _;
use sha2::{Digest as _, Sha256};
use str0m::config::DtlsCert;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::UtcTime;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A certificate with its private key. Clones share both.
///
/// Peers compare its fingerprint with the SDP (RFC 8122; RFC 8827, section 6.5); names and dates
/// are ignored. One certificate may serve all sessions of a process; a new one for each session
/// prevents linking of sessions.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(super) dtls: Arc<DtlsCert>,
}

/// A certificate could not be created.
#[derive(Clone, Debug)]
pub struct CertificateError(Arc<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot create certificate: {}", self.0)
    }
}

impl std::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CertificateError {
    CertificateError(Arc::new(error))
}

impl Certificate {
    /// Generates a certificate from 32 **secret random bytes** of the operating system: the same
    /// bytes give the same key. `unix_now`: time since 1970; the certificate is valid from a day
    /// before it until `days` days after it.
    ///
    /// # Errors
    /// Returns [`CertificateError`] if the dates are beyond 2049.
    pub fn generate(
        secret: &[u8; 32],
        unix_now: Duration,
        days: u32,
    ) -> Result<Self, CertificateError> {
        let key = signing_key(secret);
        let mut serial: [u8; 32] = hash(secret, b"serial");
        serial[0] = serial[0] & 0x7f | 0x40;
        let utc = |time: Duration| UtcTime::from_unix_duration(time).map(Time::UtcTime);
        let not_before = utc(unix_now.saturating_sub(DAY)).map_err(failed)?;
        let not_after = utc(unix_now.saturating_add(DAY * days)).map_err(failed)?;
        let validity = Validity::new(not_before, not_after);
        let name = Name::from_str("CN=WebRTC").map_err(failed)?;
        let spki = SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).map_err(failed)?;
        let serial = SerialNumber::new(&serial[..16]).map_err(failed)?;
        let builder = CertificateBuilder::new(SelfSigned(name), serial, validity, spki);
        let builder = builder.map_err(failed)?;
        let certificate = builder.build::<_, DerSignature>(&key).map_err(failed)?;
        let dtls = DtlsCert {
            certificate: certificate.to_der().map_err(failed)?,
            private_key: key.to_pkcs8_der().map_err(failed)?.as_bytes().to_vec(),
        };
        Ok(Self { dtls: Arc::new(dtls) })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.dtls.certificate
    }

    /// SHA-256 fingerprint as in `a=fingerprint` (RFC 8122, section 5): hexadecimal digits
    /// separated by colons.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for (index, byte) in Sha256::digest(self.der()).iter().enumerate() {
            let colon = if index > 0 { ":" } else { "" };
            let _ = write!(text, "{colon}{byte:02X}");
        }
        text
    }
}

/// Profile of a self-signed certificate, only for handshakes.
struct SelfSigned(Name);

impl BuilderProfile for SelfSigned {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let subject = certificate.subject();
        let id = SubjectKeyIdentifier::try_from(key)?.to_extension(subject, &[])?;
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        let usage = KeyUsage(KeyUsages::DigitalSignature.into());
        let more = [constraints.to_extension(subject, &[])?, usage.to_extension(subject, &[])?];
        Ok([id].into_iter().chain(more).collect())
    }
}

fn hash(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(secret).chain_update(label).finalize().into()
}

/// Nearly all strings of 32 bytes are valid P-256 keys; otherwise they are hashed until one is.
fn signing_key(secret: &[u8; 32]) -> SigningKey {
    let mut scalar: [u8; 32] = hash(secret, b"key");
    loop {
        if let Ok(key) = SigningKey::from_slice(&scalar) {
            return key;
        }
        scalar = hash(&scalar, b"key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_depends_only_on_the_secret() {
        let now = Duration::from_secs(1_800_000_000);
        let make = |byte| Certificate::generate(&[byte; 32], now, 30).unwrap();
        assert_eq!(make(1).der(), make(1).der());
        assert_ne!(make(1).fingerprint(), make(2).fingerprint());
        let text = make(1).fingerprint();
        assert_eq!(text.len(), 32 * 3 - 1);
        assert!(text.split(':').all(|pair| u8::from_str_radix(pair, 16).is_ok()));
    }

    #[test]
    fn dates_beyond_utc_time_are_rejected() {
        let late = Duration::from_secs(3_000_000_000);
        assert!(Certificate::generate(&[1; 32], late, 30).is_err());
    }
}
