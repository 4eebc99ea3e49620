//! Streams of AV1 units: with sizes in the units (AV1 specification, section 5), or in front of them
//! (Annex B).

mod adapter;
mod reader;
mod units;
mod writer;

pub(crate) use adapter::Av1Adapter;
pub use reader::ObuReader;
pub(crate) use reader::is_stream;
pub use writer::ObuWriter;
