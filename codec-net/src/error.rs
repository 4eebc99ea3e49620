//! What ends a connection, with a reason that can be told.

use std::fmt;
use std::io;

use crate::framing::FramingError;

/// Why a connection did not begin, or ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// The system says so; `what` is what was tried.
    Io {
        /// What was tried: `connecting to 192.0.2.1:9000`.
        what: String,
        /// What came of it.
        error: io::Error,
    },
    /// What came is not our framing, or damaged.
    Framing(FramingError),
    /// The peer has closed the connection without saying that it is the end.
    Closed {
        /// Bytes that came before.
        bytes: u64,
    },
    /// The server has answered with another HTTP status than the one hoped for.
    Refused {
        /// The status.
        status: u16,
        /// What it means here.
        why: String,
    },
    /// Against the protocol of WebSockets or TLS.
    Protocol(String),
    /// Something of the description cannot be sent.
    Unsendable(&'static str),
}

impl NetError {
    /// With what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::Framing(error) => error.fmt(f),
            Self::Closed { bytes } => {
                write!(f, "the peer closed the connection after {bytes} bytes, without an end")
            }
            Self::Refused { status, why } => write!(f, "refused with HTTP status {status}: {why}"),
            Self::Protocol(why) => f.write_str(why),
            Self::Unsendable(why) => write!(f, "cannot be sent: {why}"),
        }
    }
}

impl std::error::Error for NetError {}

impl From<FramingError> for NetError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}
