//! VP8 and VP9 by libvpx, to compare our own encoder with, and for VP9.
//!
//! What a setting becomes in libvpx is in `settings.rs`; [`knobs`] are libvpx's own settings.

mod decoder;
mod encoder;
mod knobs;
mod packet;
mod settings;
mod vp9_header;

pub(crate) use decoder::{VP8_DECODER, VP9_DECODER, open_vp8_decoder, open_vp9_decoder};
pub(crate) use encoder::{open_vp8_encoder, open_vp9_encoder};
pub(crate) use knobs::{VP8_ENCODER, VP9_ENCODER};
