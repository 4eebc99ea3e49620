//! MP4 and related formats: ISO base media file format (ISO/IEC 14496-12), the sample entries of
//! the codecs, and what QuickTime files do differently.

mod audio;
mod boxes;
mod chapters;
mod decode_times;
mod edits;
mod fragment;
mod fragment_writer;
mod hdr;
mod headers;
mod input;
mod items;
mod keys;
mod metadata;
mod reader;
mod samples;
mod track;
mod vp_configuration;
mod writer;

pub(crate) use fragment_writer::FragmentWriter;
pub(crate) use metadata::holds_tag;
pub use reader::Mp4Reader;
pub use writer::Mp4Writer;
