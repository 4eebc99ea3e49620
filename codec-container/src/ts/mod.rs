//! MPEG-2 transport streams (ITU-T H.222.0): reading of H.264, AAC, MP3 and Opus.
//!
//! Packets have 188 bytes, or 192 with a leading timestamp (`.m2ts`), or 204 with a trailing checksum. Of
//! several programs, the first one with a supported stream is read. Times begin at 0.

use crate::{Error, Format};

mod elementary;
mod opus_unit;
mod pes;
mod program;
mod reader;
mod stream;
mod tables;
mod timeline;
mod transport;
mod video;

pub(crate) use reader::TsReader;
pub(crate) use transport::{PROBE_BYTES, is_stream, is_stream_later};

fn corrupt(offset: u64, expected: &'static str, found: impl Into<String>) -> Error {
    Error::corrupt(Format::MpegTs, offset, None, expected, found.into())
}
