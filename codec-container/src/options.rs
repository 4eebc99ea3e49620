//! Options of readers and writers.

use codec_core::codec::Limits;

use crate::FileMetadata;

/// Options for reading.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Limits for untrusted input.
    pub limits: Limits,
    /// Accept decreasing timestamps, which are an error by default: use it to play damaged files as
    /// far as possible.
    pub allow_backward_times: bool,
}

/// Options for writing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Write a live stream even if the output can seek (WebM: unknown sizes, no index;
    /// MP4: fragments).
    pub live: bool,
    /// Tags and chapters (WebM, Matroska, MP4); other formats have none. See
    /// [`FileMetadata::for_format`].
    pub metadata: FileMetadata,
}
