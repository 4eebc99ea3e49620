//! VP8 (RFC 6386): decoder and encoder, without threads, clocks, files or environment variables.
//!
//! The modules follow the chapters of the standard. `header`, `modes` and `residual` contain the
//! parser and the writer of the same syntax; `predict`, `recon` and `loop_filter` serve both
//! decoder and encoder.

#![forbid(unsafe_code)]

pub mod decoder;
pub mod encoder;
pub mod header;
pub mod loop_filter;
pub mod modes;
pub mod predict;
pub mod recon;
pub mod residual;
pub mod rows;
pub mod tables;
pub mod types;

use codec_core::codec::{Backend, Codec};

/// `vp8/native`: the encoder and the decoder of this crate.
pub const BACKEND: Backend = Backend {
    codec: Codec::Vp8,
    name: "native",
    encoder: Some((encoder::open, &encoder::CAPABILITIES)),
    decoder: Some((decoder::open, decoder::capabilities())),
};
