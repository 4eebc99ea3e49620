//! Errors of sending media.

use std::error::Error;
use std::fmt;

use crate::rtp::WriteError;
#[cfg(feature = "sframe")]
use crate::sframe::SframeError;

/// Why a [`Sender`](super::Sender) rejects a frame or an audio packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The session has no video stream.
    NoVideo,
    /// The session has no audio stream.
    NoAudio,
    /// The payload cannot be packetized: it is empty or too long.
    Payload(WriteError),
    /// The payload cannot be encrypted.
    #[cfg(feature = "sframe")]
    Encrypt(SframeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVideo => f.write_str("this session has no video stream"),
            Self::NoAudio => f.write_str("this session has no audio stream"),
            Self::Payload(error) => error.fmt(f),
            #[cfg(feature = "sframe")]
            Self::Encrypt(error) => write!(f, "cannot encrypt the payload: {error}"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoVideo | Self::NoAudio => None,
            Self::Payload(error) => Some(error),
            #[cfg(feature = "sframe")]
            Self::Encrypt(error) => Some(error),
        }
    }
}

impl From<WriteError> for SendError {
    fn from(error: WriteError) -> Self {
        Self::Payload(error)
    }
}
