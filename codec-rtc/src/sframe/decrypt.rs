//! Decryption.

use std::fmt;

use sframe::error::SframeError as CrateError;
use sframe::frame::EncryptedFrameView;
use sframe::key::DecryptionKey;

use super::{Key, SframeError, Window};

/// Maximum number of keys with an id.
pub const MAX_KEYS: usize = 16;
/// Maximum number of shared keys.
pub const MAX_SHARED_KEYS: usize = 4;
/// Maximum number of key ids in use with shared keys; the least recently used is dropped.
pub const MAX_DERIVED_KEYS: usize = 16;
/// Maximum size of an encrypted frame in bytes.
const MAX_ENCRYPTED_BYTES: usize = 16 << 20;

/// Why a frame is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptError {
    /// Invalid `SFrame` header, or ciphertext shorter than the tag.
    Malformed,
    /// No key with this id.
    UnknownKey {
        /// The key id.
        id: u64,
    },
    /// A frame with this counter was already decrypted, or the counter is older than the replay
    /// window.
    Replayed,
    /// Authentication failed: modified, encrypted with another key, or not encrypted.
    Forged,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("invalid encrypted frame"),
            Self::UnknownKey { id } => write!(f, "cannot decrypt frame: no key with id {id}"),
            Self::Replayed => f.write_str("cannot decrypt frame: replayed frame counter"),
            Self::Forged => f.write_str("cannot decrypt frame: authentication failed"),
        }
    }
}

impl std::error::Error for DecryptError {}

/// Decryption counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecryptCounters {
    /// Frames decrypted.
    pub decrypted: u64,
    /// See [`DecryptError::Malformed`].
    pub malformed: u64,
    /// See [`DecryptError::UnknownKey`].
    pub unknown_key: u64,
    /// See [`DecryptError::Replayed`].
    pub replayed: u64,
    /// See [`DecryptError::Forged`].
    pub forged: u64,
}

impl DecryptCounters {
    /// Total number of rejected frames.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        let Self { malformed, unknown_key, replayed, forged, .. } = *self;
        malformed + unknown_key + replayed + forged
    }
}

impl std::ops::Add for DecryptCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            decrypted: self.decrypted + other.decrypted,
            malformed: self.malformed + other.malformed,
            unknown_key: self.unknown_key + other.unknown_key,
            replayed: self.replayed + other.replayed,
            forged: self.forged + other.forged,
        }
    }
}

/// A key with its id and replay window.
struct KeyState {
    id: u64,
    key: Key,
    decryption: DecryptionKey,
    window: Window,
}

impl KeyState {
    fn new(id: u64, key: &Key) -> Result<Self, SframeError> {
        let decryption = key.decryption(id)?;
        Ok(Self { id, key: key.clone(), decryption, window: Window::default() })
    }

    /// Decrypts a frame; returns metadata and payload.
    fn decrypt(&mut self, frame: &EncryptedFrameView<'_>) -> Result<Vec<u8>, DecryptError> {
        let counter = frame.header().counter();
        if !self.window.is_new(counter) {
            return Err(DecryptError::Replayed);
        }
        let mut decrypted = Vec::new();
        let outcome = frame.decrypt_into(&self.decryption, &mut decrypted);
        outcome.map_err(|_: CrateError| DecryptError::Forged)?;
        self.window.take(counter);
        Ok(decrypted)
    }
}

/// Decrypts frames of any number of senders, with keys by id or with shared keys for all ids.
///
/// Frames that fail authentication do not change the state. Frames of one key may arrive in any
/// order within [`super::REPLAY_WINDOW`] counters.
#[derive(Default)]
pub struct Decryptor {
    keys: Vec<KeyState>,
    shared: Vec<Key>,
    /// Keys derived from shared keys; the most recently used last.
    derived: Vec<KeyState>,
    counters: DecryptCounters,
}

