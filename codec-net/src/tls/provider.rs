//! Which cryptography TLS runs on: graviola where the processor has what it needs, else our own over
//! `RustCrypto` ([`portable`]).
//!
//! graviola asserts processor features when it is first used, and virtual machines often hide some of
//! them; it does not compile beyond x86-64 and AArch64. So the features are looked at before.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

use super::portable;

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(fast().unwrap_or_else(portable::provider)));

/// The provider of this machine.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// graviola, if this processor has the features that it asserts.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn fast() -> Option<CryptoProvider> {
    has_all(&features()).then(rustls_graviola::default_provider)
}

/// graviola does not compile for this target.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn fast() -> Option<CryptoProvider> {
    None
}

/// Features of the processor that graviola cannot do without.
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

/// Features of the processor that graviola cannot do without.
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
    fn a_processor_that_lacks_one_feature_falls_back() {
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
