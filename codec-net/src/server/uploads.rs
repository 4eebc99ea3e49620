//! File uploads: chunked, resumable, and stored after verification of the digest.
//!
//! File names are derived from the digest. The only part of a client's data that becomes part of a
//! path is a plain file extension. All files are in one folder, and nothing is overwritten.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::limits::Limits;
use crate::random::hex;

/// Bytes of a SHA-256 digest.
pub(super) const DIGEST_BYTES: usize = 32;
/// Maximum number of incomplete files.
const MAX_PARTIAL: usize = 32;
/// Bytes of the digest that form the name.
const NAME_BYTES: usize = 16;
/// Maximum length of an extension.
const MAX_EXTENSION_BYTES: usize = 8;

/// Why a file was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UploadError {
    /// The server does not accept files.
    Disabled,
    /// The file exceeds the size limit.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together would exceed the storage limit.
    StorageFull,
    /// There are too many incomplete files.
    TooManyUploads,
    /// Another session, or this one, is sending the same file.
    InUse,
    /// No file was announced with this number.
    UnknownNumber,
    /// The data are not at the expected offset.
    Offset {
        /// The received offset.
        found: u64,
        /// The expected offset.
        expected: u64,
    },
    /// More data than announced.
    ExcessData,
    /// The digest of the data differs from the announced one.
    DigestMismatch,
    /// The announced digest is invalid.
    InvalidDigest,
    /// A disk error.
    Disk(String),
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => {
                f.write_str("this server does not accept files: it was started without --files DIR")
            }
            Self::TooLarge { bytes, limit } => {
                write!(f, "file too large: got {bytes} bytes, expected at most {limit}")
            }
            Self::StorageFull => f.write_str("the server's file storage is full"),
            Self::TooManyUploads => f.write_str("too many uploads: try again later"),
            Self::InUse => f.write_str("this file is already being uploaded"),
            Self::UnknownNumber => f.write_str("unknown file number"),
            Self::Offset { found, expected } => {
                write!(f, "unexpected offset {found}, expected {expected}")
            }
            Self::ExcessData => f.write_str("more data than announced"),
            Self::DigestMismatch => {
                f.write_str("digest mismatch: the data differ from the announced digest")
            }
            Self::InvalidDigest => f.write_str("invalid digest: expected SHA-256 in hexadecimal"),
            Self::Disk(error) => write!(f, "cannot store the file: {error}"),
        }
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        // Only the kind of error: paths of the server must not be disclosed.
        Self::Disk(error.kind().to_string())
    }
}

type Key = [u8; DIGEST_BYTES];

/// An incomplete file.
#[derive(Debug)]
struct Partial {
    file: File,
    path: PathBuf,
    hash: Sha256,
    done: u64,
    total: u64,
    /// The number of the [`Upload`] that may write, and who started it.
    user: Option<u64>,
    owner: String,
}

#[derive(Debug, Default)]
struct State {
    partial: BTreeMap<Key, Partial>,
    /// Stored and reserved bytes.
    used: u64,
    next_user: u64,
}

/// The upload folder.
#[derive(Debug)]
pub(super) struct UploadStore {
    root: PathBuf,
    limits: Limits,
    state: Mutex<State>,
}

/// An upload; if dropped, it can be resumed.
#[derive(Debug)]
pub(super) struct Upload {
    files: Arc<UploadStore>,
    key: Key,
    user: u64,
    extension: String,
}

/// The progress of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The number of bytes received.
    At(u64),
    /// The upload is complete and stored under this name.
    Stored(String),
}

