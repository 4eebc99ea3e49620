//! RTP payload formats: packetizers and depacketizers.
//!
//! | format | standard | module |
//! |---|---|---|
//! | VP8 | RFC 7741 | [`vp8`] |
//! | H.264 | RFC 6184 | [`h264`] |
//! | VP9 | RFC 9628 | [`vp9`] |
//! | Opus | RFC 7587 | [`opus`] |
//! | A-law, mu-law | RFC 3551 | [`g711`] |
//! | redundant audio (RED) | RFC 2198 | [`red`] |
//! | retransmission (RTX) | RFC 4588 | [`rtx`] |
//!
//! [`VideoPacketizer`] handles any of the video formats. [`Format`] lists all formats above and others that
//! have no packetizer here; [`Payload`] adds payload type and clock rate.

mod audio_packetizer;
mod format;
pub mod g711;
pub mod h264;
pub mod opus;
mod parts;
pub mod red;
pub mod rtx;
mod video_packetizer;
pub mod vp8;
pub mod vp9;

pub use audio_packetizer::AudioPacketizerConfig;
pub use format::{Format, Media, Payload, VideoFormat};
pub use video_packetizer::{VideoPacketizer, VideoPacketizerConfig};
