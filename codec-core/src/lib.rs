//! Real-time video and audio codecs: a VP8 encoder and decoder, adapters of other codec libraries,
//! and the building blocks that they share (motion search, rate control, entropy coding, look-ahead
//! analysis, frame types).
//!
//! Everything here is sans-IO: the crate starts no threads, reads no clock, and touches no files or
//! environment variables. Time is an argument, parallel work runs on a [`parallel::Pool`] that the
//! caller passes in, and the SIMD level is a configuration field.
//!
//! Start at [`codec::VideoEncoder`] and [`codec::VideoDecoder`]. A codec is a crate over this one and
//! a [`codec::Backend`] that opens it.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod entropy;
pub mod error;
pub mod frame;
pub mod metrics;
pub mod motion;
pub mod parallel;
pub mod rate;

pub use codec_simd as simd;
pub use error::Error;
