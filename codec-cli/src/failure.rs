//! Errors of commands and their exit codes.

use std::fmt::Display;
use std::process::ExitCode;

/// Category of an error; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The reader of standard output has closed it: not an error.
    ClosedPipe = 0,
    Internal = 1,
    Usage = 2,
    /// The input cannot be read or is not supported.
    Input = 3,
    /// The input is damaged; output up to the damage is kept.
    Corrupt = 4,
    Output = 5,
    /// The backend is not in this build.
    Backend = 6,
    /// A verification or a threshold failed.
    Check = 7,
    /// No connection, or one that ended early or timed out.
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

    /// An error while writing standard output or a file.
    pub(crate) fn output(name: &str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe && name == crate::io::STDOUT {
            return Self::new(Kind::ClosedPipe, "standard output closed");
        }
        Self::new(Kind::Output, format!("{name}: {error}"))
    }

    /// An error of a reader of `name`.
    pub(crate) fn reading(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{name}: {error}"))
    }

    /// An error of a writer when it begins or continues.
    pub(crate) fn writing(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        match error {
            Error::Io(error) => Self::output(name, error),
            Error::Unsupported { .. } => Self::usage(format!("{name}: {error}")),
            _ => Self::new(Kind::Output, format!("{name}: {error}")),
        }
    }

    /// An error of a decoder; `place` names file, packet and offset.
    pub(crate) fn decoding(place: &str, error: &codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            Error::NoBackend(_) => Kind::Backend,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{place}: {error}"))
    }

    /// An error of an encoder about a setting or a frame.
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