impl fmt::Debug for Decryptor {
    /// Omits the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("keys", &self.keys.len())
            .field("shared", &self.shared.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Decryptor {
    /// Creates a decryptor without keys, which rejects all frames.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key for this id; other keys are kept.
    ///
    /// # Errors
    /// Returns [`SframeError::KeyIdTaken`] if the id has a different key, and
    /// [`SframeError::TooManyKeys`] if there are already [`MAX_KEYS`]; remove one with
    /// [`Self::remove_key`] first.
    pub fn set_key(&mut self, id: u64, key: &Key) -> Result<(), SframeError> {
        if let Some(known) = self.keys.iter().find(|known| known.id == id) {
            let same = known.key == *key;
            return if same { Ok(()) } else { Err(SframeError::KeyIdTaken { id }) };
        }
        if self.keys.len() >= MAX_KEYS {
            return Err(SframeError::TooManyKeys);
        }
        self.keys.push(KeyState::new(id, key)?);
        Ok(())
    }

    /// Adds a secret to try for every id without its own key, for senders that choose random ids.
    /// Replays across decryptors are not detected: frames recorded earlier decrypt in a new one.
    ///
    /// # Errors
    /// Returns [`SframeError::TooManyKeys`] if there are already [`MAX_SHARED_KEYS`].
    pub fn set_shared_key(&mut self, key: &Key) -> Result<(), SframeError> {
        if self.shared.contains(key) {
            return Ok(());
        }
        if self.shared.len() >= MAX_SHARED_KEYS {
            return Err(SframeError::TooManyKeys);
        }
        self.shared.push(key.clone());
        Ok(())
    }

    /// Removes the key with this id; returns whether it existed.
    pub fn remove_key(&mut self, id: u64) -> bool {
        let before = self.keys.len();
        self.keys.retain(|known| known.id != id);
        self.keys.len() < before
    }

    /// Whether there is a key to try for this id.
    #[must_use]
    pub fn has_key(&self, id: u64) -> bool {
        !self.shared.is_empty() || self.keys.iter().any(|known| known.id == id)
    }

    /// Whether a frame with the same key id and counter was already decrypted.
    #[must_use]
    pub fn has_decrypted(&self, encrypted: &[u8]) -> bool {
        let Ok(frame) = EncryptedFrameView::try_new(encrypted) else { return false };
        let (id, counter) = (frame.header().key_id(), frame.header().counter());
        let known = self.keys.iter().chain(&self.derived).find(|known| known.id == id);
        known.is_some_and(|known| !known.window.is_new(counter))
    }

    /// Decrypts a frame. `metadata` must equal that passed to the encryptor.
    ///
    /// # Errors
    /// Returns [`DecryptError`]; the frame is only counted.
    pub fn decrypt(&mut self, metadata: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let decrypted = self.try_decrypt(metadata, encrypted);
        let counter = match &decrypted {
            Ok(_) => &mut self.counters.decrypted,
            Err(DecryptError::Malformed) => &mut self.counters.malformed,
            Err(DecryptError::UnknownKey { .. }) => &mut self.counters.unknown_key,
            Err(DecryptError::Replayed) => &mut self.counters.replayed,
            Err(DecryptError::Forged) => &mut self.counters.forged,
        };
        *counter += 1;
        let mut payload = decrypted?;
        payload.drain(..metadata.len().min(payload.len()));
        Ok(payload)
    }

    fn try_decrypt(&mut self, metadata: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, DecryptError> {
        if encrypted.len() > MAX_ENCRYPTED_BYTES {
            return Err(DecryptError::Malformed);
        }
        let frame = EncryptedFrameView::try_with_meta_data(encrypted, metadata);
        let frame = frame.map_err(|_| DecryptError::Malformed)?;
        let id = frame.header().key_id();
        let body = frame.cipher_text().len();
        if let Some(known) = self.keys.iter_mut().find(|known| known.id == id) {
            if body < known.key.suite().tag_bytes() {
                return Err(DecryptError::Malformed);
            }
            return known.decrypt(&frame);
        }
        if self.shared.is_empty() {
            return Err(DecryptError::UnknownKey { id });
        }
        if self.shared.iter().all(|key| body < key.suite().tag_bytes()) {
            return Err(DecryptError::Malformed);
        }
        if let Some(at) = self.derived.iter().position(|known| known.id == id) {
            let mut known = self.derived.remove(at);
            let decrypted = known.decrypt(&frame);
            self.derived.push(known);
            // Another secret might be meant for the same id, which does not happen with random ids.
            return decrypted;
        }
        for key in &self.shared {
            let Ok(mut known) = KeyState::new(id, key) else { continue };
            let Ok(decrypted) = known.decrypt(&frame) else { continue };
            if self.derived.len() >= MAX_DERIVED_KEYS {
                self.derived.remove(0);
            }
            self.derived.push(known);
            return Ok(decrypted);
        }
        Err(DecryptError::Forged)
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> DecryptCounters {
        self.counters
    }
}
