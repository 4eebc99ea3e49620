//! The receiving direction.

use std::fmt;

use sframe::error::SframeError as CrateError;
use sframe::frame::EncryptedFrameView;
use sframe::key::DecryptionKey;

use super::{Key, SframeError, Window};

/// Keys with an id at a time.
pub const MAX_KEYS: usize = 16;
/// Secrets for all ids at a time.
pub const MAX_SHARED_KEYS: usize = 4;
/// Ids that such secrets are used with at a time; then the one that was used longest ago is
/// forgotten.
pub const MAX_DERIVED_KEYS: usize = 16;
/// Longest frame that is looked at.
const MAX_SEALED_BYTES: usize = 16 << 20;

/// Why a frame does not come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// No `SFrame` header, or less behind it than a tag.
    Malformed,
    /// There is no key with its id.
    UnknownKey {
        /// The id.
        id: u64,
    },
    /// A frame with its counter came out before, or it is too old to tell.
    Replayed,
    /// It is not authentic: changed on the way, under another key, or never sealed.
    Forged,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("no sealed frame"),
            Self::UnknownKey { id } => write!(f, "no key has the id {id}"),
            Self::Replayed => f.write_str("the frame's counter was used before"),
            Self::Forged => f.write_str("the frame is not authentic"),
        }
    }
}

impl std::error::Error for Refused {}

/// What became of sealed frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenCounters {
    /// Frames that came out.
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
    /// Frames that did not come out.
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

/// A key under an id, and the counters that came with it.
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

    /// The payload, behind the metadata.
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

/// Opens frames of any number of senders: by keys that have an id, or by secrets that are used with
/// every id.
///
/// Nothing is remembered of frames that are not authentic. Frames of a key may come in any order
/// within [`super::REPLAY_WINDOW`] counters.
#[derive(Default)]
pub struct Opener {
    keys: Vec<Known>,
    shared: Vec<Key>,
    /// Of the shared secrets, the one that was used last behind.
    derived: Vec<Known>,
    counters: OpenCounters,
}

impl fmt::Debug for Opener {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("keys", &self.keys.len())
            .field("shared", &self.shared.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Opener {
    /// Without any key: nothing comes out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Frames with this id are opened with this key from now on. The keys that are there stay.
    ///
    /// # Errors
    /// [`SframeError::KeyIdTaken`] unless it is the same key, [`SframeError::TooManyKeys`] beyond
    /// [`MAX_KEYS`]: to be forgotten first ([`Self::forget_key`]).
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

    /// Frames of every id that has no key of its own are tried with this secret. That is for senders
    /// which draw their ids at random. A stream that was recorded under the secret opens again in a
    /// new opener, as nothing tells it from a new one.
    ///
    /// # Errors
    /// [`SframeError::TooManyKeys`] beyond [`MAX_SHARED_KEYS`].
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

    /// Frames with this id do not come out any more; whether there was such a key.
    pub fn forget_key(&mut self, id: u64) -> bool {
        let before = self.keys.len();
        self.keys.retain(|known| known.id != id);
        self.keys.len() < before
    }

    /// Whether a frame with this id would be tried.
    #[must_use]
    pub fn knows(&self, id: u64) -> bool {
        !self.shared.is_empty() || self.keys.iter().any(|known| known.id == id)
    }

    /// Whether a frame with this one's key id and counter came out before, so that it is a copy.
    #[must_use]
    pub fn has_opened(&self, sealed: &[u8]) -> bool {
        let Ok(frame) = EncryptedFrameView::try_new(sealed) else { return false };
        let (id, counter) = (frame.header().key_id(), frame.header().counter());
        let known = self.keys.iter().chain(&self.derived).find(|known| known.id == id);
        known.is_some_and(|known| !known.window.is_new(counter))
    }

    /// The payload of a sealed frame. `metadata` has to be what the sealer was told.
    ///
    /// # Errors
    /// [`Refused`]: it was counted, and nothing else has changed.
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
            // Another secret may have been meant with the same id; at random that does not happen.
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

    /// What became of frames so far.
    #[must_use]
    pub fn counters(&self) -> OpenCounters {
        self.counters
    }
}
