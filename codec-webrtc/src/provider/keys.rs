//! The keys of a call's media, where the peer can check packets with them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use dimpl::SrtpProfile;

use codec_rtc::srtp::{Suite, Unprotect};

thread_local! {
    /// Of the stack that is being made.
    static NEW: RefCell<Option<MediaKeys>> = const { RefCell::new(None) };
}

/// Checks what comes under the keys that a handshake has agreed on; nothing before.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaKeys(Arc<Mutex<Option<Unprotect>>>);

impl MediaKeys {
    /// Makes a stack whose handshake puts the keys in here. There is one provider for all stacks,
    /// and it is not told which it works for; but it makes the DTLS of each while the stack is made.
    pub(crate) fn of<T>(make: impl FnOnce() -> T) -> (Self, T) {
        let keys = Self::default();
        NEW.set(Some(keys.clone()));
        let made = make();
        NEW.set(None);
        (keys, made)
    }

    /// Those of the stack that is being made.
    pub(super) fn new() -> Self {
        NEW.take().unwrap_or_default()
    }

    /// The handshake is done. `material`: keys of client and server, then salts of both (RFC 5764,
    /// section 4.2); `is_client`: this end.
    pub(super) fn set(&self, profile: SrtpProfile, material: &[u8], is_client: bool) {
        let suite = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
            // The stack knows no others.
            _ => return,
        };
        // What comes is under the other end's.
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

    /// Whether an RTP packet of a source that was not known is authentic. Nothing is remembered.
    pub(crate) fn is_authentic(&self, packet: &[u8], ssrc: u32) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unprotect) = &mut *keys else { return false };
        let authentic = unprotect.rtp(&mut packet.to_vec()).is_ok();
        unprotect.remove(ssrc);
        authentic
    }
}
