//! What libraries refuse, in their own words.

use std::fmt;

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A setting or an argument.
    Argument,
    /// The coded data.
    Data,
    /// What the library cannot do.
    Unsupported,
    /// Memory, or the library itself.
    Internal,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it is about.
    pub kind: Kind,
    /// The function's name.
    pub call: &'static str,
    /// What it returned.
    pub code: i64,
    /// What the library says about it; may be empty.
    pub text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} returned {}", self.call, self.code)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, ": {}", self.text) }
    }
}

impl std::error::Error for Error {}
