//! Secrets that both ends have (RFC 9605, section 4.4.1: `base_key`).

use std::fmt;

use sframe::key::{DecryptionKey, EncryptionKey};
use zeroize::Zeroizing;

use super::{SframeError, Suite};

/// Least bytes of a secret.
pub const MIN_KEY_BYTES: usize = 16;
/// Most bytes of a secret.
pub const MAX_KEY_BYTES: usize = 64;

/// A secret and the suite that it is used with. What encrypts is derived from it and a key id: two
/// ids make two keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    suite: Suite,
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Key {
    /// A secret of [`MIN_KEY_BYTES`] to [`MAX_KEY_BYTES`], drawn at random: no password.
    ///
    /// # Errors
    /// [`SframeError::KeyLength`].
    pub fn new(suite: Suite, secret: &[u8]) -> Result<Self, SframeError> {
        let had = secret.len();
        if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&had) {
            return Err(SframeError::KeyLength { had });
        }
        Ok(Self { suite, secret: Zeroizing::new(secret.to_vec()) })
    }

    /// What it is used with.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn sealing(&self, id: u64) -> Result<EncryptionKey, SframeError> {
        EncryptionKey::derive_from(self.suite.cipher(), id, self.secret.as_slice())
            .map_err(|_| SframeError::Cipher)
    }

    pub(super) fn opening(&self, id: u64) -> Result<DecryptionKey, SframeError> {
        DecryptionKey::derive_from(self.suite.cipher(), id, self.secret.as_slice())
            .map_err(|_| SframeError::Cipher)
    }
}
