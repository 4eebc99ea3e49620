//! AES-GCM encryption by graviola, which needs a fraction of the time of `RustCrypto`: it encrypts and authenticates in
//! one pass, with the vector instructions for AES of recent processors.
//!
//! graviola compiles for x86-64 and AArch64 only, and panics at its first use if the processor lacks a feature that it
//! requires. This module therefore checks the features before it uses graviola (ADR 0027). graviola is
//! not used for decryption, because it clears data that fails authentication; our decryption must leave such data
//! unchanged.

use std::fmt;

/// Largest data that it is used for, far above a packet and far below the limit of GCM.
const MAX_BYTES: usize = 1 << 16;

/// A key of 16 or 32 bytes.
pub(super) struct FastGcm {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    gcm: graviola::aead::AesGcm,
}

impl fmt::Debug for FastGcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastGcm")
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
impl FastGcm {
    /// The cipher under a key; `None` if the processor lacks a feature, and for other lengths.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let is_possible = matches!(key.len(), 16 | 32) && has_features();
        is_possible.then(|| Self { gcm: graviola::aead::AesGcm::new(key) })
    }

    /// Encrypts `data` in place and returns the tag; `None` if it is too long.
    pub(super) fn encrypt(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        if data.len() > MAX_BYTES || aad.len() > MAX_BYTES {
            return None;
        }
        let mut tag = [0; 16];
        self.gcm.encrypt(iv, aad, data, &mut tag);
        Some(tag)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
impl FastGcm {
    /// graviola does not compile for this target.
    pub(super) fn new(_: &[u8]) -> Option<Self> {
        None
    }

    /// Never called, because there is no key.
    pub(super) fn encrypt(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> Option<[u8; 16]> {
        None
    }
}

/// Whether the processor has the features that graviola requires.
#[cfg(target_arch = "x86_64")]
fn has_features() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("aes")
        && has!("pclmulqdq")
        && has!("ssse3")
        && has!("sse4.1")
        && has!("avx")
        && has!("avx2")
        && has!("bmi1")
        && has!("bmi2")
        && has!("adx")
}

/// Whether the processor has the features that graviola requires.
#[cfg(target_arch = "aarch64")]
fn has_features() -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    has!("neon") && has!("aes") && has!("pmull") && has!("sha2")
}
