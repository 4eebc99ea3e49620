//! Cryptography for str0m: `RustCrypto` for SRTP and STUN, and the crate `dimpl` with `RustCrypto` for DTLS.
//!
//! The process-wide provider of str0m is not changed: each peer gets this one explicitly.

mod dtls;
mod keys;
mod srtp;

use std::sync::{Arc, LazyLock};

pub(super) use keys::MediaKeys;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use str0m::crypto::{CryptoProvider, Sha1HmacProvider, Sha1Provider, Sha256Provider};

use codec_rtc::srtp::cipher::HmacSha1;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        srtp_provider: &srtp::Srtp,
        sha1_hmac_provider: &Hash,
        sha1_provider: &Hash,
        sha256_provider: &Hash,
        dtls_provider: &dtls::Dtls,
    })
});

/// The provider shared by all peers.
pub(super) fn shared() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

#[derive(Debug)]
struct Hash;

impl Sha1HmacProvider for Hash {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        HmacSha1::new(key).tag(payloads)
    }
}

/// For SHA-1 fingerprints, which are removed from the SDP before str0m sees it.
impl Sha1Provider for Hash {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        Sha1::digest(data).into()
    }
}

impl Sha256Provider for Hash {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }
}
