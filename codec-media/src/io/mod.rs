//! Files and pipes, and the video in them.

pub mod decoded;
pub(crate) mod demux;
pub mod input;
pub(crate) mod interruptible;
pub mod media;
pub mod names;
pub mod output;
pub(crate) mod packed;
pub mod sink;
pub mod source;
pub mod unreadable;

/// Name of standard input in messages.
pub(crate) const STDIN: &str = "standard input";
/// Name of standard output in messages.
pub(crate) const STDOUT: &str = "standard output";
