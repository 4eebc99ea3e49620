//! Block-based video codecs behind one pair of traits, and what they share.
//!
//! Everything here is sans-IO: no threads, clocks, files or environment variables of its own.
//! Time is an argument, parallel work goes to a [`parallel::Pool`] that is handed in, and the
//! instruction set is a field of the configuration.
//!
//! Start at [`registry::find`], or at [`codec::VideoEncoder`] and [`codec::VideoDecoder`].

#![forbid(unsafe_code)]

pub mod analysis;
pub mod codec;
pub mod entropy;
pub mod error;
pub mod frame;
pub mod metrics;
pub mod motion;
pub mod parallel;
pub mod rate;
pub mod registry;
pub mod vp8;

pub use codec_simd as simd;
pub use error::Error;
