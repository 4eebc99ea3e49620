//! Interoperability of our sender and receiver with ffmpeg and `GStreamer`, over UDP on the local
//! host.
//!
//! Every coded frame and audio packet must arrive unchanged, and decode to the encoder's
//! reconstruction (or to the output of ffmpeg's decoder for the same file). If a program is
//! missing, a test prints that and passes; with `CODEC_COUNTERPARTS` set, it fails. A plain
//! `cargo test` skips the long tests, among them those with `GStreamer`; `CODEC_TESTS=all` runs all.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers: a panic is the report"
)]

#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of other crates")]
mod depth;
mod fec;
mod h264;
mod incoming;
mod layers;
mod media;
mod outgoing;
mod programs;
#[cfg(feature = "srtp")]
mod srtp;
mod streams;
mod vp9;
mod wire;
