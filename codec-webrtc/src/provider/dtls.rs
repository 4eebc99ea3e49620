//! DTLS with the crate `dimpl`, which uses the cryptography of `RustCrypto`.
//!
//! Cipher suites: ECDHE-ECDSA with AES-GCM or ChaCha20-Poly1305 only. dimpl takes random numbers
//! from the operating system.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dimpl::crypto::rust_crypto;
use dimpl::{Config, ProtocolVersion};
use str0m::config::DtlsVersion;
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider};

use super::MediaKeys;

/// Initial retransmission timeout of a flight, doubled each time.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(50);
/// Maximum number of retransmissions: 50 ms doubled nine times is 25.6 s, slightly less than
/// `HANDSHAKE`.
const RETRANSMISSIONS: usize = 9;
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Building it runs known-answer tests of all algorithms, so that it is done only once.
static CONFIG: LazyLock<Result<Arc<Config>, DtlsImplError>> = LazyLock::new(|| {
    Config::builder()
        .with_crypto_provider(rust_crypto::default_provider())
        .flight_start_rto(FIRST_RETRANSMISSION)
        .flight_retries(RETRANSMISSIONS)
        .handshake_timeout(HANDSHAKE)
        // ICE has already verified the address: a cookie would cost a round trip without benefit.
        .use_server_cookie(false)
        .build()
        .map(Arc::new)
});

#[derive(Debug)]
pub(super) struct Dtls;

impl DtlsProvider for Dtls {
    /// Certificates are created only by [`Certificate`](crate::Certificate).
    fn generate_certificate(&self) -> Option<DtlsCert> {
        None
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = CONFIG.as_ref().map_err(|error| CryptoError::Other(error.to_string()))?;
        let (config, cert) = (Arc::clone(config), cert.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, cert, now),
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, cert, now),
            _ => dimpl::Dtls::new_auto(config, cert, now),
        };
        Ok(Box::new(Instance { dtls, keys: MediaKeys::new() }))
    }
}

#[derive(Debug)]
struct Instance {
    dtls: dimpl::Dtls,
    keys: MediaKeys,
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.dtls.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.keys.set(*profile, material.as_ref(), self.dtls.is_active());
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
