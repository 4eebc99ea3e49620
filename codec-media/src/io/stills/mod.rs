//! Still images: reading and writing JPEG, PNG and WebP.

pub mod read;
pub(crate) mod webp;
pub mod write;

pub use super::image_format::StillFormat;
