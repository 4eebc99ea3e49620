//! Files that a client sends in chunks over its control channel.
//!
//! A chunk is a binary message: number of the file (4 bytes, big-endian), offset (8), data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::outcome::EndReason;
use super::token_bucket::TokenBucket;
use super::uploads::{Progress, Upload, UploadError, UploadStore};

/// Size of chunks that clients should send: every data channel can send this in one message.
pub(super) const CHUNK_BYTES: usize = 16 << 10;
/// Bytes before the data of a chunk.
pub(super) const CHUNK_HEAD_BYTES: usize = 12;
/// Maximum number of concurrent uploads per session.
const MAX_UPLOADS: usize = 8;
/// Interval of progress reports of an upload, in bytes.
const REPORT_BYTES: u64 = 256 << 10;
/// Limit of chunks, counted separately from control messages: 64 MB/s.
const CHUNKS_PER_SECOND: u64 = 4096;

/// The uploads of a session, by the client's numbers.
#[derive(Debug)]
pub(super) struct FileTransfers {
    store: Option<Arc<UploadStore>>,
    /// Maximum size of the data of a chunk.
    chunk_bytes: usize,
    chunks: TokenBucket,
    uploads: BTreeMap<u64, (Upload, u64)>,
}

/// The result of a chunk: the number of the file, and its progress.
pub(super) type Report = (u64, Result<Progress, UploadError>);

impl FileTransfers {
    /// Creates the transfers to a store; `None` rejects them.
    pub(super) fn new(store: Option<Arc<UploadStore>>, chunk_bytes: usize) -> Self {
        let (chunks, uploads) = (TokenBucket::new(CHUNKS_PER_SECOND), BTreeMap::new());
        Self { store, chunk_bytes, chunks, uploads }
    }

    /// Whether files are accepted.
    pub(super) fn is_enabled(&self) -> bool {
        self.store.is_some()
    }

    /// Starts or resumes an upload, as [`UploadStore::begin`].
    ///
    /// # Errors
    ///
    /// [`UploadError`].
    pub(super) fn begin(
        &mut self,
        id: u64,
        owner: &str,
        name: &str,
        bytes: u64,
        sha256: &str,
    ) -> Result<Progress, UploadError> {
        let store = self.store.as_ref().ok_or(UploadError::Disabled)?;
        if self.uploads.len() >= MAX_UPLOADS && !self.uploads.contains_key(&id) {
            return Err(UploadError::TooManyUploads);
        }
        self.uploads.remove(&id);
        let (upload, progress) = store.begin(owner, name, bytes, sha256)?;
        if let Progress::At(at) = progress {
            self.uploads.insert(id, (upload, at));
        }
        Ok(progress)
    }

    /// Handles a chunk; returns the progress if it is time to report it.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn handle_chunk(
        &mut self,
        now: Duration,
        message: &[u8],
    ) -> Result<Option<Report>, EndReason> {
        if !self.chunks.take(now, 1) {
            return Err(EndReason::Limit("file chunks per second"));
        }
        let Some((head, bytes)) = message.split_first_chunk::<CHUNK_HEAD_BYTES>() else {
            return Err(EndReason::Protocol("truncated chunk header".to_owned()));
        };
        if bytes.len() > self.chunk_bytes {
            return Err(EndReason::Limit("size of a file chunk"));
        }
        let [a, b, c, d, offset @ ..] = *head;
        let (id, offset) = (u32::from_be_bytes([a, b, c, d]), u64::from_be_bytes(offset));
        let id = u64::from(id);
        let Some((upload, reported)) = self.uploads.get_mut(&id) else {
            return Ok(Some((id, Err(UploadError::UnknownNumber))));
        };
        let progress = match upload.write(offset, bytes) {
            Ok(Progress::At(at)) if at < reported.saturating_add(REPORT_BYTES) => return Ok(None),
            Ok(Progress::At(at)) => {
                *reported = at;
                Ok(Progress::At(at))
            }
            // The sender resumes from the expected offset.
            Err(UploadError::Offset { expected, .. }) => Ok(Progress::At(expected)),
            ended => {
                self.uploads.remove(&id);
                ended
            }
        };
        Ok(Some((id, progress)))
    }
}

/// The message that reports the progress of an upload.
pub(super) fn progress_message(id: u64, progress: &Result<Progress, UploadError>) -> String {
    match progress {
        Ok(Progress::At(offset)) => json!({ "type": "fileAt", "id": id, "offset": offset }),
        Ok(Progress::Stored(name)) => json!({ "type": "fileStored", "id": id, "name": name }),
        Err(rejection) => {
            json!({ "type": "fileRejected", "id": id, "reason": rejection.to_string() })
        }
    }
    .to_string()
}
