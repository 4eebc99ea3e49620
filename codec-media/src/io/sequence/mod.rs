//! Image sequences: numbered files with one frame each.

pub(crate) mod read;
pub mod write;
