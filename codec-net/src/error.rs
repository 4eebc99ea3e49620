//! Errors of connections.

use std::fmt;
use std::io;

use crate::framing::FramingError;

/// Why a connection was not established, or ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// An error of the system.
    Io {
        /// The failed operation: `cannot connect to 192.0.2.1:9000`.
        what: String,
        /// The error.
        error: io::Error,
    },
    /// The received data are damaged or not our framing.
    Framing(FramingError),
    /// The peer closed the connection without an end record.
    Closed {
        /// Bytes received before.
        bytes: u64,
    },
    /// The server answered with an unexpected HTTP status.
    Refused {
        /// The status.
        status: u16,
        /// Its meaning here.
        why: String,
    },
    /// A violation of the WebSocket or TLS protocol.
    Protocol(String),
    /// A part of the description that cannot be sent.
    Unsendable(&'static str),
}

impl NetError {
    /// Wraps a system error with the attempted operation.
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
                write!(
                    f,
                    "the peer closed the connection after {bytes} bytes without an end record"
                )
            }
            Self::Refused { status, why } => {
                write!(f, "server responded with HTTP status {status}: {why}")
            }
            Self::Protocol(why) => f.write_str(why),
            Self::Unsendable(why) => write!(f, "cannot send: {why}"),
        }
    }
}

impl std::error::Error for NetError {}

impl From<FramingError> for NetError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}
