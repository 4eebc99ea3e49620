//! Reports of a study: an HTML page, a CSV table of all rate-distortion points, and a table for the
//! terminal.

mod clip_summaries;
mod csv;
mod data;
mod extras;
mod frame_data;
mod html;
mod json;
mod picture_data;
pub(crate) mod summary;
mod tables;
mod terminal;

pub use csv::{csv, csv_line};
pub use extras::{ClipPictures, FrameValues, PictureFrame, PointPictures, ReportExtras};
pub use html::html;
pub use terminal::table;
