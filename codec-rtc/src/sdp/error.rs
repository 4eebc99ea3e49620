//! SDP parse errors with line numbers.

use std::fmt;

/// Maximum number of characters of a line quoted in an error.
const MAX_TEXT_CHARS: usize = 40;

/// Why text is not a valid session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpError {
    /// Line number from 1; 0 for the whole text.
    pub line: usize,
    /// The problem.
    pub problem: Problem,
}

/// Fault of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "documented at the variants")]
pub enum Problem {
    /// The text does not start with `v=0`.
    NotSdp,
    /// The line does not start with a letter and `=`.
    NotALine,
    /// There are more bytes or lines of a kind than allowed.
    TooMany { what: &'static str, limit: usize },
    /// `what` is missing or invalid; `text` is the offending part of the line.
    Invalid { what: &'static str, text: String },
}

impl Problem {
    pub(super) fn invalid(what: &'static str, text: &str) -> Self {
        let shown = text.chars().filter(|char| !char.is_control()).take(MAX_TEXT_CHARS);
        Self::Invalid { what, text: shown.collect() }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "invalid SDP, line {}: ", self.line)?;
        } else {
            f.write_str("invalid SDP: ")?;
        }
        match &self.problem {
            Problem::NotSdp => f.write_str("expected v=0"),
            Problem::NotALine => f.write_str("expected a letter and ="),
            Problem::TooMany { what, limit } => {
                write!(f, "too many {what}, expected at most {limit}")
            }
            Problem::Invalid { what, text } => {
                write!(f, "invalid or missing {what}")?;
                if text.is_empty() { Ok(()) } else { write!(f, ": got {text:?}") }
            }
        }
    }
}

impl std::error::Error for SdpError {}
