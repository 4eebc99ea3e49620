//! VP8 and VP9 with libvpx, for comparison with the native encoders and decoders.
//!
//! `settings.rs` translates settings to libvpx; [`knobs`] are libvpx's own settings.

mod decoder;
mod encoder;
mod knobs;
mod packet;
mod settings;
mod vp9_header;

pub(crate) use decoder::{VP8_DECODER, VP9_DECODER, open_vp8_decoder, open_vp9_decoder};
pub(crate) use encoder::{open_vp8_encoder, open_vp9_encoder};
pub(crate) use knobs::{VP8_ENCODER, VP9_ENCODER};
