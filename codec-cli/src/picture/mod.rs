//! Processing of frames outside the codecs: copies, colour conversion, crop, rotation, scaling.

pub(crate) mod convert;
pub(crate) mod planes;
pub(crate) mod transform;
