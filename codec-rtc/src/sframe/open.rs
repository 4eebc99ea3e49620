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
const MAX_SEALED_BYTES: usize = 16 << 20;

/// Why a frame is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("invalid encrypted frame"),
            Self::UnknownKey { id } => write!(f, "cannot decrypt frame: no key with id {id}"),
            Self::Replayed => f.write_str("cannot decrypt frame: replayed frame counter"),
            Self::Forged => f.write_str("cannot decrypt frame: authentication failed"),
        }
    }
}

impl std::error::Error for Refused {}

/// Decryption counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenCounters {
    /// Frames decrypted.
    pub opened: u64,
    /// See [`Refused::Malformed`].
    pub malformed: u64,
    /// See [`Refused::UnknownKey`].
    pub unknown_key: u64,
    /// See [`Refused::Replayed`].
    pub replayed: u64,
    /// See [`Refused::Forged`].
    pub forged: u64,
}

impl OpenCounters {
    /// Total number of rejected frames.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let Self { malformed, unknown_key, replayed, forged, .. } = *self;
        malformed + unknown_key + replayed + forged
    }
}

impl std::ops::Add for OpenCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            opened: self.opened + other.opened,
            malformed: self.malformed + other.malformed,
            unknown_key: self.unknown_key + other.unknown_key,
            replayed: self.replayed + other.replayed,
            forged: self.forged + other.forged,
        }
    }
}

/// A key with its id and replay window.
struct Known {
    id: u64,
    key: Key,
    opening: DecryptionKey,
    window: Window,
}

impl Known {
    fn new(id: u64, key: &Key) -> Result<Self, SframeError> {
        let opening = key.opening(id)?;
        Ok(Self { id, key: key.clone(), opening, window: Window::default() })
    }

    /// Decrypts a frame; returns metadata and payload.
    fn open(&mut self, frame: &EncryptedFrameView<'_>) -> Result<Vec<u8>, Refused> {
        let counter = frame.header().counter();
        if !self.window.is_new(counter) {
            return Err(Refused::Replayed);
        }
        let mut opened = Vec::new();
        let outcome = frame.decrypt_into(&self.opening, &mut opened);
        outcome.map_err(|_: CrateError| Refused::Forged)?;
        self.window.take(counter);
        Ok(opened)
    }
}

/// Decrypts frames of any number of senders, with keys by id or with shared keys for all ids.
///
/// Frames that fail authentication do not change the state. Frames of one key may arrive in any
/// order within [`super::REPLAY_WINDOW`] counters.
#[derive(Default)]
pub struct Opener {
    keys: Vec<Known>,
    shared: Vec<Key>,
    /// Keys derived from shared keys; the most recently used last.
    derived: Vec<Known>,
    counters: OpenCounters,
}

impl fmt::Debug for Opener {
    /// Omits the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("keys", &self.keys.len())
            .field("shared", &self.shared.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Opener {
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
    /// [`Self::forget_key`] first.
    pub fn set_key(&mut self, id: u64, key: &Key) -> Result<(), SframeError> {
        if let Some(known) = self.keys.iter().find(|known| known.id == id) {
            let same = known.key == *key;
            return if same { Ok(()) } else { Err(SframeError::KeyIdTaken { id }) };
        }
        if self.keys.len() >= MAX_KEYS {
            return Err(SframeError::TooManyKeys);
        }
        self.keys.push(Known::new(id, key)?);
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
    pub fn forget_key(&mut self, id: u64) -> bool {
        let before = self.keys.len();
        self.keys.retain(|known| known.id != id);
        self.keys.len() < before
    }

    /// Whether there is a key to try for this id.
    #[must_use]
    pub fn knows(&self, id: u64) -> bool {
        !self.shared.is_empty() || self.keys.iter().any(|known| known.id == id)
    }

    /// Whether a frame with the same key id and counter was already decrypted.
    #[must_use]
    pub fn has_opened(&self, sealed: &[u8]) -> bool {
        let Ok(frame) = EncryptedFrameView::try_new(sealed) else { return false };
        let (id, counter) = (frame.header().key_id(), frame.header().counter());
        let known = self.keys.iter().chain(&self.derived).find(|known| known.id == id);
        known.is_some_and(|known| !known.window.is_new(counter))
    }

    /// Decrypts a frame. `metadata` must equal that passed to the encryptor.
    ///
    /// # Errors
    /// Returns [`Refused`]; the frame is only counted.
    pub fn open(&mut self, metadata: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        let opened = self.try_open(metadata, sealed);
        let counter = match &opened {
            Ok(_) => &mut self.counters.opened,
            Err(Refused::Malformed) => &mut self.counters.malformed,
            Err(Refused::UnknownKey { .. }) => &mut self.counters.unknown_key,
            Err(Refused::Replayed) => &mut self.counters.replayed,
            Err(Refused::Forged) => &mut self.counters.forged,
        };
        *counter += 1;
        let mut payload = opened?;
        payload.drain(..metadata.len().min(payload.len()));
        Ok(payload)
    }

    fn try_open(&mut self, metadata: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(Refused::Malformed);
        }
        let frame = EncryptedFrameView::try_with_meta_data(sealed, metadata);
        let frame = frame.map_err(|_| Refused::Malformed)?;
        let id = frame.header().key_id();
        let body = frame.cipher_text().len();
        if let Some(known) = self.keys.iter_mut().find(|known| known.id == id) {
            if body < known.key.suite().tag_bytes() {
                return Err(Refused::Malformed);
            }
            return known.open(&frame);
        }
        if self.shared.is_empty() {
            return Err(Refused::UnknownKey { id });
        }
        if self.shared.iter().all(|key| body < key.suite().tag_bytes()) {
            return Err(Refused::Malformed);
        }
        if let Some(at) = self.derived.iter().position(|known| known.id == id) {
            let mut known = self.derived.remove(at);
            let opened = known.open(&frame);
            self.derived.push(known);
            // Another secret might be meant for the same id, which does not happen with random ids.
            return opened;
        }
        for key in &self.shared {
            let Ok(mut known) = Known::new(id, key) else { continue };
            let Ok(opened) = known.open(&frame) else { continue };
            if self.derived.len() >= MAX_DERIVED_KEYS {
                self.derived.remove(0);
            }
            self.derived.push(known);
            return Ok(opened);
        }
        Err(Refused::Forged)
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> OpenCounters {
        self.counters
    }
}