impl UploadStore {
    /// Opens the folder `root`, which is created if missing. Incomplete files of earlier runs are
    /// removed.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created or read.
    pub(super) fn open(root: &Path, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let mut used = 0;
        for entry in fs::read_dir(&root)? {
            let entry = entry?;
            let name = entry.file_name();
            let facts = entry.metadata()?;
            if name.to_str().is_some_and(is_partial_name) && facts.is_file() {
                fs::remove_file(entry.path())?;
            } else if facts.is_file() {
                used += facts.len();
            }
        }
        let state = Mutex::new(State { used, ..State::default() });
        Ok(Self { root, limits, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts or resumes an upload; returns the expected offset. An `owner` that is not empty takes its
    /// own upload over from an earlier session, which may be unreachable without being closed.
    ///
    /// # Errors
    ///
    /// [`UploadError`].
    pub(super) fn begin(
        self: &Arc<Self>,
        owner: &str,
        name: &str,
        total: u64,
        digest: &str,
    ) -> Result<(Upload, Progress), UploadError> {
        let key = parse_digest(digest).ok_or(UploadError::InvalidDigest)?;
        let limit = self.limits.file_bytes;
        if total > limit {
            return Err(UploadError::TooLarge { bytes: total, limit });
        }
        let mut state = self.state();
        let user = state.next_user;
        state.next_user += 1;
        let done = match state.partial.get_mut(&key) {
            Some(partial)
                if partial.user.is_some() && (owner.is_empty() || partial.owner != owner) =>
            {
                return Err(UploadError::InUse);
            }
            Some(partial) if partial.total != total => return Err(UploadError::DigestMismatch),
            Some(partial) => {
                partial.user = Some(user);
                owner.clone_into(&mut partial.owner);
                partial.done
            }
            None => {
                let mut partial = self.new_partial(&mut state, &key, total)?;
                partial.user = Some(user);
                owner.clone_into(&mut partial.owner);
                state.partial.insert(key, partial);
                0
            }
        };
        drop(state);
        let upload = Upload { files: Arc::clone(self), key, user, extension: extension(name) };
        let progress = if total == 0 { upload.finish()? } else { Progress::At(done) };
        Ok((upload, progress))
    }

    fn new_partial(
        &self,
        state: &mut State,
        key: &Key,
        total: u64,
    ) -> Result<Partial, UploadError> {
        if state.partial.len() >= MAX_PARTIAL {
            self.drop_idle(state);
        }
        if state.partial.len() >= MAX_PARTIAL {
            return Err(UploadError::TooManyUploads);
        }
        if state.used.saturating_add(total) > self.limits.all_files_bytes {
            return Err(UploadError::StorageFull);
        }
        let path = self.root.join(partial_name(key));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        state.used += total;
        let (hash, owner) = (Sha256::new(), String::new());
        Ok(Partial { file, path, hash, done: 0, total, user: None, owner })
    }

    /// Forgets uploads that have been idle for too long.
    fn drop_idle(&self, state: &mut State) {
        let idle = state.partial.iter().filter(|(_, partial)| partial.user.is_none());
        let idle: Vec<Key> = idle.map(|(key, _)| *key).collect();
        for key in idle {
            discard(state, &key);
        }
    }
}

impl UploadStore {
    /// Renames a stored file.
    ///
    /// # Errors
    ///
    /// [`UploadError::Disk`].
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), UploadError> {
        Ok(fs::rename(self.root.join(from), self.root.join(to))?)
    }

    /// Opens a stored file for reading.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.root.join(name))
    }

    /// Deletes a stored file.
    pub(super) fn remove(&self, name: &str) {
        let path = self.root.join(name);
        let bytes = fs::metadata(&path).map_or(0, |facts| facts.len());
        // A file that cannot be deleted keeps its share of the storage.
        if fs::remove_file(&path).is_ok() {
            let mut state = self.state();
            state.used = state.used.saturating_sub(bytes);
        }
    }

    /// Names of the stored files.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.root)?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names.collect()
    }
}

/// Removes an incomplete file.
fn discard(state: &mut State, key: &Key) {
    if let Some(partial) = state.partial.remove(key) {
        state.used = state.used.saturating_sub(partial.total);
        // A failure is harmless; the next start tries again.
        let _ = fs::remove_file(&partial.path);
    }
}

