//! The two ends of a call: everything else of this crate put together.
//!
//! | | |
//! |---|---|
//! | [`Sender`] | coded frames and sound to datagrams; feedback to what the encoder is told |
//! | [`Receiver`] | datagrams to frames and sound; feedback |
//!
//! Neither knows sockets, clocks, encoders or decoders. Both are told the time, and say when they
//! want to be asked again (`poll_timeout`).

mod audience;
mod audio_in;
mod audio_out;
mod config;
mod dependencies;
mod frames;
mod outgoing;
mod protect;
mod receiver;
#[cfg(test)]
#[cfg(feature = "sframe")]
mod sealed_tests;
mod sealing;
mod sender;
mod start;
mod stats;
#[cfg(test)]
mod tests;
mod video_in;
mod video_out;

pub use audio_out::AudioPacket;
pub use config::{
    AudioStream, PacketFeedback, ReceiverConfig, RepairStream, SenderConfig, Streams, VideoFec,
    VideoStream,
};
pub use receiver::{MAX_DATAGRAM_BYTES, Receiver, ReceiverEvent};
pub use sender::{Sender, SenderEvent};
pub use stats::{ReceiverStats, RemoteInbound, SenderStats, Traffic};
pub use video_out::VideoOutCounters;
