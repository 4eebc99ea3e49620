//! Audio of a run: decoding, one clock, processing, encoding.

pub(crate) mod effects;
pub mod gap;
pub mod pipeline;
pub mod sink;
pub mod source;
pub mod timeline;
mod variable_rate;
