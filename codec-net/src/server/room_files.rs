//! Files attached to messages in rooms: stored in a folder, and downloaded with an unguessable id.
//!
//! The id of a file from another node of a cluster is known before the file is stored here: the file is fetched when it
//! is downloaded for the first time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
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

/// A file of a message.
#[derive(Debug)]
struct Known {
    info: FileInfo,
    /// Its SHA-256 digest, if it is at another node.
    elsewhere: Option<String>,
    /// Number of messages with this file.
    messages: usize,
}

/// A file for a download.
#[derive(Debug)]
pub(super) enum Found {
    /// It is stored here.
    Here(File, FileInfo),
    /// It has to be fetched from another node.
    Elsewhere,
}

/// The files of all rooms, by their ids.
#[derive(Debug)]
pub(super) struct RoomFiles {
    store: Arc<UploadStore>,
    files: Mutex<BTreeMap<String, Known>>,
}

impl RoomFiles {
    /// The files in a store that only rooms use.
    pub(super) fn new(store: Arc<UploadStore>) -> Self {
        Self { store, files: Mutex::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
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
        self.files().insert(id.clone(), Known { info, elsewhere: None, messages: 1 });
        Ok(id)
    }

    /// Makes a file of a message from an earlier run or from another node available. If it is not stored here, it has to be
    /// fetched, and has this digest. An id of another form, which could lead out of the folder, is ignored.
    pub(super) fn restore(&self, id: &str, info: FileInfo, sha256: &str) {
        if !is_file_id(id) {
            return;
        }
        let elsewhere = self.store.read(id).is_err().then(|| sha256.to_owned());
        let mut files = self.files();
        // A message cannot change the file of another one.
        files.entry(id.to_owned()).or_insert(Known { info, elsewhere, messages: 0 }).messages += 1;
    }

    /// Deletes a file that a message had, unless another message has it.
    pub(super) fn remove(&self, id: &str) {
        let mut files = self.files();
        let Some(known) = files.get_mut(id) else { return };
        known.messages = known.messages.saturating_sub(1);
        if known.messages == 0 {
            files.remove(id);
            drop(files);
            self.store.remove(id);
        }
    }

    /// Deletes files of earlier runs to which no message refers.
    pub(super) fn remove_unknown(&self) {
        for name in self.store.names().unwrap_or_default() {
            if is_file_id(&name) && !self.files().contains_key(&name) {
                self.store.remove(&name);
            }
        }
    }

    /// Finds a file for a download.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoFile`].
    pub(super) fn find(&self, id: &str) -> Result<Found, Rejection> {
        let files = self.files();
        let known = files.get(id).ok_or(Rejection::NoFile)?;
        if known.elsewhere.is_some() {
            return Ok(Found::Elsewhere);
        }
        let info = known.info.clone();
        drop(files);
        let file = self.store.read(id).map_err(|_| Rejection::NoFile)?;
        Ok(Found::Here(file, info))
    }

    /// Name, size and digest of a file that has to be fetched.
    pub(super) fn missing(&self, id: &str) -> Option<(String, u64, String)> {
        let files = self.files();
        let Known { info, elsewhere, .. } = files.get(id)?;
        Some((info.name.clone(), info.bytes, elsewhere.clone()?))
    }

    /// Makes a file available that was fetched, and is stored under another name.
    ///
    /// # Errors
    ///
    /// [`UploadError::Disk`].
    pub(super) fn set_fetched(&self, id: &str, stored: &str) -> Result<(), UploadError> {
        let mut files = self.files();
        let Some(known) = files.get_mut(id) else {
            // Its message was dropped meanwhile.
            self.store.remove(stored);
            return Ok(());
        };
        self.store.rename(stored, id)?;
        known.elsewhere = None;
        Ok(())
    }

    /// Reads at most so many bytes of a file that is stored here, for another node; `None` if there are none.
    pub(super) fn read(&self, id: &str, offset: u64, most: usize) -> Option<Vec<u8>> {
        let Ok(Found::Here(mut file, _)) = self.find(id) else { return None };
        file.seek(SeekFrom::Start(offset)).ok()?;
        let mut bytes = Vec::new();
        file.take(u64::try_from(most).ok()?).read_to_end(&mut bytes).ok()?;
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// Whether a name has the form of [`random::name`].
pub(super) fn is_file_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::limits::Limits;
    use super::super::uploads::Progress;
    use super::*;

    #[test]
    fn a_file_of_two_messages_stays_until_both_are_gone() {
        let folder = std::env::temp_dir().join(format!("codec-room-files-{}", std::process::id()));
        let store = Arc::new(UploadStore::open(&folder, Limits::default()).unwrap());
        let files = RoomFiles::new(Arc::clone(&store));
        let (id, digest) = (random::name(), random::hex(&Sha256::digest(b"good")));
        let info = || FileInfo::new("a.webm", "audio/webm", 4);
        files.restore(&id, info(), &digest);
        files.restore(&id, FileInfo::new("b", "text/html", 9), &"00".repeat(32));
        files.restore("../a", info(), &digest);
        assert!(files.find("../a").is_err() && matches!(files.find(&id), Ok(Found::Elsewhere)));
        assert_eq!(files.missing(&id), Some(("a.webm".to_owned(), 4, digest.clone())));
        assert_eq!(files.read(&id, 0, 9), None);
        let (upload, _) = store.begin("", "a.webm", 4, &digest).unwrap();
        let Ok(Progress::Stored(name)) = upload.write(0, b"good") else { panic!() };
        files.set_fetched(&id, &name).unwrap();
        assert_eq!((files.missing(&id), files.read(&id, 1, 2)), (None, Some(b"oo".to_vec())));
        assert_eq!(files.read(&id, 4, 2), None);
        files.remove(&id);
        assert!(matches!(files.find(&id), Ok(Found::Here(_, found)) if found == info()));
        files.remove(&id);
        assert!(files.find(&id).is_err() && store.read(&id).is_err());
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn saved_ids_cannot_lead_out_of_the_folder() {
        assert!(is_file_id(&random::name()));
        for id in ["", "../../../../../../../etc/passwd0", "logs", &"0".repeat(33)] {
            assert!(!is_file_id(id), "{id}");
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
