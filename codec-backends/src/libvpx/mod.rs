//! VP8 and VP9 with libvpx: a reference for comparison with the native VP8 encoder, and the VP9
//! backend.
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
