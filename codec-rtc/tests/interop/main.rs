//! Our two ends of a call beside ffmpeg's and `GStreamer`'s, over UDP on this machine.
//!
//! Every coded frame and packet of sound must arrive as it left, and decode to what its encoder (or
//! ffmpeg's decoder of the same file) says. Where a program is missing, a test says so and passes;
//! with `CODEC_COUNTERPARTS` set that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod correction;
mod counterpart;
mod describe;
mod incoming;
mod layers;
mod media;
mod outgoing;
#[cfg(feature = "srtp")]
mod secure;
mod wire;
