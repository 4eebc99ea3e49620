//! Errors reported by the C libraries, with the libraries' messages.

use std::fmt;

/// Category of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting or an argument.
    Argument,
    /// The coded data.
    Data,
    /// A feature that the library does not support.
    Unsupported,
    /// Memory, or the library itself.
    Internal,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Category.
    pub kind: ErrorKind,
    /// Name of the function.
    pub call: &'static str,
    /// Its return value; 0 if the arguments were rejected before the call.
    pub code: i64,
    /// Message of the library; may be empty.
    pub text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, code, text, .. } = self;
        match (*code, text.as_str()) {
            (_, "") => write!(f, "{call} returned {code}"),
            // Not a failure code: the call was not made, or returned a null pointer.
            (0, text) => write!(f, "{call}: {text}"),
            (_, text) => write!(f, "{call} returned {code}: {text}"),
        }
    }
}

impl std::error::Error for Error {}
