//! H.264: byte streams with start codes (ITU-T H.264, Annex B), and the form in MP4 and Matroska
//! (ISO/IEC 14496-15).

mod access_units;
mod avc;
mod delimited;
mod description;
mod fields;
mod reader;
mod sps;
mod writer;

pub(crate) use access_units::AccessUnits;
pub use avc::AnnexB;
pub(crate) use avc::{AvcWriter, ByteStreamTimes, StartCodes};
pub(crate) use delimited::DelimitedUnits;
pub use description::describe_h264;
pub(crate) use description::reordered_frames;
pub(crate) use fields::{CodedField, FieldParser};
pub use reader::H264Reader;
pub(crate) use reader::is_stream;
pub use writer::H264Writer;
