//! Processing of frames outside the codecs: copies, colour conversion, deinterlacing, crop, rotation, scaling, dither, display
//! properties of outputs.

pub mod convert;
pub mod copy;
pub mod deinterlace;
pub mod depth;
pub mod display;
mod display_report;
pub(crate) mod dither;
pub mod planes;
pub mod transform;
