//! Server keys: ECDSA.

use std::sync::Arc;

use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rustls::crypto::KeyProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// Parses private keys.
#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let (p256, p384) = match &key {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                (
                    p256::SecretKey::from_pkcs8_der(der).ok(),
                    p384::SecretKey::from_pkcs8_der(der).ok(),
                )
            }
            PrivateKeyDer::Sec1(der) => {
                let der = der.secret_sec1_der();
                (p256::SecretKey::from_sec1_der(der).ok(), p384::SecretKey::from_sec1_der(der).ok())
            }
            _ => (None, None),
        };
        if let Some(key) = p256 {
            return Ok(Arc::new(Ecdsa(Key::P256(key.into()))));
        }
        if let Some(key) = p384 {
            return Ok(Arc::new(Ecdsa(Key::P384(key.into()))));
        }
        Err(Error::General(
            "on this processor TLS supports only ECDSA keys (P-256, P-384) for signing".to_owned(),
        ))
    }
}

#[derive(Clone)]
enum Key {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

#[derive(Clone)]
struct Ecdsa(Key);

impl std::fmt::Debug for Ecdsa {
    /// Does not print the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ecdsa").field("scheme", &self.scheme()).finish_non_exhaustive()
    }
}

impl SigningKey for Ecdsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.scheme()).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Ecdsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::General("ECDSA failed".to_owned());
        match &self.0 {
            Key::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.as_bytes().to_vec())
            }
            Key::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.as_bytes().to_vec())
            }
        }
    }

    fn scheme(&self) -> SignatureScheme {
        match self.0 {
            Key::P256(_) => SignatureScheme::ECDSA_NISTP256_SHA256,
            Key::P384(_) => SignatureScheme::ECDSA_NISTP384_SHA384,
        }
    }
}
