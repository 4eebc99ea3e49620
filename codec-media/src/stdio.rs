//! Names of standard input and output in messages.

/// Name of standard input.
pub(crate) const STDIN: &str = "standard input";
/// Name of standard output.
pub(crate) const STDOUT: &str = "standard output";
