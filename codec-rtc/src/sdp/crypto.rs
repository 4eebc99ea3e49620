//! SRTP keys in SDP (SDES, `a=crypto`). RFC 4568, sections 4, 6 and 9.

use std::fmt;

use super::base64;
use super::error::Problem;

/// Maximum number of keys per line.
const MAX_KEYS: usize = 16;
/// Maximum lifetime of a key in SRTP packets.
const MAX_LIFETIME: u64 = 1 << 48;
/// Maximum length of an MKI in packets, in bytes.
const MAX_MKI_BYTES: u8 = 128;

/// SRTP crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the registry's names")]
pub enum Suite {
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
    AesCm256HmacSha1_80,
    AesCm256HmacSha1_32,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Suite {
    /// All supported suites.
    pub const ALL: [Self; 6] = [
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::AesCm256HmacSha1_80,
        Self::AesCm256HmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// Name in `a=crypto` (RFC 4568, RFC 6188, RFC 7714).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Returns the suite with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Length of master key and master salt in bytes.
    #[must_use]
    pub const fn key_bytes(self) -> (usize, usize) {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => (16, 14),
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 => (32, 14),
            Self::AeadAes128Gcm => (16, 12),
            Self::AeadAes256Gcm => (32, 12),
        }
    }
}

/// One `a=crypto` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// Tag that identifies the line within its media section.
    pub tag: u32,
    /// Name of the suite; see [`Suite::from_name`].
    pub suite: String,
    /// Master keys; usually one.
    pub keys: Vec<CryptoKey>,
    /// Session parameters, for example `UNENCRYPTED_SRTP`.
    pub session_params: Vec<String>,
}

/// A master key with its salt. `Debug` omits the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoKey {
    /// Master key followed by the salt, with the lengths of the suite.
    pub key_and_salt: Vec<u8>,
    /// Lifetime of the key in packets.
    pub lifetime: Option<u64>,
    /// Master key identifier.
    pub mki: Option<Mki>,
}

/// Master key identifier (MKI), which selects a key in each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mki {
    /// Value.
    pub value: u64,
    /// Length in packets in bytes, 1..=128.
    pub bytes: u8,
}

impl fmt::Debug for CryptoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoKey")
            .field("bytes", &self.key_and_salt.len())
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

impl Crypto {
    /// Creates a line with one key.
    #[must_use]
    pub fn new(tag: u32, suite: Suite, key_and_salt: &[u8]) -> Self {
        let key = CryptoKey { key_and_salt: key_and_salt.into(), lifetime: None, mki: None };
        Self { tag, suite: suite.name().into(), keys: vec![key], session_params: Vec::new() }
    }

    /// Parses the part after `a=crypto:`. Errors do not contain key material.
    pub(super) fn parse(value: &str) -> Result<Self, Problem> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().and_then(|tag| tag.parse().ok());
        let tag = tag.ok_or(Problem::invalid("tag of a crypto line", ""))?;
        let suite = words.next().ok_or(Problem::invalid("suite of a crypto line", ""))?;
        let params = words.next().ok_or(Problem::invalid("key of a crypto line", ""))?;
        let expected = Suite::from_name(suite).map(Suite::key_bytes);
        let mut keys = Vec::new();
        for param in params.split(';') {
            if keys.len() >= MAX_KEYS {
                return Err(Problem::TooMany { what: "keys in a crypto line", limit: MAX_KEYS });
            }
            let key = CryptoKey::parse(param)?;
            if expected.is_some_and(|(key_bytes, salt)| key.key_and_salt.len() != key_bytes + salt)
            {
                return Err(Problem::invalid("suite for the length of the key", suite));
            }
            keys.push(key);
        }
        let session_params = words.map(Into::into).collect();
        Ok(Self { tag, suite: suite.into(), keys, session_params })
    }
}

impl CryptoKey {
    fn parse(param: &str) -> Result<Self, Problem> {
        let no_key = || Problem::invalid("inline key in Base64", "");
        let mut parts = param.strip_prefix("inline:").ok_or_else(no_key)?.split('|');
        let key_and_salt = parts.next().and_then(base64::decode).ok_or_else(no_key)?;
        if key_and_salt.is_empty() {
            return Err(no_key());
        }
        let mut key = Self { key_and_salt, lifetime: None, mki: None };
        for part in parts {
            if part.contains(':') {
                key.mki = Some(Mki::parse(part).ok_or(Problem::invalid("MKI", part))?);
            } else {
                let lifetime = parse_lifetime(part).filter(|it| (1..=MAX_LIFETIME).contains(it));
                key.lifetime = Some(lifetime.ok_or(Problem::invalid("key lifetime", part))?);
            }
        }
        Ok(key)
    }
}

