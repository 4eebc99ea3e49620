//! Processing of frames outside the codecs: copies, colour conversion, deinterlacing, crop, rotation, scaling, dither.

pub mod convert;
pub mod copy;
pub mod deinterlace;
pub mod depth;
pub(crate) mod dither;
pub mod planes;
pub mod transform;
