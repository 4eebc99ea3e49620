//! Cipher suites (RFC 9605, sections 4.5 and 8.1).

use sframe::CipherSuite;

/// Cipher suite. `AES_128_CTR_HMAC_SHA256_32` is not supported: one in 2³² forged frames would
/// pass, and a video frame has room for a longer tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA-256 tags of 80 bits.
    Aes128CtrHmacSha256Tag80,
    /// AES-128 in counter mode, HMAC-SHA-256 tags of 64 bits.
    Aes128CtrHmacSha256Tag64,
    /// AES-128-GCM, tags of 128 bits, keys by HKDF-SHA-256.
    Aes128GcmSha256Tag128,
    /// AES-256-GCM, tags of 128 bits, keys by HKDF-SHA-512.
    Aes256GcmSha512Tag128,
}

impl Suite {
    /// All suites, strongest first.
    pub const ALL: [Self; 4] = [
        Self::Aes256GcmSha512Tag128,
        Self::Aes128GcmSha256Tag128,
        Self::Aes128CtrHmacSha256Tag80,
        Self::Aes128CtrHmacSha256Tag64,
    ];

    /// Suite for a secret of this length: AES-256-GCM from 32 bytes on, AES-128-GCM below.
    #[must_use]
    pub fn for_key_bytes(bytes: usize) -> Self {
        if bytes >= 32 { Self::Aes256GcmSha512Tag128 } else { Self::Aes128GcmSha256Tag128 }
    }

    /// Name in the IANA registry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128CtrHmacSha256Tag80 => "AES_128_CTR_HMAC_SHA256_80",
            Self::Aes128CtrHmacSha256Tag64 => "AES_128_CTR_HMAC_SHA256_64",
            Self::Aes128GcmSha256Tag128 => "AES_128_GCM_SHA256_128",
            Self::Aes256GcmSha512Tag128 => "AES_256_GCM_SHA512_128",
        }
    }

    /// Returns the suite with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Length of the authentication tag in bytes.
    #[must_use]
    pub fn tag_bytes(self) -> usize {
        self.cipher().auth_tag_len()
    }

    pub(super) fn cipher(self) -> CipherSuite {
        match self {
            Self::Aes128CtrHmacSha256Tag80 => CipherSuite::AesCtr128HmacSha256_80,
            Self::Aes128CtrHmacSha256Tag64 => CipherSuite::AesCtr128HmacSha256_64,
            Self::Aes128GcmSha256Tag128 => CipherSuite::AesGcm128Sha256,
            Self::Aes256GcmSha512Tag128 => CipherSuite::AesGcm256Sha512,
        }
    }
}
