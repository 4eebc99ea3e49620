//! The traits of video codecs, and the building blocks that block-based codecs share: frame types,
//! entropy coding, motion search, look-ahead analysis and rate control.
//!
//! Everything here is sans-IO: the crate starts no threads, reads no clock, and touches no files or
//! environment variables. Time is an argument, parallel work runs on a [`parallel::Pool`] that the
//! caller passes in, and the SIMD level is a configuration field.
//!
//! Start at [`codec::VideoEncoder`] and [`codec::VideoDecoder`]. A codec is implemented in a crate
//! of its own, which depends on this one and exports a [`codec::Backend`].
//!
//! # Example
//!
//! Compute the PSNR of two frames. Functions on frames need no codec; for encoding and decoding see
//! the traits in [`codec`].
//!
//! ```
//! use codec_core::frame::{FrameBuf, Picture, PictureInfo, Size};
//! use codec_core::metrics;
//!
//! let size = Size::new(64, 48);
//! let samples: Vec<u8> = (0..size.i420_bytes()).map(|i| (i % 251) as u8).collect();
//! let picture = Picture::i420_packed(size, &samples)?;
//!
//! let mut copy = FrameBuf::copy_of(&picture);
//! copy.planes_mut()[0].row_mut(0)[0] = 10;
//! let psnr = metrics::psnr(&picture, &copy.picture(PictureInfo::default()))?;
//! assert!(psnr.y > 60.0);
//! assert_eq!(psnr.u, 100.0); // identical planes: capped at 100 dB
//! # Ok::<(), codec_core::error::ConfigError>(())
//! ```
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`codec`] | traits, configuration, packets and their metadata, capabilities, traces |
//! | [`frame`] | borrowed and pooled frames, sizes, colour description |
//! | [`entropy`] | the bool coder of RFC 6386, section 7, with sinks that write or count bits; trees |
//! | [`motion`] | integer and sub-pixel motion search |
//! | [`analysis`] | half-size plane, block costs, scene cuts, scrolling, temporal filter, MB-tree |
//! | [`denoise`] | temporal denoiser for camera video |
//! | [`encoder`] | the part of an encoder that all codecs share: rate control, references, look-ahead |
//! | [`rate`] | rate control, temporal layers, look-ahead, two-pass planning |
//! | [`simulcast`] | one input as several streams of different sizes, with any encoder |
//! | [`fixed`] | logarithms and powers in fixed point, the same on every machine |
//! | [`annex_b`] | byte streams of NAL units (H.264, also H.265) |
//! | [`parallel`] | the thread pool interface, wavefront progress, decoding in stages (parsing, luma, chroma) |
//! | [`metrics`] | SSE, PSNR, SSIM |
//! | `conformance` | checks for backends (feature `conformance`) |

#![forbid(unsafe_code)]

pub mod analysis;
pub mod annex_b;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod denoise;
pub mod encoder;
pub mod entropy;
pub mod error;
pub mod fixed;
pub mod frame;
pub mod metrics;
pub mod motion;
pub mod parallel;
pub mod rate;
pub mod simulcast;

pub use codec_simd as simd;
pub use error::Error;
