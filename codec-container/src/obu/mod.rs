//! AV1 OBU streams: with sizes in the OBUs (AV1 specification, section 5), or before them (Annex
//! B).

mod adapter;
mod reader;
mod units;
mod writer;

pub(crate) use adapter::Av1Adapter;
pub use reader::ObuReader;
pub(crate) use reader::is_stream;
pub(crate) use units::sample_format;
pub use writer::ObuWriter;
