//! VP9 encoder and decoder that implement the traits of [`codec_core::codec`]. They start no
//! threads and access no clock, file or environment variable; parallel work runs on a thread pool
//! that the caller passes in.
//!
//! A packet is a frame or a superframe. All profiles are decoded. The decoder of [`decoder::open`]
//! outputs only the sample formats that its configuration allows; [`decoder::FrameDecoder`] outputs
//! every format. [`encoder::open`] codes profile 0: 8-bit 4:2:0.
//!
//! # Examples
//!
//! Decode a key frame of 8x8 pixels:
//!
//! ```
//! use codec_core::codec::{DecoderConfig, VideoDecoder};
//!
//! let mut decoder = codec_vp9::decoder::open(&DecoderConfig::default())?;
//! // Both headers, and a tile with one block: grey.
//! let key_frame = [
//!     0x82, 0x49, 0x83, 0x42, 0x20, 0, 0x70, 0, 0x74, 0, 0x07, 0x80, 0, 0x02, 0, 0, 0, 0, 0,
//! ];
//! assert!(decoder.decode(&key_frame, 0, None)?.shown);
//! let frame = decoder.receive().expect("the frame is shown");
//! assert_eq!(frame.picture().luma().row(7), [128; 8]);
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | superframes | `superframe.rs` |
//! | uncompressed header | `header/uncompressed.rs`, and a file for each group of fields |
//! | compressed header | `header/compressed.rs` |
//! | probabilities: defaults, forward updates, adaptation | `probability/` |
//! | tables: scans, quantiser steps, default probabilities | `tables/` |
//! | trees of syntax elements | `trees.rs` |
//! | modes of a block and its neighbours, contexts | `block/mode_map.rs`, `block/site.rs`, `block/contexts.rs` |
//! | candidates of motion vectors | `block/candidates.rs` |
//! | prediction, residual | `block/reconstruct.rs`, kernels `vp9_*` |
//! | loop filter | `block/loop_filter.rs`, kernels `vp9_filter_*` |
//! | decoder: partitions, blocks, the main loop | `decoder/tile.rs` |
//! | decoder: modes, vectors, coefficient tokens | `decoder/block_modes.rs`, `decoder/vectors.rs`, `decoder/tokens.rs` |
//! | encoder: a frame, phase by phase | `encoder/frame.rs` |
//! | encoder: superblocks and partitions, the main loop | `encoder/coder.rs` |
//! | encoder: motion, and estimates of partitions | `encoder/motion.rs` |
//! | encoder: decisions about a block | `encoder/block.rs` |
//! | encoder: writing of headers, modes and coefficients | `encoder/write/` |

#![forbid(unsafe_code)]

mod block;
pub mod decoder;
pub mod encoder;
pub mod header;
pub mod probability;
pub mod superframe;
pub mod tables;
pub mod trees;
pub mod types;

use codec_core::codec::{Backend, Codec};

/// `vp9/native`: the encoder and the decoder of this crate.
pub const BACKEND: Backend = Backend {
    codec: Codec::Vp9,
    name: "native",
    encoder: Some((encoder::open, &encoder::CAPABILITIES)),
    decoder: Some((decoder::open, decoder::capabilities())),
};
