//! Files on HTTP servers and in object stores, read with range requests (RFC 9110, section 14).
//!
//! ```no_run
//! use std::io::{Read, Seek, SeekFrom};
//!
//! use codec_net::http_file::{HttpFile, HttpFileOptions};
//!
//! let file = HttpFile::open("https://example.com/talk.mp4", HttpFileOptions::default())?;
//! let mut reader = file.reader();
//! reader.seek(SeekFrom::End(-16))?;
//! let mut end = [0; 16];
//! reader.read_exact(&mut end)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod range;
mod request;

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::NetError;
use cache::Cache;
use request::Requests;

pub use request::MAX_URL_BYTES;

/// How a file is requested.
#[derive(Clone, Default)]
pub struct HttpFileOptions {
    /// Certificates in PEM that are trusted instead of the public authorities.
    pub ca: Option<Vec<u8>>,
    /// Returns `true` to end the pauses between attempts; the request then fails. `None`: never.
    pub stop: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl fmt::Debug for HttpFileOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFileOptions")
            .field("has_ca", &self.ca.is_some())
            .finish_non_exhaustive()
    }
}

/// A file on a server. Reading fails if the file changes after it was opened. Clones share the
/// cached parts.
#[derive(Clone, Debug)]
pub struct HttpFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    requests: Requests,
    length: u64,
    cache: Mutex<Cache>,
}

impl HttpFile {
    /// Opens the file at `url` (`http` or `https`, without user and password) by a request for its
    /// first bytes.
    ///
    /// # Errors
    ///
    /// [`NetError::Protocol`] if the URL is not valid, the server does not support ranges, or the file is empty;
    /// [`NetError::Rejected`], or an error of the connection that several attempts did not avoid.
    pub fn open(url: &str, options: HttpFileOptions) -> Result<Self, NetError> {
        let mut requests = Requests::new(url, options)?;
        let mut cache = Cache::default();
        let (length, first) = requests.first()?;
        cache.add(0, first);
        Ok(Self(Arc::new(Shared { requests, length, cache: Mutex::new(cache) })))
    }

    /// The length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.0.length
    }

    /// A reader at the beginning.
    #[must_use]
    pub fn reader(&self) -> HttpReader {
        HttpReader { file: Arc::clone(&self.0), position: 0 }
    }
}

/// The URL as it may be shown: without its query, which can hold a signature.
#[must_use]
pub fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Reads a file from any position. Errors of the network hold a [`NetError`].
#[derive(Debug)]
pub struct HttpReader {
    file: Arc<Shared>,
    position: u64,
}

impl Read for HttpReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Shared { requests, length, cache } = &*self.file;
        if self.position >= *length || buffer.is_empty() {
            return Ok(0);
        }
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.at(self.position).is_none() {
            let wanted = cache.next(self.position, *length);
            let start = wanted.start;
            let data = requests.range(wanted, *length).map_err(io::Error::other)?;
            cache.add(start, data);
        }
        let found = cache.at(self.position).unwrap_or_default();
        let count = found.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), found.get(..count)) {
            to.copy_from_slice(from);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for HttpReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.file.length.checked_add_signed(offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "seek before the beginning");
        self.position = position.ok_or_else(before)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests;