impl Upload {
    /// Takes the next data, at `offset` of the file.
    ///
    /// # Errors
    ///
    /// [`UploadError`]; after [`UploadError::Offset`] it can continue from the expected offset.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<Progress, UploadError> {
        let mut state = self.files.state();
        let partial = state.partial.get_mut(&self.key).ok_or(UploadError::UnknownNumber)?;
        if partial.user != Some(self.user) {
            return Err(UploadError::InUse);
        }
        if offset != partial.done {
            return Err(UploadError::Offset { found: offset, expected: partial.done });
        }
        let end = partial.done.saturating_add(bytes.len() as u64);
        if end > partial.total {
            return Err(UploadError::ExcessData);
        }
        if let Err(error) = partial.file.write_all(bytes) {
            // It is unknown how much of the data is on the disk.
            discard(&mut state, &self.key);
            return Err(error.into());
        }
        partial.hash.update(bytes);
        partial.done = end;
        if end < partial.total {
            return Ok(Progress::At(end));
        }
        drop(state);
        self.finish()
    }

    /// Completes the upload.
    fn finish(&self) -> Result<Progress, UploadError> {
        let mut state = self.files.state();
        let partial = state.partial.get(&self.key).ok_or(UploadError::UnknownNumber)?;
        let found: Key = partial.hash.clone().finalize().into();
        if found != self.key {
            discard(&mut state, &self.key);
            return Err(UploadError::DigestMismatch);
        }
        let stored = self.store(partial);
        match &stored {
            Ok(_) => {
                state.partial.remove(&self.key);
            }
            Err(_) => discard(&mut state, &self.key),
        }
        stored.map(Progress::Stored)
    }

    /// Renames the file; a file with the same content may already exist.
    fn store(&self, partial: &Partial) -> Result<String, UploadError> {
        partial.file.sync_data()?;
        let digest = hex(self.key.get(..NAME_BYTES).unwrap_or(&self.key));
        let name = format!("{digest}.{}", self.extension);
        let path = self.files.root.join(&name);
        // Create the name first, so that nothing is overwritten.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => fs::rename(&partial.path, &path)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&partial.path)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(name)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut state = self.files.state();
        let partial = state.partial.get_mut(&self.key);
        if let Some(partial) = partial.filter(|it| it.user == Some(self.user)) {
            partial.user = None;
        }
    }
}

fn partial_name(key: &Key) -> String {
    format!(".{}.part", hex(key))
}

fn is_partial_name(name: &str) -> bool {
    let stem = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
    stem.is_some_and(|stem| parse_digest(stem).is_some())
}

