//! The error of all transports and of the WHIP client.

use std::fmt;
use std::io;

use crate::framing::FramingError;

/// Why a connection was not established, or ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// An operation of the system failed.
    Io {
        /// The failed action: `cannot connect to 192.0.2.1:9000`.
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
    Rejected {
        /// The status.
        status: u16,
        /// The reason in the response, or the name of the status.
        reason: String,
    },
    /// A violation of the HTTP, WebSocket or TLS protocol.
    Protocol(String),
    /// The hello cannot be sent, because its description of the streams is invalid.
    InvalidHello(&'static str),
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
            Self::Rejected { status, reason } => {
                write!(f, "server responded with HTTP status {status}: {reason}")
            }
            Self::Protocol(why) => f.write_str(why),
            Self::InvalidHello(why) => write!(f, "cannot send the stream header: {why}"),
        }
    }
}

impl std::error::Error for NetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Framing(error) => Some(error),
            Self::Closed { .. }
            | Self::Rejected { .. }
            | Self::Protocol(_)
            | Self::InvalidHello(_) => None,
        }
    }
}

impl From<FramingError> for NetError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}
