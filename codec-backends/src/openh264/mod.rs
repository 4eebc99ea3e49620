//! H.264 with OpenH264, a C library installed on the system. Packets are in Annex B format.

mod decoder;
mod encoder;
mod knobs;

pub(crate) use decoder::{DECODER, open as open_decoder};
pub(crate) use encoder::open as open_encoder;
pub(crate) use knobs::ENCODER;
