//! The sending direction.

use std::fmt;

use sframe::frame::{MediaFrameView, SingleUseCounter};
use sframe::key::EncryptionKey;

use super::{Key, SframeError};

/// The last counter that is used: five bytes in the header, three centuries of a call. It also keeps
/// a key well below what AES-GCM may encrypt.
pub const MAX_COUNTER: u64 = (1 << 40) - 1;

/// Seals frames, each with a counter that no frame had before, whichever the key.
///
/// One key under one id may be in one sealer only, and once: another that begins at the same
/// counter would encrypt with the same numbers, which gives the contents away. Who starts again
/// with a secret that was in use takes a new id, drawn at random.
pub struct Sealer {
    id: u64,
    key: EncryptionKey,
    next: u64,
}

impl fmt::Debug for Sealer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("id", &self.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Seals with a key under an id; ids below 8 take no bytes.
    ///
    /// # Errors
    /// [`SframeError::Cipher`].
    pub fn new(id: u64, key: &Key) -> Result<Self, SframeError> {
        Ok(Self { id, key: key.sealing(id)?, next: 0 })
    }

    /// Goes on with another key from the next frame on. Receivers should have it before. Counters
    /// go on where they are, so that a key may come back.
    ///
    /// # Errors
    /// [`SframeError::Cipher`]; the key before stays.
    pub fn set_key(&mut self, id: u64, key: &Key) -> Result<(), SframeError> {
        self.key = key.sealing(id)?;
        self.id = id;
        Ok(())
    }

    /// The id of the key that is used now.
    #[must_use]
    pub fn key_id(&self) -> u64 {
        self.id
    }

    /// The counter of the next frame.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.next
    }

    /// Leaves out the counters below this one; lower ones than the next are not gone back to.
    #[must_use]
    pub fn starting_at(mut self, counter: u64) -> Self {
        self.next = self.next.max(counter);
        self
    }

    /// A sealed payload: header, ciphertext, tag. `metadata` is authenticated with it and has to be
    /// told to the opener.
    ///
    /// # Errors
    /// [`SframeError::Exhausted`] or [`SframeError::Cipher`].
    pub fn seal(&mut self, metadata: &[u8], payload: &[u8]) -> Result<Vec<u8>, SframeError> {
        let mut sealed = self.seal_behind(metadata, payload)?;
        sealed.drain(..metadata.len());
        Ok(sealed)
    }

    /// The same behind the metadata.
    pub(super) fn seal_behind(
        &mut self,
        metadata: &[u8],
        payload: &[u8],
    ) -> Result<Vec<u8>, SframeError> {
        if self.next > MAX_COUNTER {
            return Err(SframeError::Exhausted);
        }
        let mut counter = SingleUseCounter::new(self.next);
        // Whatever comes of it, the number is gone.
        self.next += 1;
        let frame = MediaFrameView::try_with_meta_data(&mut counter, payload, metadata);
        let frame = frame.map_err(|_| SframeError::Cipher)?;
        let mut sealed = Vec::new();
        frame.encrypt_into(&self.key, &mut sealed).map_err(|_| SframeError::Cipher)?;
        Ok(sealed)
    }
}
