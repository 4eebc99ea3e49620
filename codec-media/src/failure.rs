//! The error type of this crate, with a kind that determines the exit code of the command.

use std::fmt::{self, Display};
use std::io;
use std::sync::Arc;

use codec_core::error::{LimitError, MissingFeature};

use crate::network_errors::is_network;
use crate::stdio::STDOUT;

/// The kind of an error: what failed. The numbers are the exit codes of the `codec` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Standard output was closed by its reader, as by `head`; not an error.
    ClosedPipe = 0,
    /// An internal error: a bug in this library.
    Internal = 1,
    /// Invalid or conflicting settings.
    Usage = 2,
    /// The input cannot be read or is not supported.
    Input = 3,
    /// The input is damaged. The output up to the damage is kept.
    Corrupt = 4,
    /// The output cannot be written.
    Output = 5,
    /// The backend is not in this build.
    Backend = 6,
    /// A verification or a threshold failed.
    Check = 7,
    /// The connection failed, ended too early or timed out.
    Network = 8,
    /// The run was asked to stop.
    Interrupted = 130,
}

/// An error with a message for the user. The message includes the message of the [`source`], which is the
/// typed cause.
///
/// [`source`]: std::error::Error::source
#[derive(Clone, Debug)]
pub struct Failure {
    /// Description of the failure.
    pub kind: Kind,
    /// The user-facing message. Lines after the first name the file that is kept, or begin with `help:` and name a remedy.
    pub message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Creates an error without a typed cause.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Creates an error with a typed cause, whose text `message` includes.
    pub(crate) fn caused(
        kind: Kind,
        message: String,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, message, source: Some(Arc::new(source)) }
    }

    /// Creates an error for `what`, which requires a Cargo feature that this build lacks.
    pub fn missing_feature(what: &'static str, feature: &'static str) -> Self {
        Self::new(Kind::Backend, MissingFeature::new(what, feature).to_string())
    }

    /// Creates an error for invalid or conflicting settings.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates an internal error: a bug in this library.
    pub fn internal(message: impl Display) -> Self {
        Self::new(Kind::Internal, message.to_string())
    }

    /// Creates an error for standard output or a file that could not be written.
    pub fn output(name: &str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe && name == STDOUT {
            return Self::caused(Kind::ClosedPipe, "standard output was closed".to_owned(), error);
        }
        Self::caused(Kind::Output, format!("cannot write {name}: {error}"), error)
    }

    /// Converts an error from reading `name`.
    pub fn reading(name: &str, error: codec_container::Error) -> Self {
        use codec_container::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            Error::Io(ref error) if is_network(error) => Kind::Network,
            _ => Kind::Input,
        };
        let help = match &error {
            Error::Limit { detail, .. } => limit_help(detail),
            _ => String::new(),
        };
        Self::caused(kind, format!("{name}: {error}{help}"), error)
    }

    /// Converts an error from writing `name`.
    pub fn writing(name: &str, error: codec_container::Error) -> Self {
        use codec_container::Error;
        match error {
            Error::Io(error) => Self::output(name, error),
            Error::Unsupported { .. } => {
                Self::caused(Kind::Usage, format!("{name}: {error}"), error)
            }
            _ => Self::caused(Kind::Output, format!("{name}: {error}"), error),
        }
    }

    /// Converts a decoder's error; `place` names file, packet and offset.
    pub fn decoding(place: &str, error: codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::Corrupt(_) => Kind::Corrupt,
            Error::NoBackend(_) | Error::MissingFeature(_) => Kind::Backend,
            _ => Kind::Input,
        };
        let help = match &error {
            Error::Limit(detail) => limit_help(detail),
            _ => String::new(),
        };
        Self::caused(kind, format!("{place}: {error}{help}"), error)
    }

    /// Whether a packet of the input is damaged, and not a header of the file.
    #[must_use]
    pub fn is_of_packet(&self) -> bool {
        let cause = std::error::Error::source(self);
        let of_file = cause.and_then(|cause| cause.downcast_ref::<codec_container::Error>());
        let is_in_header = match of_file {
            Some(codec_container::Error::Corrupt(detail)) => detail.index.is_none(),
            _ => cause.is_none(),
        };
        self.kind == Kind::Corrupt && !is_in_header
    }

    /// Converts an encoder's error about a setting or a frame.
    pub fn encoding(error: codec_core::Error) -> Self {
        use codec_core::Error;
        let kind = match error {
            Error::NoBackend(_) | Error::MissingFeature(_) => Kind::Backend,
            Error::Config(_) | Error::Unsupported(_) => Kind::Usage,
            Error::Limit(_) => Kind::Input,
            _ => Kind::Internal,
        };
        Self::caused(kind, error.to_string(), error)
    }

    /// Creates the error of a run that was asked to stop. `kept`: whether the output has the part
    /// processed until then; [`OutputFile::end`](crate::io::output::OutputFile::end) adds the name of a file.
    pub fn interrupted(kept: bool) -> Self {
        let outcome = if kept {
            "the output holds only the part before the interruption"
        } else {
            "nothing was written"
        };
        Self::new(Kind::Interrupted, format!("interrupted: {outcome}"))
    }
}

/// Returns the line with the remedy for an exceeded limit; empty for limits that no flag raises.
pub(crate) fn limit_help(error: &LimitError) -> String {
    let key = match error.what {
        "pixels" => "pixels",
        "packet bytes" | "frame bytes" => "packet",
        "resized pixels within 30 frames" => "resized",
        _ => return String::new(),
    };
    format!(
        "\nhelp: if you trust the input, raise the limit with --limits {key}={}",
        error.requested
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceeded_limits_name_the_flag_that_raises_them() {
        let of = |what| limit_help(&LimitError { what, requested: 300, limit: 2 });
        assert!(of("pixels").ends_with("--limits pixels=300"));
        assert!(of("packet bytes").ends_with("--limits packet=300"));
        assert!(of("frame bytes").ends_with("--limits packet=300"));
        assert!(of("resized pixels within 30 frames").ends_with("--limits resized=300"));
        assert_eq!(of("header bytes"), "");
    }
}
