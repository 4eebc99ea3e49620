//! Sound: out of files, onto one clock, into files.

mod bendable;
pub(crate) mod effects;
pub(crate) mod gap;
pub(crate) mod lane;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod timeline;
