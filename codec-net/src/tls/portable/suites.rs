//! Cipher suites (RFC 8446, appendix B.4; RFC 5289).

use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, KeyExchangeAlgorithm};
use rustls::{
    CipherSuite, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};

use super::aead::Aead;
use super::hash::{HMAC_SHA256, HMAC_SHA384, SHA256, SHA384};

/// Maximum number of records with one AES-GCM key (RFC 8446, section 5.5).
const GCM_RECORDS: u64 = 1 << 23;

/// In order of preference.
pub(super) static ALL: &[SupportedCipherSuite] = &[
    SupportedCipherSuite::Tls13(&AES_256),
    SupportedCipherSuite::Tls13(&AES_128),
    SupportedCipherSuite::Tls13(&CHACHA20),
    SupportedCipherSuite::Tls12(&ECDSA_AES_256),
    SupportedCipherSuite::Tls12(&ECDSA_AES_128),
    SupportedCipherSuite::Tls12(&RSA_AES_256),
    SupportedCipherSuite::Tls12(&RSA_AES_128),
];

static AES_128: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_128_GCM_SHA256,
        hash_provider: &SHA256,
        confidentiality_limit: GCM_RECORDS,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Aead::Aes128,
    quic: None,
};

static AES_256: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
        hash_provider: &SHA384,
        confidentiality_limit: GCM_RECORDS,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA384),
    aead_alg: &Aead::Aes256,
    quic: None,
};

static CHACHA20: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        hash_provider: &SHA256,
        confidentiality_limit: u64::MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Aead::ChaCha20,
    quic: None,
};

static PRF_SHA256: PrfUsingHmac<'static> = PrfUsingHmac(&HMAC_SHA256);
static PRF_SHA384: PrfUsingHmac<'static> = PrfUsingHmac(&HMAC_SHA384);

static ECDSA: &[SignatureScheme] =
    &[SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256];

static RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

static ECDSA_AES_128: Tls12CipherSuite =
    with_aes_128(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ECDSA);
static ECDSA_AES_256: Tls12CipherSuite =
    with_aes_256(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ECDSA);
static RSA_AES_128: Tls12CipherSuite =
    with_aes_128(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, RSA);
static RSA_AES_256: Tls12CipherSuite =
    with_aes_256(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, RSA);

const fn with_aes_128(suite: CipherSuite, sign: &'static [SignatureScheme]) -> Tls12CipherSuite {
    Tls12CipherSuite {
        common: CipherSuiteCommon {
            suite,
            hash_provider: &SHA256,
            confidentiality_limit: GCM_RECORDS,
        },
        prf_provider: &PRF_SHA256,
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg: &Aead::Aes128,
    }
}

const fn with_aes_256(suite: CipherSuite, sign: &'static [SignatureScheme]) -> Tls12CipherSuite {
    Tls12CipherSuite {
        common: CipherSuiteCommon {
            suite,
            hash_provider: &SHA384,
            confidentiality_limit: GCM_RECORDS,
        },
        prf_provider: &PRF_SHA384,
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg: &Aead::Aes256,
    }
}
