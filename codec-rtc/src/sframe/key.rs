//! Secrets shared by both endpoints (`base_key` of RFC 9605, section 4.4.1).

use std::fmt;

use sframe::key::{DecryptionKey, EncryptionKey};
use zeroize::Zeroizing;

use super::{SframeError, Suite};

/// Minimum length of a secret in bytes.
pub const MIN_KEY_BYTES: usize = 16;
/// Maximum length of a secret in bytes.
pub const MAX_KEY_BYTES: usize = 64;

/// A secret with its cipher suite. Encryption keys are derived from it and a key id, so that each
/// id has its own key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    suite: Suite,
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Key {
    /// Omits the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Key {
    /// Creates a key from a random secret of [`MIN_KEY_BYTES`] to [`MAX_KEY_BYTES`]. Do not pass a
    /// password.
    ///
    /// # Errors
    /// Returns [`SframeError::KeyLength`] if the length is out of range.
    pub fn new(suite: Suite, secret: &[u8]) -> Result<Self, SframeError> {
        let had = secret.len();
        if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&had) {
            return Err(SframeError::KeyLength { had });
        }
        Ok(Self { suite, secret: Zeroizing::new(secret.to_vec()) })
    }

    /// Cipher suite of the key.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn encryption(&self, id: u64) -> Result<EncryptionKey, SframeError> {
        EncryptionKey::derive_from(self.suite.cipher(), id, self.secret.as_slice())
            .map_err(|_| SframeError::Cipher)
    }

    pub(super) fn decryption(&self, id: u64) -> Result<DecryptionKey, SframeError> {
        DecryptionKey::derive_from(self.suite.cipher(), id, self.secret.as_slice())
            .map_err(|_| SframeError::Cipher)
    }
}
