//! WebM and Matroska (RFC 9559 over EBML, RFC 8794).

mod ebml;
mod hdr;
mod ids;
mod lacing;
mod layout;
mod metadata;
mod reader;
mod track;
mod writer;

pub use reader::WebmReader;
pub use writer::WebmWriter;
