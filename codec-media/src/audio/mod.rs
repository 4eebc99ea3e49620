//! Audio of a run: decoding, alignment to one clock, processing, encoding.

pub(crate) mod effects;
pub mod gap;
pub mod pipeline;
pub mod sink;
pub mod source;
pub mod timeline;
pub mod tracks;
mod variable_rate;
pub mod whole;
