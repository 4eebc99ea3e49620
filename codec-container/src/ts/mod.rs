//! MPEG-2 transport streams (ITU-T H.222.0) of H.264, AAC, MP3 and Opus.
//!
//! The reader accepts transport packets of 188 bytes, of 192 bytes with a leading timestamp (`.m2ts`), and of 204 bytes
//! with a trailing checksum. Of several programs, it reads the first one with a supported stream. Times begin at 0.
//!
//! The writer writes one program, in transport packets of 188 bytes. The bitrate varies: there are no null packets, and
//! clock references (PCR) are derived from the decoding times ([`multiplexer`]).

use crate::{Error, Format};

mod audio;
mod decode_order;
mod elementary;
mod joints;
mod multiplexer;
mod opus_unit;
mod packetizer;
mod pes;
mod program;
mod reader;
mod sections;
mod stream;
mod tables;
mod timeline;
mod transport;
mod video;
mod writer;

pub(crate) use reader::TsReader;
pub(crate) use transport::{PROBE_BYTES, is_stream, is_stream_later};
pub(crate) use writer::TsWriter;

fn corrupt(offset: u64, expected: &'static str, found: impl Into<String>) -> Error {
    Error::corrupt(Format::MpegTs, offset, None, expected, found.into())
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::MpegTs, what.into())
}
