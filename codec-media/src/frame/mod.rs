//! Processing of frames outside the codecs: copies, colour conversion, deinterlacing, crop, rotation, scaling.

pub mod convert;
pub mod copy;
pub mod deinterlace;
pub mod depth;
pub mod planes;
pub mod transform;
