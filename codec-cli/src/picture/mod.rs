//! What is done to pictures outside the codecs: copies, colour conversion, crop, turn, scale.

pub(crate) mod convert;
pub(crate) mod planes;
pub(crate) mod transform;
