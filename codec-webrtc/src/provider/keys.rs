//! The SRTP keys of a session, with which the peer authenticates received packets and encrypts packets that it sends.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use dimpl::SrtpProfile;

use codec_rtc::srtp::{Protect, Suite, Unprotect};

thread_local! {
    /// Keys of the str0m instance being created.
    static NEW: RefCell<Option<MediaKeys>> = const { RefCell::new(None) };
}

/// The SRTP keys of a session, after the handshake; before it, nothing is authentic and nothing can be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaKeys(Arc<Mutex<Option<Keys>>>);

#[derive(Debug)]
struct Keys {
    /// Authenticates the first packets of SSRCs.
    sources: Unprotect,
    /// Decrypts received RTCP.
    feedback: Unprotect,
    /// Decrypts RTCP that str0m encrypted for sending.
    own: Unprotect,
    /// Encrypts packets to send.
    sent: Protect,
}

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
        let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
        let part = |from: usize, len: usize| material.get(from..from + len);
        let of_end = |end: usize| {
            let (key, salt) = (part(end * key, key)?, part(2 * key + end * salt, salt)?);
            Some([key, salt].concat())
        };
        // Received packets use the keys of the remote endpoint.
        let theirs = usize::from(is_client);
        let (Some(theirs), Some(ours)) = (of_end(theirs), of_end(1 - theirs)) else { return };
        let unprotect = |material: &[u8]| Unprotect::new(suite, material).ok();
        let (sources, feedback, own) = (unprotect(&theirs), unprotect(&theirs), unprotect(&ours));
        let (Some(sources), Some(feedback), Some(own), Ok(sent)) =
            (sources, feedback, own, Protect::new(suite, &ours))
        else {
            return;
        };
        let keys = Keys { sources, feedback, own, sent };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    /// Runs `work` with the keys, if they are known.
    fn with<T>(&self, work: impl FnOnce(&mut Keys) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(work)
    }

    /// Whether an RTP packet of an unknown SSRC is authentic. Does not change the state.
    pub(crate) fn is_authentic(&self, packet: &[u8], ssrc: u32) -> bool {
        let authentic = self.with(|keys| {
            let authentic = keys.sources.rtp(&mut packet.to_vec()).is_ok();
            keys.sources.remove(ssrc);
            Some(authentic)
        });
        authentic == Some(true)
    }

    /// Decrypts a received datagram of RTCP; `None` if it is not authentic, or repeated.
    pub(crate) fn decrypt_rtcp(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut compound = datagram.to_vec();
        self.with(|keys| keys.feedback.rtcp(&mut compound).ok()).map(|()| compound)
    }

    /// Decrypts a datagram of RTCP that str0m encrypted.
    pub(crate) fn decrypt_own_rtcp(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut compound = datagram.to_vec();
        self.with(|keys| keys.own.rtcp(&mut compound).ok()).map(|()| compound)
    }

    /// Encrypts an RTP packet in place; `false` before the handshake.
    pub(crate) fn encrypt_rtp(&self, packet: &mut Vec<u8>) -> bool {
        self.with(|keys| keys.sent.rtp(packet).ok()).is_some()
    }

    /// Encrypts a compound of RTCP in place; `false` before the handshake.
    pub(crate) fn encrypt_rtcp(&self, compound: &mut Vec<u8>) -> bool {
        self.with(|keys| keys.sent.rtcp(compound).ok()).is_some()
    }
}
