//! Files and pipes, and the video in them.

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

/// Name of standard input in messages.
pub(crate) const STDIN: &str = "standard input";
/// Name of standard output in messages.
pub(crate) const STDOUT: &str = "standard output";
