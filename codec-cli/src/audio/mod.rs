//! Audio input, timeline alignment and output.

mod bendable;
pub(crate) mod effects;
pub(crate) mod gap;
pub(crate) mod lane;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod timeline;
