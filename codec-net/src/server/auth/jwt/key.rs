//! Keys, and verification of the signatures made with them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::pkcs8::der::asn1::ObjectIdentifier;
use p256::pkcs8::spki::SubjectPublicKeyInfoRef;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    AlgorithmIdentifier, PrivateKeyDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer,
    alg_id,
};
use sha2::Sha256;

use super::error::{JwtKeyError, MAX_SECRET_BYTES, MIN_SECRET_BYTES};
use crate::tls;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A key, with its only algorithm.
#[derive(Clone)]
pub(super) enum Key {
    Secret(Hmac<Sha256>),
    Public {
        algorithm: &'static str,
        verifier: &'static dyn SignatureVerificationAlgorithm,
        key: Vec<u8>,
    },
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.algorithm())
    }
}

impl Key {
    /// Parses a key file: a public key in PEM, otherwise a shared secret, without the white space
    /// around it.
    pub(super) fn parse(file: &[u8]) -> Result<Self, JwtKeyError> {
        let file = file.trim_ascii();
        if file.starts_with(b"-----BEGIN ") {
            return Self::parse_pem(file);
        }
        let wrong = JwtKeyError::Length(file.len());
        if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&file.len()) {
            return Err(wrong);
        }
        Hmac::new_from_slice(file).map(Self::Secret).map_err(|_| wrong)
    }

    fn parse_pem(file: &[u8]) -> Result<Self, JwtKeyError> {
        if PrivateKeyDer::from_pem_slice(file).is_ok() {
            return Err(JwtKeyError::Private);
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(file);
        let der = der.map_err(|error| JwtKeyError::Pem(error.to_string()))?;
        let info = SubjectPublicKeyInfoRef::try_from(der.as_ref());
        let info = info.map_err(|error| JwtKeyError::Pem(error.to_string()))?;
        let curve = info.algorithm.parameters_oid().ok();
        let (algorithm, key_id, signature_id) = match info.algorithm.oid {
            RSA => ("RS256", alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256),
            EC if curve == Some(P256) => ("ES256", alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
            ED25519 => ("EdDSA", alg_id::ED25519, alg_id::ED25519),
            _ => return Err(JwtKeyError::Unsupported),
        };
        let key = info.subject_public_key.as_bytes().ok_or(JwtKeyError::Unsupported)?.to_vec();
        let verifier = verifier(key_id, signature_id).ok_or(JwtKeyError::Unavailable(algorithm))?;
        Ok(Self::Public { algorithm, verifier, key })
    }

    /// The name of its algorithm.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Public { algorithm, .. } => algorithm,
        }
    }

    /// Whether `signature` of `signed` was made with this key. HMACs are compared in constant time.
    pub(super) fn is_valid(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(mac) => {
                let mut mac = mac.clone();
                mac.update(signed);
                mac.verify_slice(signature).is_ok()
            }
            Self::Public { algorithm: "ES256", verifier, key } => {
                // JSON Web Tokens have the two numbers, TLS has them in DER.
                let numbers = p256::ecdsa::Signature::from_slice(signature);
                numbers.is_ok_and(|numbers| {
                    verifier.verify_signature(key, signed, numbers.to_der().as_bytes()).is_ok()
                })
            }
            Self::Public { verifier, key, .. } => {
                verifier.verify_signature(key, signed, signature).is_ok()
            }
        }
    }
}

/// The implementation of a signature algorithm, as TLS uses it.
fn verifier(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    let mut all = tls::provider().signature_verification_algorithms.all.iter();
    all.find(|it| it.public_key_alg_id() == key && it.signature_alg_id() == signature).copied()
}
