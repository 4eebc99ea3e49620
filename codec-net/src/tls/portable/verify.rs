//! Signature verification for certificates and handshakes: ECDSA and RSA.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

use super::hash::Sha2;
use super::rsa::{self, Padding};

pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        &P256_SHA256,
        &P256_SHA384,
        &P384_SHA256,
        &P384_SHA384,
        &PKCS1_SHA256,
        &PKCS1_SHA384,
        &PKCS1_SHA512,
        &PSS_SHA256,
        &PSS_SHA384,
        &PSS_SHA512,
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[&P384_SHA384, &P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[&P256_SHA256, &P384_SHA256]),
        (SignatureScheme::RSA_PSS_SHA512, &[&PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[&PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[&PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[&PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[&PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[&PKCS1_SHA256]),
    ],
};

#[derive(Clone, Copy, Debug)]
enum Scheme {
    P256,
    P384,
    Rsa(Padding),
}

/// A signature algorithm.
#[derive(Debug)]
struct Algorithm {
    scheme: Scheme,
    sha: Sha2,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let hash = self.sha.digest(&[message]);
        let is_valid = match self.scheme {
            Scheme::P256 => is_p256(public_key, &hash, signature),
            Scheme::P384 => is_p384(public_key, &hash, signature),
            Scheme::Rsa(padding) => {
                rsa::is_valid(public_key, padding, self.sha, &hash, signature).then_some(())
            }
        };
        is_valid.ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

fn is_p256(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(hash, &signature).ok()
}

fn is_p384(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(hash, &signature).ok()
}

const fn algorithm(
    scheme: Scheme,
    sha: Sha2,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
) -> Algorithm {
    Algorithm { scheme, sha, key, signature }
}

static P256_SHA256: Algorithm =
    algorithm(Scheme::P256, Sha2::Sha256, alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
static P256_SHA384: Algorithm =
    algorithm(Scheme::P256, Sha2::Sha384, alg_id::ECDSA_P256, alg_id::ECDSA_SHA384);
static P384_SHA256: Algorithm =
    algorithm(Scheme::P384, Sha2::Sha256, alg_id::ECDSA_P384, alg_id::ECDSA_SHA256);
static P384_SHA384: Algorithm =
    algorithm(Scheme::P384, Sha2::Sha384, alg_id::ECDSA_P384, alg_id::ECDSA_SHA384);

const fn of_rsa(padding: Padding, sha: Sha2, signature: AlgorithmIdentifier) -> Algorithm {
    algorithm(Scheme::Rsa(padding), sha, alg_id::RSA_ENCRYPTION, signature)
}

static PKCS1_SHA256: Algorithm = of_rsa(Padding::Pkcs1, Sha2::Sha256, alg_id::RSA_PKCS1_SHA256);
static PKCS1_SHA384: Algorithm = of_rsa(Padding::Pkcs1, Sha2::Sha384, alg_id::RSA_PKCS1_SHA384);
static PKCS1_SHA512: Algorithm = of_rsa(Padding::Pkcs1, Sha2::Sha512, alg_id::RSA_PKCS1_SHA512);
static PSS_SHA256: Algorithm = of_rsa(Padding::Pss, Sha2::Sha256, alg_id::RSA_PSS_SHA256);
static PSS_SHA384: Algorithm = of_rsa(Padding::Pss, Sha2::Sha384, alg_id::RSA_PSS_SHA384);
static PSS_SHA512: Algorithm = of_rsa(Padding::Pss, Sha2::Sha512, alg_id::RSA_PSS_SHA512);
