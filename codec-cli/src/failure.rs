//! What ends a command, and the exit code that says so.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command ended; the number is its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The reader of standard output has gone: nothing is wrong.
    ClosedPipe = 0,
    Internal = 1,
    Usage = 2,
    /// The input cannot be read or is not supported.
    Input = 3,
    /// The input is damaged; what came before is kept.
    Corrupt = 4,
    Output = 5,
    /// The backend is not in this build.
    Backend = 6,
    /// A verification or a threshold failed.
    Check = 7,
    /// No connection, or one that ended too early or was silent for too long.
    #[cfg(feature = "net")]
    Network = 8,
    Interrupted = 130,
}

/// An error for the user.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

/// Shorthand.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn internal(message: impl Display) -> Self {
        Self::new(Kind::Internal, message.to_string())
    }

    /// Standard output or a file could not be written.
    pub(crate) fn output(name: &str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe && name == crate::io::STDOUT {
            return Self::new(Kind::ClosedPipe, "standard output was closed");
        }
        Self::new(Kind::Output, format!("{name}: {error}"))
    }

    /// A reader refused `name`.
    pub(crate) fn reading(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{name}: {error}"))
    }

    /// A writer refused to begin or to go on.
    pub(crate) fn writing(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        match error {
            Error::Io(error) => Self::output(name, error),
            Error::Unsupported { .. } => Self::usage(format!("{name}: {error}")),
            _ => Self::new(Kind::Output, format!("{name}: {error}")),
        }
    }

    /// A decoder refused data; `place` names file, packet and offset.
    pub(crate) fn decoding(place: &str, error: &codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            Error::NoBackend(_) => Kind::Backend,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{place}: {error}"))
    }

    /// An encoder refused a setting or a picture.
    pub(crate) fn encoding(error: &codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::NoBackend(_) => Kind::Backend,
            Error::Config(_) | Error::Unsupported(_) => Kind::Usage,
            Error::Limit(_) => Kind::Input,
            _ => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}
