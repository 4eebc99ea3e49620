//! Ogg: pages (RFC 3533) with Opus (RFC 7845), Vorbis or FLAC.

mod mapping;
mod page;
mod reader;
mod writer;

pub use reader::OggReader;
pub use writer::OggWriter;
