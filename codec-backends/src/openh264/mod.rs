//! H.264 by OpenH264, the library of the system: packets are those of annex B.

mod decoder;
mod encoder;
mod knobs;

pub(crate) use decoder::{DECODER, open as open_decoder};
pub(crate) use encoder::open as open_encoder;
pub(crate) use knobs::ENCODER;
