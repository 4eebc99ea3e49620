//! Files and pipes, and the pictures in them.

pub(crate) mod decoded;
pub(crate) mod demux;
pub(crate) mod input;
pub(crate) mod media;
pub(crate) mod names;
pub(crate) mod output;
pub(crate) mod packed;
pub(crate) mod patient;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod unreadable;

/// How messages call standard input.
pub(crate) const STDIN: &str = "standard input";
/// How messages call standard output.
pub(crate) const STDOUT: &str = "standard output";
