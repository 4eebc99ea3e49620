//! A rustls provider over `RustCrypto`: for all processors, without C.
//!
//! It supports TLS 1.3 with AES-GCM and ChaCha20-Poly1305, TLS 1.2 with ECDHE and AES-GCM, and key
//! exchange with X25519, P-256 and P-384. Certificates are verified with ECDSA and RSA; a server
//! signs only with ECDSA (P-256, P-384), because the time that RSA takes in `RustCrypto` depends on
//! the private key, which attackers could measure.

mod aead;
mod exchange;
mod hash;
mod rsa;
mod sign;
mod suites;
mod verify;

use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom};

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: suites::ALL.to_vec(),
        kx_groups: exchange::ALL.to_vec(),
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: &System,
        key_provider: &sign::Keys,
    }
}

/// The operating system's random numbers.
#[derive(Debug)]
struct System;

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(bytes).map_err(|_| GetRandomFailed)
    }
}
