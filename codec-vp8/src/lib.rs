//! VP8 (RFC 6386) decoder and encoder. They start no threads and access no clock, file or
//! environment variable; parallel work runs on a thread pool that the caller passes in.
//!
//! The modules follow the chapters of the standard. `header`, `modes` and `residual` contain the
//! parser and the writer of the same syntax; `predict`, `recon` and `loop_filter` serve both
//! decoder and encoder.
//!
//! # Example
//!
//! Encode and decode through the traits of [`codec_core::codec`]:
//!
//! ```
//! use codec_core::codec::{Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet};
//! use codec_core::frame::{Picture, Rational, Size};
//!
//! let size = Size::new(64, 48);
//! let config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(200));
//! let mut encoder = codec_vp8::encoder::open(&config)?;
//! let mut decoder = codec_vp8::decoder::open(&DecoderConfig::default())?;
//! let mut packet = Packet::default();
//!
//! for pts in 0..3 {
//!     let samples = vec![100 + 10 * pts as u8; size.i420_bytes() as usize];
//!     let picture = Picture::i420_packed(size, &samples)?;
//!     encoder.encode(&picture, &FrameRequest::at(pts))?;
//!     while encoder.receive(&mut packet) {
//!         decoder.decode(&packet.data, packet.pts, packet.duration)?;
//!         let frame = decoder.receive().expect("without look-ahead, every packet is shown");
//!         assert!(frame.picture().luma().row(0)[0].abs_diff(samples[0]) < 4);
//!     }
//! }
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! [`decoder::peek`] describes a packet without decoding it.
//!
//! The main loop of the decoder is in `decoder/frame.rs`, the main loop of the encoder in
//! `encoder/frame/mod.rs` and `encoder/row.rs`.
//!
//! # Where the sections of RFC 6386 are
//!
//! Paths are relative to `src`. Section 7, the bool coder, and section 8.1, trees, are in
//! [`codec_core::entropy`].
//!
//! | section | subject | file |
//! |---|---|---|
//! | 9.1, 9.2 | frame tag, key-frame header, sizes | `header/tag.rs`, `decoder/packet.rs` |
//! | 9.3 to 9.11, 19.2 | segments, filter, partitions, quantisers, references, probabilities | `header/` |
//! | 9.7, 9.8 | reference slots | `decoder/references.rs` |
//! | 10, 11, 16, 17 | segment ids, skip flags, intra and inter modes, motion vectors | `modes/` |
//! | 12 | intra prediction | `predict/intra.rs`, kernels `intra_*` |
//! | 13 | tokens and their probabilities | `residual/` |
//! | 14 | dequantisation, inverse transforms | `recon.rs`, kernels `idct_*`, `inverse_wht` |
//! | 15 | loop filters | `loop_filter/`, kernels `filter_*`, `simple_*` |
//! | 18 | motion compensation | `predict/inter.rs`, kernels `sixtap_*`, `bilinear_*` |
//! | all | tables of the standard | `tables.rs` |
//!
//! # Parts of the encoder
//!
//! | subject | file |
//! |---|---|
//! | main loop: codes one frame as its plan specifies; settings | `encoder/frame/`, `encoder/settings.rs` |
//! | main loop of a macroblock row; data shared by all rows; data passed to the row below | `encoder/row.rs`, `encoder/job.rs`, `encoder/row_context.rs` |
//! | mode decision | `encoder/decide_inter.rs`, `encoder/decide_intra.rs`, `encoder/decide_split.rs`, `encoder/candidates.rs` |
//! | motion search | `encoder/motion_search.rs` |
//! | prediction | `encoder/predict_inter.rs`, `encoder/predict_intra.rs`, `encoder/chroma.rs` |
//! | bit costs of modes, vectors and tokens; rate-distortion cost | `encoder/costs.rs`, `encoder/rate_table.rs`, `encoder/rate_distortion.rs` |
//! | transform and quantisation, trellis | `encoder/transform.rs`, `encoder/trellis.rs` |
//! | quantisers and lambda; segments; filter level | `encoder/quant.rs`, `encoder/segments.rs`, `encoder/loop_filter.rs` |
//! | tokens: levels, contexts, counts, store; probabilities and packing | `encoder/levels.rs`, `encoder/block_flags.rs`, `encoder/tokenizer.rs`, `encoder/token_counts.rs`, `encoder/store.rs`, `encoder/probability.rs`, `encoder/pack.rs` |
//! | speed presets 0 to 10 as named switches | `encoder/speed.rs` |
//! | copies of the unchanged macroblocks of screen content | `encoder/copy_mb.rs` |
//! | rate control, key frames, references, layers, look-ahead; description of VP8; codec-specific settings | [`codec_core::encoder`]; `encoder/controller.rs`, `encoder/description.rs`, `encoder/knobs.rs` |
//! | MB-tree: finer quantisers for content that stays visible for long; importance maps | [`codec_core::analysis`]; `encoder/offset_segments.rs` |

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
