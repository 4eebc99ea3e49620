//! Files of messages in rooms: stored in a folder, and downloaded with an unguessable id.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outcome::Rejection;
use super::uploads::{UploadError, UploadStore};
use crate::random;

/// Media types that browsers may show; all other files are only saved.
const SHOWN: [&str; 14] = [
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

/// Facts of a file for its download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileInfo {
    /// The name that its sender gave.
    pub(super) name: String,
    /// Its media type; `None` if browsers must not show it.
    pub(super) shown_as: Option<&'static str>,
    pub(super) bytes: u64,
}

impl FileInfo {
    pub(super) fn new(name: &str, media_type: &str, bytes: u64) -> Self {
        let shown_as = SHOWN.into_iter().find(|known| *known == media_type);
        Self { name: name.to_owned(), shown_as, bytes }
    }
}

/// The files of all rooms, by their ids.
#[derive(Debug)]
pub(super) struct RoomFiles {
    store: Arc<UploadStore>,
    files: Mutex<BTreeMap<String, FileInfo>>,
}

impl RoomFiles {
    /// The files in a store that only rooms use.
    pub(super) fn new(store: Arc<UploadStore>) -> Self {
        Self { store, files: Mutex::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, FileInfo>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, for uploads.
    pub(super) fn store(&self) -> &Arc<UploadStore> {
        &self.store
    }

    /// Makes a stored file available; returns its id. Equal files of two messages are two files.
    ///
    /// # Errors
    ///
    /// [`UploadError::Disk`].
    pub(super) fn add(&self, stored: &str, info: FileInfo) -> Result<String, UploadError> {
        let id = random::name();
        if let Err(error) = self.store.rename(stored, &id) {
            self.store.remove(stored);
            return Err(error);
        }
        self.files().insert(id.clone(), info);
        Ok(id)
    }

    /// Makes a file of an earlier run available again. An id of another form, which could lead out of the folder, is
    /// ignored.
    pub(super) fn restore(&self, id: &str, info: FileInfo) {
        if is_id(id) {
            self.files().insert(id.to_owned(), info);
        }
    }

    /// Deletes a file.
    pub(super) fn remove(&self, id: &str) {
        if self.files().remove(id).is_some() {
            self.store.remove(id);
        }
    }

    /// Deletes files of earlier runs to which no message refers.
    pub(super) fn remove_unknown(&self) {
        for name in self.store.names().unwrap_or_default() {
            if is_id(&name) && !self.files().contains_key(&name) {
                self.store.remove(&name);
            }
        }
    }

    /// Opens a file for a download.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoFile`].
    pub(super) fn open(&self, id: &str) -> Result<(File, FileInfo), Rejection> {
        let info = self.files().get(id).cloned().ok_or(Rejection::NoFile)?;
        let file = self.store.read(id).map_err(|_| Rejection::NoFile)?;
        Ok((file, info))
    }
}

/// Whether a name has the form of [`random::name`].
fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_ids_cannot_lead_out_of_the_folder() {
        assert!(is_id(&random::name()));
        for id in ["", "../../../../../../../etc/passwd0", "logs", &"0".repeat(33)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn only_harmless_types_are_shown() {
        assert_eq!(FileInfo::new("a", "audio/webm", 1).shown_as, Some("audio/webm"));
        for dangerous in ["text/html", "image/svg+xml", "application/pdf", "text/javascript", ""] {
            assert_eq!(FileInfo::new("a", dangerous, 1).shown_as, None, "{dangerous}");
        }
    }
}