impl Mki {
    fn parse(text: &str) -> Option<Self> {
        let (value, bytes) = text.split_once(':')?;
        let (value, bytes) = (value.parse().ok()?, bytes.parse().ok()?);
        let fits = (1..=MAX_MKI_BYTES).contains(&bytes)
            && (bytes >= 8 || value >> (8 * u32::from(bytes)) == 0);
        fits.then_some(Self { value, bytes })
    }
}

/// Parses a number or a power of two.
fn parse_lifetime(text: &str) -> Option<u64> {
    match text.strip_prefix("2^") {
        Some(power) => 1_u64.checked_shl(power.parse().ok()?),
        None => text.parse().ok(),
    }
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.tag, self.suite)?;
        for (index, key) in self.keys.iter().enumerate() {
            let between = if index > 0 { ";" } else { "" };
            write!(f, "{between}inline:{}", base64::encode(&key.key_and_salt))?;
            if let Some(lifetime) = key.lifetime {
                if lifetime.is_power_of_two() {
                    write!(f, "|2^{}", lifetime.trailing_zeros())?;
                } else {
                    write!(f, "|{lifetime}")?;
                }
            }
            if let Some(Mki { value, bytes }) = key.mki {
                write!(f, "|{value}:{bytes}")?;
            }
        }
        self.session_params.iter().try_for_each(|param| write!(f, " {param}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj";

    #[test]
    fn crypto_lines_round_trip() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^20|1:4;inline:{KEY}|1000|2:4"),
            format!("3 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|1:32 UNENCRYPTED_SRTCP KDR=3"),
            format!("4 F8_128_HMAC_SHA1_80 inline:{}", "AAAA"),
            format!("5 AEAD_AES_128_GCM inline:{}", base64::encode(&[7; 28])),
        ] {
            assert_eq!(Crypto::parse(&line).unwrap().to_string(), line);
        }
        let mut crypto = Crypto::parse(&format!(
            "1 AEAD_AES_256_GCM inline:{}|2^48|255:1",
            base64::encode(&[1; 44])
        ))
        .unwrap();
        let key = crypto.keys.remove(0);
        assert_eq!((key.key_and_salt.len(), key.lifetime), (44, Some(1 << 48)));
        assert_eq!(key.mki, Some(Mki { value: 255, bytes: 1 }));
        assert_eq!(crypto.suite, Suite::AeadAes256Gcm.name());
        for suite in Suite::ALL {
            let (key, salt) = suite.key_bytes();
            let made = Crypto::new(1, suite, &vec![9; key + salt]);
            assert_eq!(Crypto::parse(&made.to_string()), Ok(made));
        }
    }

    #[test]
    fn debug_and_errors_omit_keys() {
        let crypto = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        let shown = format!("{crypto:?}");
        assert!(shown.contains("bytes: 30") && !shown.contains("55, 48"), "{shown}");
        let wrong = Crypto::parse(&format!("1 AEAD_AES_128_GCM inline:{KEY}")).unwrap_err();
        assert!(!format!("{wrong:?}").contains("NzB4"));
    }

    #[test]
    fn invalid_keys_are_rejected() {
        for line in [
            "",
            "x",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "1 AES_CM_128_HMAC_SHA1_80 inline:",
            "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
            "1 AES_CM_128_HMAC_SHA1_80 uri:http://x",
            "1 X inline:A?AA",
            "1 X inline:AAAA|2^49",
            "1 X inline:AAAA|2^64",
            "1 X inline:AAAA|0",
            "1 X inline:AAAA|1:0",
            "1 X inline:AAAA|1:129",
            "1 X inline:AAAA|256:1",
            "1 X inline:AAAA|x",
            &format!("1 X {}", ["inline:AAAA"; 17].join(";")),
        ] {
            assert!(Crypto::parse(line).is_err(), "{line}");
        }
    }
}
