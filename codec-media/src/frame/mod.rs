//! Processing of frames outside the codecs: copies, colour conversion, crop, rotation, scaling.

pub mod convert;
pub mod planes;
pub mod transform;
