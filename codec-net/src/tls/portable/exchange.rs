//! Key exchange: X25519 (RFC 7748), P-256 and P-384 (RFC 8446, section 4.2.8.2).

use p256::elliptic_curve::{self, PublicKey, SecretKey, ecdh};
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

/// In order of preference.
pub(super) static ALL: &[&dyn SupportedKxGroup] = &[&X25519, &P256, &P384];

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut bytes[..]).map_err(|_| Error::FailedToGetRandomBytes)?;
    Ok(bytes)
}

fn invalid_share() -> Error {
    PeerMisbehaved::InvalidKeyShare.into()
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = random()?;
        let public = x25519(*secret, X25519_BASEPOINT_BYTES);
        Ok(Box::new(ActiveX25519 { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct ActiveX25519 {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl ActiveKeyExchange for ActiveX25519 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = peer.try_into().map_err(|_| invalid_share())?;
        let shared = Zeroizing::new(x25519(*self.secret, peer));
        // Points of small order (RFC 8446, section 7.4.2).
        if shared.iter().fold(0, |all, byte| all | byte) == 0 {
            return Err(invalid_share());
        }
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

macro_rules! nist_group {
    ($group:ident, $active:ident, $curve:ty, $bytes:literal, $name:expr) => {
        #[derive(Debug)]
        struct $group;

        impl SupportedKxGroup for $group {
            fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
                // Almost all strings of this length are valid keys.
                for _ in 0..100 {
                    let bytes = random::<$bytes>()?;
                    if let Ok(secret) = SecretKey::<$curve>::from_slice(&bytes[..]) {
                        let public = secret.public_key().to_sec1_bytes();
                        return Ok(Box::new($active { secret, public }));
                    }
                }
                Err(Error::FailedToGetRandomBytes)
            }

            fn name(&self) -> NamedGroup {
                $name
            }
        }

        struct $active {
            secret: SecretKey<$curve>,
            public: Box<[u8]>,
        }

        impl ActiveKeyExchange for $active {
            fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
                // Only uncompressed points (RFC 8446, section 4.2.8.2).
                if peer.first() != Some(&4) {
                    return Err(invalid_share());
                }
                let peer = PublicKey::<$curve>::from_sec1_bytes(peer);
                let peer = peer.map_err(|_: elliptic_curve::Error| invalid_share())?;
                let shared =
                    ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
                Ok(SharedSecret::from(&shared.raw_secret_bytes()[..]))
            }

            fn pub_key(&self) -> &[u8] {
                &self.public
            }

            fn group(&self) -> NamedGroup {
                $name
            }
        }
    };
}

nist_group!(P256, ActiveP256, p256::NistP256, 32, NamedGroup::secp256r1);
nist_group!(P384, ActiveP384, p384::NistP384, 48, NamedGroup::secp384r1);
