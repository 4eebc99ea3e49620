//! Errors of this crate, with a kind that says who can do something about them.

use std::fmt::Display;

use codec_core::error::MissingFeature;

use crate::stdio::STDOUT;

/// Who can do something about an error. The numbers are the exit codes of the `codec` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The reader of standard output has gone: nothing is wrong.
    ClosedPipe = 0,
    /// A defect of this library.
    Internal = 1,
    /// Settings that are wrong or do not go together.
    Usage = 2,
    /// The input cannot be read or is not supported.
    Input = 3,
    /// The input is damaged; what came before is kept.
    Corrupt = 4,
    /// The output cannot be written.
    Output = 5,
    /// The backend is not in this build.
    Backend = 6,
    /// A verification or a threshold failed.
    Check = 7,
    /// No connection, or one that ended too early or was silent for too long.
    Network = 8,
    /// The run was asked to stop.
    Interrupted = 130,
}

/// An error for the user.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Who can do something about it.
    pub kind: Kind,
    /// The text for people; lines after the first are help.
    pub message: String,
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// An error of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// This build lacks `feature`, which `what` requires.
    pub fn missing_feature(what: &'static str, feature: &'static str) -> Self {
        Self::new(Kind::Backend, MissingFeature::new(what, feature).to_string())
    }

    /// Settings that are wrong or do not go together.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A defect of this library.
    pub fn internal(message: impl Display) -> Self {
        Self::new(Kind::Internal, message.to_string())
    }

    /// Standard output or a file could not be written.
    pub fn output(name: &str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe && name == STDOUT {
            return Self::new(Kind::ClosedPipe, "standard output was closed");
        }
        Self::new(Kind::Output, format!("{name}: {error}"))
    }

    /// A reader refused `name`.
    pub fn reading(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{name}: {error}"))
    }

    /// A writer refused to begin or to go on.
    pub fn writing(name: &str, error: &codec_container::Error) -> Self {
        use codec_container::Error;
        match error {
            Error::Io(error) => Self::output(name, error),
            Error::Unsupported { .. } => Self::usage(format!("{name}: {error}")),
            _ => Self::new(Kind::Output, format!("{name}: {error}")),
        }
    }

    /// A decoder refused data; `place` names file, packet and offset.
    pub fn decoding(place: &str, error: &codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            Error::NoBackend(_) | Error::MissingFeature(_) => Kind::Backend,
            _ => Kind::Input,
        };
        Self::new(kind, format!("{place}: {error}"))
    }

    /// An encoder refused a setting or a picture.
    pub fn encoding(error: &codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::NoBackend(_) | Error::MissingFeature(_) => Kind::Backend,
            Error::Config(_) | Error::Unsupported(_) => Kind::Usage,
            Error::Limit(_) => Kind::Input,
            _ => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }

    /// A run that was asked to stop; `kept`: the part that was done is in the output.
    pub fn interrupted(kept: bool) -> Self {
        let outcome = if kept { "the file is finished" } else { "nothing was written" };
        Self::new(Kind::Interrupted, format!("interrupted: {outcome}"))
    }
}