fn parse_digest(text: &str) -> Option<Key> {
    let mut key = [0; DIGEST_BYTES];
    if text.len() != 2 * DIGEST_BYTES || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

/// The plain extension of a name.
fn extension(name: &str) -> String {
    let found = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let plain = |end: &String| {
        (1..=MAX_EXTENSION_BYTES).contains(&end.len())
            && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    found.filter(plain).unwrap_or_else(|| "bin".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("codec-files-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn files(&self) -> Arc<UploadStore> {
            let limits = Limits { file_bytes: 1000, all_files_bytes: 2500, ..Limits::default() };
            Arc::new(UploadStore::open(&self.0, limits).unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn digest(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    #[test]
    fn uploads_arrive_in_chunks_and_resume_after_an_interruption() {
        let folder = Folder::new("chunks");
        let files = folder.files();
        let bytes: Vec<u8> = (0..900_u32).flat_map(|n| [n.to_le_bytes()[0]]).collect();
        let (upload, at) = files.begin("", "../../etc/passwd", 900, &digest(&bytes)).unwrap();
        assert_eq!(at, Progress::At(0));
        assert_eq!(upload.write(0, &bytes[..400]), Ok(Progress::At(400)));
        assert_eq!(
            upload.write(300, &bytes[300..]),
            Err(UploadError::Offset { found: 300, expected: 400 })
        );
        assert_eq!(files.begin("", "x", 900, &digest(&bytes)).unwrap_err(), UploadError::InUse);
        drop(upload);
        let (upload, at) = files.begin("", "again.TXT", 900, &digest(&bytes)).unwrap();
        assert_eq!(at, Progress::At(400));
        let Ok(Progress::Stored(name)) = upload.write(400, &bytes[400..]) else { panic!() };
        assert_eq!(name, format!("{}.txt", &digest(&bytes)[..32]));
        assert_eq!(fs::read(folder.0.join(name)).unwrap(), bytes);
    }

    #[test]
    fn data_with_another_digest_are_discarded() {
        let folder = Folder::new("digest");
        let files = folder.files();
        let (upload, _) = files.begin("", "a.bin", 4, &digest(b"good")).unwrap();
        assert_eq!(upload.write(0, b"evil!"), Err(UploadError::ExcessData));
        assert_eq!(upload.write(0, b"evil"), Err(UploadError::DigestMismatch));
        assert_eq!(upload.write(0, b"good"), Err(UploadError::UnknownNumber));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
        assert!(matches!(files.begin("", "a", 4, "xyz"), Err(UploadError::InvalidDigest)));
    }

    #[test]
    fn nothing_is_overwritten_and_incomplete_files_are_removed_at_start() {
        let folder = Folder::new("twice");
        let files = folder.files();
        let send = || {
            let (upload, _) = files.begin("", "a.png", 4, &digest(b"good"))?;
            upload.write(0, b"good")
        };
        let (first, second) = (send(), send());
        assert!(matches!(&first, Ok(Progress::Stored(name)) if name.ends_with(".png")));
        assert_eq!(first, second);
        let (half, _) = files.begin("", "b", 8, &digest(b"eight by")).unwrap();
        half.write(0, b"eig").unwrap();
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
        drop(folder.files());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn limits_are_enforced() {
        let folder = Folder::new("limits");
        let files = folder.files();
        let begin =
            |bytes: u64, seed: u32| files.begin("", "x", bytes, &digest(&seed.to_le_bytes()));
        assert!(matches!(begin(1001, 0), Err(UploadError::TooLarge { .. })));
        let kept = [begin(1000, 1).unwrap(), begin(1000, 2).unwrap()];
        assert_eq!(begin(1000, 3).unwrap_err(), UploadError::StorageFull);
        drop(kept);
        let small: Vec<_> = (10..40).map(|seed| begin(1, seed).unwrap()).collect();
        assert_eq!(small.len(), 30);
        // Idle uploads make room.
        assert!(begin(1, 50).is_ok());
        assert_eq!(files.state().partial.len(), 31);
    }

    #[test]
    fn an_owner_takes_its_upload_over_from_an_unreachable_session() {
        let folder = Folder::new("owner");
        let files = folder.files();
        let begin = |owner| files.begin(owner, "a.webm", 4, &digest(b"good"));
        let (first, _) = begin("ann").unwrap();
        first.write(0, b"go").unwrap();
        assert_eq!(begin("bob").unwrap_err(), UploadError::InUse);
        assert_eq!(begin("").unwrap_err(), UploadError::InUse);
        let (second, at) = begin("ann").unwrap();
        assert_eq!(at, Progress::At(2));
        assert_eq!(first.write(2, b"od"), Err(UploadError::InUse));
        drop(first);
        assert_eq!(begin("bob").unwrap_err(), UploadError::InUse, "the second one still writes");
        let Ok(Progress::Stored(name)) = second.write(2, b"od") else { panic!() };
        files.rename(&name, "renamed").unwrap();
        assert_eq!(files.names().unwrap(), ["renamed"]);
        assert_eq!(files.state().used, 4);
        files.remove("renamed");
        files.remove("renamed");
        assert_eq!((files.state().used, files.read("renamed").is_err()), (0, true));
    }

    #[test]
    fn an_empty_file_is_stored_immediately() {
        let folder = Folder::new("empty");
        let (_, progress) = folder.files().begin("", "x", 0, &digest(b"")).unwrap();
        assert!(matches!(progress, Progress::Stored(_)));
    }
}
