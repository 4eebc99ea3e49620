//! MP4 and its relatives: ISO base media file format (ISO/IEC 14496-12), the codecs' own sample
//! entries, and what QuickTime does differently.

mod boxes;
mod fragment;
mod input;
mod metadata;
mod reader;
mod samples;
mod sound;
mod track;
mod writer;

pub use reader::Mp4Reader;
pub use writer::Mp4Writer;
