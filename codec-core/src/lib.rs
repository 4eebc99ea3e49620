//! Real-time video and audio codecs: a VP8 encoder and decoder, adapters of other codec libraries,
//! and the building blocks that they share (motion search, rate control, entropy coding, look-ahead
//! analysis, frame types).
//!
//! Everything here is sans-IO: the crate starts no threads, reads no clock, and touches no files or
//! environment variables. Time is an argument, parallel work runs on a [`parallel::Pool`] that the
//! caller passes in, and the SIMD level is a configuration field.
//!
//! Start with [`registry::find`], or with [`codec::VideoEncoder`] and [`codec::VideoDecoder`]:
//!
//! ```
//! use codec_core::codec::{
//!     Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Outcome, Packet, Update,
//! };
//! use codec_core::frame::{Picture, Rational, Size};
//!
//! let size = Size::new(320, 180);
//! let config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(300));
//! let vp8 = codec_core::registry::find("vp8")?;
//! let (Some((open_encoder, _)), Some((open_decoder, _))) = (vp8.encoder, vp8.decoder) else {
//!     unreachable!("the native backend has both");
//! };
//! let mut encoder = open_encoder(&config)?;
//! let mut decoder = open_decoder(&DecoderConfig::default())?;
//! let mut packet = Packet::default();
//!
//! for pts in 0..5 {
//!     let samples: Vec<u8> = (0..size.i420_bytes()).map(|i| (i + 7 * pts) as u8).collect();
//!     let picture = Picture::i420_packed(size, &samples)?;
//!     if pts == 3 {
//!         encoder.apply(Update::Bitrate(Bitrate::kbps(150)))?; // from the next frame, no key frame
//!     }
//!     match encoder.encode(&picture, &FrameRequest::at(pts as i64))? {
//!         Outcome::Coded => {}
//!         Outcome::Dropped { reason, .. } => println!("frame {pts} dropped: {reason:?}"),
//!         _ => {}
//!     }
//!     while encoder.receive(&mut packet) {
//!         decoder.decode(&packet.data, packet.pts, packet.duration)?;
//!         let frame = decoder.receive().expect("no look-ahead: every packet is shown");
//!         assert_eq!((frame.pts, frame.size()), (pts as i64, size));
//!     }
//! }
//! # Ok::<(), codec_core::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod analysis;
pub mod audio;
mod backend;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod entropy;
pub mod error;
pub mod frame;
pub mod g711;
pub mod metrics;
pub mod motion;
pub mod parallel;
mod pcm;
pub mod rate;
pub mod registry;
pub mod vp8;

pub use codec_simd as simd;
pub use error::Error;
