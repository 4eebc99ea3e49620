//! Access to the SRTP keys of a session, so that the peer can authenticate packets.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use dimpl::SrtpProfile;

use codec_rtc::srtp::{Suite, Unprotect};

thread_local! {
    /// Keys of the str0m instance being created.
    static NEW: RefCell<Option<MediaKeys>> = const { RefCell::new(None) };
}

/// Authenticates packets with the keys of a completed handshake; rejects all before.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaKeys(Arc<Mutex<Option<Unprotect>>>);

impl MediaKeys {
    /// Creates a str0m instance whose handshake stores its keys here. All instances share one
    /// provider, which does not know which instance it serves, but creates the DTLS instance while
    /// the str0m instance is being created.
    pub(crate) fn of<T>(make: impl FnOnce() -> T) -> (Self, T) {
        let keys = Self::default();
        NEW.set(Some(keys.clone()));
        let made = make();
        NEW.set(None);
        (keys, made)
    }

    /// Keys of the str0m instance being created.
    pub(super) fn new() -> Self {
        NEW.take().unwrap_or_default()
    }

    /// Stores the keys after the handshake. `material`: keys of client and server, then both salts
    /// (RFC 5764, section 4.2); `is_client`: whether this endpoint is the DTLS client.
    pub(super) fn set(&self, profile: SrtpProfile, material: &[u8], is_client: bool) {
        let suite = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
            // str0m supports no others.
            _ => return,
        };
        // Received packets use the keys of the remote endpoint.
        let theirs = usize::from(is_client);
        let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
        let part = |from: usize, len: usize| material.get(from..from + len);
        let (Some(key), Some(salt)) =
            (part(theirs * key, key), part(2 * key + theirs * salt, salt))
        else {
            return;
        };
        let unprotect = Unprotect::new(suite, &[key, salt].concat()).ok();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = unprotect;
    }

    /// Whether an RTP packet of an unknown SSRC is authentic. Does not change the state.
    pub(crate) fn is_authentic(&self, packet: &[u8], ssrc: u32) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unprotect) = &mut *keys else { return false };
        let authentic = unprotect.rtp(&mut packet.to_vec()).is_ok();
        unprotect.remove(ssrc);
        authentic
    }
}
