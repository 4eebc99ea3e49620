//! SRTP crypto suites and their lengths.

/// SRTP crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 tags of 80 bits (RFC 4568, section 6.2.1).
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 tags of 32 bits for RTP and 80 bits for RTCP (RFC 4568,
    /// section 6.2.2). Weak: one in 2^32 forged packets is accepted. Only for peers that require
    /// it.
    AesCm128HmacSha1_32,
    /// AES-128-GCM (RFC 7714).
    AeadAes128Gcm,
    /// AES-256-GCM (RFC 7714).
    AeadAes256Gcm,
}

impl Suite {
    /// All suites in order of preference.
    pub const ALL: [Self; 4] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
    ];

    /// Name in `a=crypto` (RFC 4568, section 6.2; RFC 7714, section 14.2).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Returns the suite with this name; `None` for unsupported ones, including those without
    /// encryption or authentication, and F8.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Length of the master key in bytes.
    #[must_use]
    pub fn key_bytes(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Length of the master salt in bytes.
    #[must_use]
    pub fn salt_bytes(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Length of key and salt in bytes, as in `inline:` in Base64 (RFC 4568, section 6.1).
    #[must_use]
    pub fn material_bytes(self) -> usize {
        self.key_bytes() + self.salt_bytes()
    }

    /// Number of bytes added to an RTP packet.
    #[must_use]
    pub fn rtp_overhead(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Number of bytes added to an RTCP packet.
    #[must_use]
    pub fn rtcp_overhead(self) -> usize {
        if self.is_aead() { 20 } else { 14 }
    }

    pub(super) fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }
}
