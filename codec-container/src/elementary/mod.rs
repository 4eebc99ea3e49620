//! Files that consist of audio frames only: native FLAC (RFC 9639), MP3 (ISO/IEC 11172-3 and
//! 13818-3, layer III) and AAC with ADTS headers (ISO/IEC 14496-3, annex 1.A).

mod adts_header;
mod crc;
mod flac_file;
mod flac_frame;
mod look_ahead;
mod mpeg;

pub(crate) use adts_header::AdtsHeader;
pub use flac_file::{FlacReader, FlacWriter};
pub use mpeg::{AdtsReader, Mp3Reader};
pub(crate) use mpeg::{FrameHead, adts_configuration, is_adts, is_mp3, parse_adts, parse_mp3};
