//! Handshakes between all providers.

use std::io::{Read as _, Write as _};

use rustls::pki_types::ServerName;
use rustls::{
    ClientConnection, NamedGroup, ProtocolVersion, ServerConnection, SignatureScheme,
    SupportedCipherSuite,
};

use super::*;

const CA: &[u8] = include_bytes!("../../testdata/ca.pem");
const ECDSA: (&[u8], &[u8]) =
    (include_bytes!("../../testdata/ecdsa.pem"), include_bytes!("../../testdata/ecdsa.key"));
const RSA: (&[u8], &[u8]) =
    (include_bytes!("../../testdata/rsa.pem"), include_bytes!("../../testdata/rsa.key"));

fn portable() -> CryptoProvider {
    portable::provider()
}

/// The fast and the portable provider; twice the portable one without a fast one.
fn both() -> [CryptoProvider; 2] {
    [portable(), (*provider()).clone()]
}

/// Exchanges a request and a response of several records; returns the negotiated parameters.
fn exchange(
    server: CryptoProvider,
    client: CryptoProvider,
    (certificate, key): (&[u8], &[u8]),
) -> (ProtocolVersion, SupportedCipherSuite) {
    let server = server_config_with(Arc::new(server), certificate, key).unwrap();
    let client = client_config_with(Arc::new(client), Roots::Pem(CA)).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    client.writer().write_all(b"GET /").unwrap();
    let answer: Vec<u8> = (0..50_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut wire = &wire[..];
        while !wire.is_empty() {
            server.read_tls(&mut wire).unwrap();
            server.process_new_packets().unwrap();
        }
        let before = asked.len();
        let _ = server.reader().read_to_end(&mut asked);
        if before == 0 && !asked.is_empty() {
            server.writer().write_all(&answer).unwrap();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut wire = &wire[..];
        while !wire.is_empty() {
            client.read_tls(&mut wire).unwrap();
            client.process_new_packets().unwrap();
            let _ = client.reader().read_to_end(&mut answered);
        }
    }
    assert_eq!(asked, b"GET /");
    assert!(answered == answer, "{} bytes", answered.len());
    (client.protocol_version().unwrap(), client.negotiated_cipher_suite().unwrap())
}

#[test]
fn every_provider_interoperates_with_every_other_and_itself() {
    for server in both() {
        for client in both() {
            let (version, _) = exchange(server.clone(), client, ECDSA);
            assert_eq!(version, ProtocolVersion::TLSv1_3);
        }
    }
}

#[test]
fn every_suite_and_group_of_the_portable_provider_works() {
    for suite in portable().cipher_suites {
        let only = CryptoProvider { cipher_suites: vec![suite], ..portable() };
        // RSA certificates need a server that signs with RSA.
        let is_rsa = format!("{suite:?}").contains("_RSA_");
        let certificate = if is_rsa { RSA } else { ECDSA };
        for server in both() {
            if is_rsa && server.key_provider.load_private_key(rsa_key()).is_err() {
                continue;
            }
            let (_, agreed) = exchange(server, only.clone(), certificate);
            assert_eq!(agreed.suite(), suite.suite());
        }
    }
    for group in portable().kx_groups {
        assert_ne!(group.name(), NamedGroup::FFDHE2048);
        let only = CryptoProvider { kx_groups: vec![group], ..portable() };
        for server in both() {
            exchange(server, only.clone(), ECDSA);
        }
    }
}

fn rsa_key() -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(RSA.1).unwrap()
}

/// On machines that sign with RSA, all paddings and hashes are verified, and modified signatures
/// are rejected.
#[test]
fn rsa_signatures_are_verified_and_modified_ones_rejected() {
    let Ok(key) = provider().key_provider.load_private_key(rsa_key()) else { return };
    let certificate = certificates_of(RSA.0).unwrap().remove(0);
    let public = public_key_of(&certificate);
    let mut checked = 0;
    for (scheme, algorithms) in portable().signature_verification_algorithms.mapping {
        let Some(signer) = key.choose_scheme(&[*scheme]) else { continue };
        checked += 1;
        let signature = signer.sign(b"message").unwrap();
        let verify = |message: &[u8], signature: &[u8]| {
            algorithms[0].verify_signature(&public, message, signature).is_ok()
        };
        assert!(verify(b"message", &signature), "{scheme:?}");
        assert!(!verify(b"massage", &signature), "{scheme:?}");
        for at in [0, 100, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!verify(b"message", &changed), "{scheme:?}");
        }
        assert!(!verify(b"message", &[]) && !verify(b"message", &signature[1..]));
        assert!(!verify(b"message", &[0xff; 256]) && !verify(b"message", &[0; 256]));
    }
    assert_eq!(checked, 6);
    for len in 0..public.len() {
        let algorithm = portable().signature_verification_algorithms.mapping[4].1[0];
        assert!(algorithm.verify_signature(&public[..len], b"message", &[1; 256]).is_err());
    }
    assert!(key.choose_scheme(&[SignatureScheme::ED25519]).is_none());
}

/// The 2048-bit key in a certificate: the contents of the bit string after `rsaEncryption`.
fn public_key_of(certificate: &[u8]) -> Vec<u8> {
    let head = [0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a];
    let at = certificate.windows(head.len()).position(|window| window == head).unwrap();
    certificate[at + 5..at + 5 + 270].to_vec()
}

#[test]
fn keys_unsupported_by_the_portable_provider_are_rejected_with_the_reason() {
    let refused = server_config_with(Arc::new(portable()), RSA.0, RSA.1).unwrap_err();
    assert!(refused.to_string().contains("ECDSA keys"), "{refused}");
}
