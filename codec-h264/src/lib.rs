//! H.264 (ITU-T H.264, ISO/IEC 14496-10) encoder and decoder that implement the traits of
//! [`codec_core::codec`]. They start no threads and access no clock, file or environment variable;
//! parallel work runs on a thread pool that the caller passes in.
//!
//! Packets are access units in Annex B format. The modules outside of [`encoder`] and [`decoder`]
//! are shared by both: syntax, tables, references, prediction, transform and deblocking.
//!
//! # Examples
//!
//! Encode frames in real time and decode them. Each decoded frame equals the encoder's
//! reconstruction; with `report_digest`, the metadata of each packet contains a digest of the
//! reconstruction:
//!
//! ```
//! use codec_core::codec::{
//!     Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, VideoDecoder, VideoEncoder,
//! };
//! use codec_core::frame::{Picture, Rational, Size};
//!
//! let size = Size::new(320, 180);
//! let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(300));
//! config.report_digest = true;
//! let mut encoder = codec_h264::encoder::open(&config)?;
//! let mut decoder = codec_h264::decoder::open(&DecoderConfig::default())?;
//! let mut packet = Packet::default();
//!
//! for pts in 0..5 {
//!     let samples: Vec<u8> = (0..size.i420_bytes()).map(|i| (i + 7 * pts) as u8).collect();
//!     let picture = Picture::i420_packed(size, &samples)?;
//!     encoder.encode(&picture, &FrameRequest::at(pts as i64))?;
//!     while encoder.receive(&mut packet) {
//!         decoder.decode(&packet.data, packet.pts, packet.duration)?;
//!         let frame = decoder.receive().expect("real-time streams do not reorder frames");
//!         assert_eq!(packet.meta.digest, Some(frame.digest()));
//!     }
//! }
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! Decode an access unit:
//!
//! ```
//! use codec_core::codec::{DecoderConfig, VideoDecoder};
//!
//! // Parameter sets and an IDR picture of one macroblock.
//! let unit = [
//!     0, 0, 0, 1, 0x67, 66, 0, 30, 0xda, 0x79, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80, 0, 0, 0, 1, 0x65,
//!     0x88, 0x84, 0x93, 0xc0,
//! ];
//! let mut decoder = codec_h264::decoder::open(&DecoderConfig::default())?;
//! assert!(decoder.decode(&unit, 0, None)?.shown);
//! let frame = decoder.receive().expect("this stream does not reorder frames");
//! assert_eq!(frame.picture().luma().row(15), [128; 16]);
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! # Where the clauses of ITU-T H.264 are
//!
//! Paths are relative to `src`.
//!
//! | clause | subject | file |
//! |---|---|---|
//! | 7.2, 7.3 | descriptors, names and ranges of syntax elements | `bits/`, `syntax.rs` |
//! | 7.3.1, annex B | NAL units, byte stream | `nal/`, `bits/unescape.rs` |
//! | 7.3.2.1, 7.3.2.2, annex E | parameter sets | `params/` |
//! | 7.3.2.3, annex D | SEI messages: recovery points, buffering periods, picture timing | `sei.rs` |
//! | 7.3.3, 7.4.1.2.4 | slice headers, first slice of a picture | `slice/` |
//! | 7.3.4, 7.3.5 | slice data, macroblocks | `decoder/slice_data.rs`, `decoder/parse/`, `encoder/write/` |
//! | 8.2.1 | picture order counts | `picture_order.rs` |
//! | 8.2.4, 8.2.5 | reference lists and marking | `references/lists.rs`, `references/marking.rs` |
//! | 8.3 | intra prediction | `predict/intra/` |
//! | 8.4 | inter prediction, direct modes, weights | `decoder/reconstruct/inter.rs`, `decoder/direct.rs`, `decoder/weights.rs` |
//! | 8.5 | transform | `transform/`, kernels `h264_*` |
//! | 8.7 | deblocking | `deblock/` |
//! | 9.1 to 9.3 | Exp-Golomb codes, CAVLC, CABAC | `bits/`, `cavlc/`, `cabac/` |
//! | annex A | levels | `params/level.rs` |
//! | annex C.1, E.1.2 | hypothetical reference decoder (HRD) | `encoder/hrd.rs` |
//! | annex C.4 | output order | `references/output.rs` |

#![forbid(unsafe_code)]

pub mod bits;
pub mod cabac;
pub mod cavlc;
mod deblock;
pub mod decoder;
pub mod encoder;
pub mod fixed_list;
mod macroblock;
pub mod nal;
pub mod params;
pub mod picture;
pub mod picture_order;
mod planes;
pub mod predict;
pub mod references;
pub mod sei;
pub mod slice;
pub mod syntax;
pub mod tables;
pub mod transform;

use codec_core::codec::{Backend, Codec};

/// `h264/native`: the encoder and the decoder of this crate.
pub const BACKEND: Backend = Backend {
    codec: Codec::H264,
    name: "native",
    encoder: Some((encoder::open, &encoder::CAPABILITIES)),
    decoder: Some((decoder::open, decoder::capabilities())),
};
