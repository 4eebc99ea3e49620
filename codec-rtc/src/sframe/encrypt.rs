//! Encryption.

use std::fmt;

use sframe::frame::{MediaFrameView, SingleUseCounter};
use sframe::key::EncryptionKey;

use super::{Key, SframeError};

/// Maximum frame counter: five bytes in the header, enough for three centuries. Also stays well
/// below the encryption limit of AES-GCM.
pub const MAX_COUNTER: u64 = (1 << 40) - 1;

/// Encrypts frames, each with a new counter regardless of the key.
///
/// A key with a given id must be used by only one encryptor, and only once: another one starting at
/// the same counter would repeat nonces, which reveals the contents. To restart with a secret
/// already in use, choose a new random id.
pub struct Encryptor {
    id: u64,
    key: EncryptionKey,
    next: u64,
}

impl fmt::Debug for Encryptor {
    /// Omits the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryptor")
            .field("id", &self.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Encryptor {
    /// Creates an encryptor for a key with an id; ids below 8 take no extra header byte.
    ///
    /// # Errors
    /// Returns [`SframeError::Cipher`] if key derivation fails.
    pub fn new(id: u64, key: &Key) -> Result<Self, SframeError> {
        Ok(Self { id, key: key.encryption(id)?, next: 0 })
    }

    /// Changes the key from the next frame on; receivers should have it before. Counters continue,
    /// so that an earlier key may be used again.
    ///
    /// # Errors
    /// Returns [`SframeError::Cipher`] and keeps the previous key if key derivation fails.
    pub fn set_key(&mut self, id: u64, key: &Key) -> Result<(), SframeError> {
        self.key = key.encryption(id)?;
        self.id = id;
        Ok(())
    }

    /// Id of the current key.
    #[must_use]
    pub fn key_id(&self) -> u64 {
        self.id
    }

    /// Counter of the next frame.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.next
    }

    /// Skips the counters below `counter`; never goes back.
    #[must_use]
    pub fn starting_at(mut self, counter: u64) -> Self {
        self.next = self.next.max(counter);
        self
    }

    /// Encrypts a payload; returns header, ciphertext and tag. `metadata` is authenticated but not
    /// included, and must be passed to the decryptor.
    ///
    /// # Errors
    /// Returns [`SframeError::Exhausted`] or [`SframeError::Cipher`].
    pub fn encrypt(&mut self, metadata: &[u8], payload: &[u8]) -> Result<Vec<u8>, SframeError> {
        let mut encrypted = self.encrypt_with_metadata(metadata, payload)?;
        encrypted.drain(..metadata.len());
        Ok(encrypted)
    }

    /// Like [`Self::encrypt`], with the metadata in front.
    pub(super) fn encrypt_with_metadata(
        &mut self,
        metadata: &[u8],
        payload: &[u8],
    ) -> Result<Vec<u8>, SframeError> {
        if self.next > MAX_COUNTER {
            return Err(SframeError::Exhausted);
        }
        let mut counter = SingleUseCounter::new(self.next);
        // The counter is used up even on failure.
        self.next += 1;
        let frame = MediaFrameView::try_with_meta_data(&mut counter, payload, metadata);
        let frame = frame.map_err(|_| SframeError::Cipher)?;
        let mut encrypted = Vec::new();
        frame.encrypt_into(&self.key, &mut encrypted).map_err(|_| SframeError::Cipher)?;
        Ok(encrypted)
    }
}
