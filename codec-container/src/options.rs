//! Options of readers and writers.

use codec_core::codec::Limits;

/// Options for reading.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Limits for untrusted input.
    pub limits: Limits,
    /// Accepts times that go backwards, which is an error otherwise: for playing damaged files as
    /// far as possible.
    pub allow_backward_times: bool,
}

/// Options for writing.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Writes the live form even if the output can seek (WebM: unknown sizes, no index).
    pub live: bool,
}
