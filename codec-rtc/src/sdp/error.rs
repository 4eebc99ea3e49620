//! What is wrong with a description, and where.

use std::fmt;

/// Longest part of a line that an error repeats.
const SHOWN_CHARS: usize = 40;

/// Why text is no description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpError {
    /// The line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields say it")]
pub enum Problem {
    /// It does not begin with `v=0`.
    NotSdp,
    /// No letter and `=` at the start.
    NotALine,
    /// More bytes or lines of a kind than are read.
    TooMany { what: &'static str, most: usize },
    /// `what` is missing, or is not as it should be; `text` is what stands there.
    Wrong { what: &'static str, text: String },
}

impl Problem {
    pub(super) fn wrong(what: &'static str, text: &str) -> Self {
        let shown = text.chars().filter(|char| !char.is_control()).take(SHOWN_CHARS);
        Self::Wrong { what, text: shown.collect() }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match &self.problem {
            Problem::NotSdp => f.write_str("no SDP: it does not begin with v=0"),
            Problem::NotALine => f.write_str("no line of SDP: a letter and = are missing"),
            Problem::TooMany { what, most } => write!(f, "too many {what}: {most} are the most"),
            Problem::Wrong { what, text } => write!(f, "{what} is missing or wrong: {text:?}"),
        }
    }
}

impl std::error::Error for SdpError {}
