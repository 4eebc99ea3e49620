//! WAVE files: RIFF with `fmt ` and `data` chunks (Multimedia Programming Interface and Data
//! Specifications 1.0), `WAVE_FORMAT_EXTENSIBLE`, and RF64 (EBU Tech 3306) above 4 GB.

mod format;
mod info;
mod reader;
mod writer;

pub(crate) use format::{FormatError, parse_format, put_format};
pub use reader::WavReader;
pub use writer::WavWriter;
