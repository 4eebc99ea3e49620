//! AV1 OBU streams: each OBU contains its size (AV1 specification, section 5), or is preceded by it
//! (Annex B).

mod adapter;
mod frame_header;
mod frame_kind;
mod frames;
mod reader;
mod references;
mod sequence;
mod units;
mod writer;

pub(crate) use adapter::Av1Adapter;
pub use frame_kind::Av1FrameKind;
pub use frames::{Av1Frame, Av1Frames};
pub use reader::ObuReader;
pub(crate) use reader::is_stream;
pub(crate) use units::sample_format;
pub use writer::ObuWriter;
