//! Selects the cryptography for TLS: graviola if the processor supports it, otherwise our own
//! provider over `RustCrypto` ([`portable`]).
//!
//! graviola compiles for x86-64 and AArch64 only, and panics at its first use if the processor lacks a
//! feature that it requires; virtual machines often hide some of them. So the features are checked first.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

use super::portable;

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(fast().unwrap_or_else(portable::provider)));

/// The provider for this machine.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// Returns graviola if this processor has the features that it requires.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn fast() -> Option<CryptoProvider> {
    has_all(&features()).then(rustls_graviola::default_provider)
}

/// graviola does not compile for this target.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn fast() -> Option<CryptoProvider> {
    None
}

/// The processor features that graviola requires.
#[cfg(target_arch = "x86_64")]
fn features() -> [bool; 9] {
    use std::arch::is_x86_feature_detected as has;
    [
        has!("aes"),
        has!("pclmulqdq"),
        has!("ssse3"),
        has!("sse4.1"),
        has!("avx"),
        has!("avx2"),
        has!("bmi1"),
        has!("bmi2"),
        has!("adx"),
    ]
}

/// The processor features that graviola requires.
#[cfg(target_arch = "aarch64")]
fn features() -> [bool; 4] {
    use std::arch::is_aarch64_feature_detected as has;
    [has!("neon"), has!("aes"), has!("pmull"), has!("sha2")]
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn has_all(features: &[bool]) -> bool {
    features.iter().all(|has| *has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[test]
    fn a_missing_processor_feature_selects_the_fallback() {
        let all = features().map(|_| true);
        assert!(has_all(&all));
        for missing in 0..all.len() {
            let mut features = all;
            features[missing] = false;
            assert!(!has_all(&features), "{missing}");
        }
        assert_eq!(fast().is_some(), has_all(&features()));
    }
}
