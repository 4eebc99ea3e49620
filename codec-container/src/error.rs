//! Errors, grouped by what the caller can do about them.

use std::borrow::Cow;
use std::{fmt, io};

use codec_core::error::LimitError;

use crate::{Format, SkippedTrack, Warning};

/// Shorthand for results with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// The errors of readers and writers. The caller adds the file name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system reported an error while reading or writing.
    Io(io::Error),
    /// The content has no known format; `head` holds its first bytes.
    Unrecognised {
        /// The first bytes of the input: at most 16, none if the input is empty.
        head: Vec<u8>,
    },
    /// The content violates its format, or ends too early. Everything before it is valid.
    Corrupt(Corrupt),
    /// The content is valid, but uses an unsupported feature, which the text names.
    Unsupported {
        /// The format of the file.
        format: Format,
        /// A noun phrase such as `10-bit samples (C420p10)`.
        what: Cow<'static, str>,
    },
    /// The file has no video and no audio that can be read.
    NoReadableTrack {
        /// The format of the file.
        format: Format,
        /// The reason why the first track cannot be read: a noun phrase such as `codec hevc`.
        what: Cow<'static, str>,
        /// All tracks of the file.
        tracks: Vec<SkippedTrack>,
    },
    /// The content exceeds the limits.
    Limit {
        /// The format of the file.
        format: Format,
        /// Position of the field that exceeds the limit, in bytes from the start of the file.
        offset: u64,
        /// The value and the limit.
        detail: LimitError,
    },
}

/// Where the content is invalid, what was expected there, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The format of the file.
    pub format: Format,
    /// Bytes from the start of the file to where `expected` should be.
    pub offset: u64,
    /// Packet or frame, counted from 0; `None` in headers.
    pub index: Option<u64>,
    /// The value expected at this position.
    pub expected: Cow<'static, str>,
    /// The value found instead.
    pub found: Cow<'static, str>,
}

impl Error {
    pub(crate) fn corrupt(
        format: Format,
        offset: u64,
        index: Option<u64>,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Self::Corrupt(Corrupt { format, offset, index, expected, found })
    }

    pub(crate) fn unsupported(format: Format, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported { format, what: what.into() }
    }

    /// Adds the tracks to the error about the first one, if its codec or its features are not supported.
    pub(crate) fn with_tracks(self, warnings: Vec<Warning>) -> Self {
        let tracks = warnings.into_iter().filter_map(|warning| match warning {
            Warning::TrackSkipped(track) => Some(track),
            _ => None,
        });
        match self {
            Self::Unsupported { format, what } => {
                Self::NoReadableTrack { format, what, tracks: tracks.collect() }
            }
            other => other,
        }
    }

    pub(crate) fn limit(
        format: Format,
        offset: u64,
        what: &'static str,
        asked: u64,
        limit: u64,
    ) -> Self {
        Self::Limit { format, offset, detail: LimitError { what, requested: asked, limit } }
    }
}

/// Bytes of unknown input that a message shows.
const MAX_SHOWN_BYTES: usize = 16;

impl SkippedTrack {
    /// Adds why the track is not delivered. An [`Error`] about its codec adds no information
    /// and is omitted.
    pub(crate) fn because(self, error: &Error) -> Self {
        let over_codec = matches!(error, Error::Unsupported { what, .. }
            if what.strip_prefix("codec ") == Some(self.codec.as_str()));
        Self { reason: (!over_codec).then(|| error.to_string()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Unrecognised { head } if head.is_empty() => f.write_str("the input is empty"),
            Self::Unrecognised { head } => {
                let head = head.get(..MAX_SHOWN_BYTES).unwrap_or(head).escape_ascii();
                write!(
                    f,
                    "unknown format: the input begins with \"{head}\"\nhelp: y4m, IVF, WebM, Matroska, \
                     MP4, Ogg, WAVE, FLAC, MP3, ADTS, AV1, H.264 and MPEG-TS are supported"
                )
            }
            Self::Corrupt(detail) => detail.fmt(f),
            Self::Unsupported { format, what } | Self::NoReadableTrack { format, what, .. } => {
                write!(f, "{format}: {what} is not supported")
            }
            Self::Limit { format, offset, detail } => {
                write!(f, "{format}: at byte {offset}: {detail}")
            }
        }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.format)?;
        if let Some(index) = self.index {
            write!(f, "{} {index} ", self.format.unit())?;
        }
        write!(f, "at byte {}: expected {}, found {}", self.offset, self.expected, self.found)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Limit { detail, .. } => Some(detail),
            Self::Unrecognised { .. }
            | Self::Corrupt(_)
            | Self::Unsupported { .. }
            | Self::NoReadableTrack { .. } => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
