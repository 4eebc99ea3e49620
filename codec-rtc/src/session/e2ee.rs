//! End-to-end encryption of frames and audio in a session ([`crate::sframe`]), if enabled. Without
//! the Cargo feature `sframe`, media passes unchanged.

use std::borrow::Cow;
use std::time::Duration;

use super::error::SendError;
#[cfg(feature = "sframe")]
use crate::rtp::WriteError;
#[cfg(feature = "sframe")]
use crate::sframe::{DecryptCounters, DecryptError, Decryptor, Encryptor};

/// Maximum exponent of the backoff of key-frame requests that do not yield a decryptable frame.
const MAX_BACKOFF: u32 = 5;

/// Sender side.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    #[cfg(feature = "sframe")]
    pub(super) encryptor: Option<Encryptor>,
}

#[cfg_attr(
    not(feature = "sframe"),
    expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "no encryption without the feature"
    )
)]
impl Encryption {
    /// Returns the encrypted frame; `None` if encryption is off.
    pub(super) fn video(
        &mut self,
        is_key: bool,
        frame: &[u8],
    ) -> Result<Option<Vec<u8>>, SendError> {
        #[cfg(feature = "sframe")]
        if let Some(encryptor) = &mut self.encryptor {
            if frame.is_empty() {
                return Err(SendError::Payload(WriteError::EmptyPayload));
            }
            return encryptor.encrypt_video(is_key, frame).map(Some).map_err(SendError::Encrypt);
        }
        let _ = (is_key, frame);
        Ok(None)
    }

    /// Returns the audio packet, encrypted if encryption is on.
    pub(super) fn audio<'a>(&mut self, packet: &'a [u8]) -> Result<Cow<'a, [u8]>, SendError> {
        #[cfg(feature = "sframe")]
        if let Some(encryptor) = &mut self.encryptor {
            return encryptor.encrypt_audio(packet).map(Cow::Owned).map_err(SendError::Encrypt);
        }
        Ok(Cow::Borrowed(packet))
    }
}

/// Receiver side.
#[derive(Debug, Default)]
pub(super) struct Decryption {
    #[cfg(feature = "sframe")]
    pub(super) decryptor: Option<Decryptor>,
    /// Key id of the last frame, if its key is unknown.
    #[cfg(feature = "sframe")]
    unknown: Option<u64>,
    /// Key frames requested since the last decrypted frame, if a frame has failed since.
    failed_requests: Option<u32>,
}

impl Decryption {
    /// Whether frames are encrypted.
    pub(super) fn is_on(&self) -> bool {
        #[cfg(feature = "sframe")]
        if self.decryptor.is_some() {
            return true;
        }
        false
    }

    /// Decrypts a received frame; `None` on failure.
    pub(super) fn video(&mut self, frame: Vec<u8>) -> Option<Vec<u8>> {
        #[cfg(feature = "sframe")]
        if let Some(decryptor) = &mut self.decryptor {
            return match decryptor.decrypt_video(&frame) {
                Ok((decrypted, _)) => {
                    (self.unknown, self.failed_requests) = (None, None);
                    Some(decrypted)
                }
                Err(refused) => {
                    self.unknown = match refused {
                        DecryptError::UnknownKey { id } => Some(id),
                        _ => None,
                    };
                    self.failed_requests.get_or_insert(0);
                    None
                }
            };
        }
        Some(frame)
    }

    /// Decrypts an audio packet; `None` on failure.
    pub(super) fn audio<'a>(&mut self, payload: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        #[cfg(feature = "sframe")]
        if let Some(decryptor) = &mut self.decryptor {
            return decryptor.decrypt_audio(payload).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(payload))
    }

    /// Decrypts a redundant payload; `None` also if the original was received.
    pub(super) fn copy<'a>(&mut self, payload: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        #[cfg(feature = "sframe")]
        if self.decryptor.as_ref().is_some_and(|decryptor| decryptor.has_decrypted(payload)) {
            return None;
        }
        self.audio(payload)
    }

    /// Whether a key frame could be decrypted: not while its key is unknown.
    pub(super) fn could_decrypt(&self) -> bool {
        #[cfg(feature = "sframe")]
        if let (Some(id), Some(decryptor)) = (self.unknown, &self.decryptor) {
            return decryptor.has_key(id);
        }
        true
    }

    /// Records that a key frame was requested.
    pub(super) fn on_key_frame_request(&mut self) {
        if let Some(times) = &mut self.failed_requests {
            *times = times.saturating_add(1);
        }
    }

    /// Interval of key-frame requests: `usual` while frames decrypt, with backoff otherwise.
    pub(super) fn interval(&self, usual: Duration) -> Duration {
        // One may get lost, so that the second request is not delayed.
        let times = self.failed_requests.unwrap_or(0).saturating_sub(1);
        usual * (1 << times.min(MAX_BACKOFF))
    }

    #[cfg(feature = "sframe")]
    pub(super) fn counters(&self) -> Option<DecryptCounters> {
        self.decryptor.as_ref().map(Decryptor::counters)
    }
}
