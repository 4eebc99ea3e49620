//! Sender and receiver of a session, which combine packetization, FEC, retransmission, jitter buffers,
//! congestion control and pacing from the other modules of this crate.
//!
//! | type | purpose |
//! |---|---|
//! | [`Sender`] | coded frames and audio to datagrams; RTCP feedback to encoder settings |
//! | [`Receiver`] | datagrams to frames and audio; RTCP feedback |
//!
//! Both are sans-IO, without sockets, clocks, encoders or decoders. The caller passes the time and
//! calls again at the deadline returned by `poll_timeout`. The [crate] documentation has the
//! call order and a complete example.
//!
//! Sender and receiver must be configured with the same [`Streams`], which an application exchanges
//! as SDP ([`crate::sdp`]) or through its own signalling. [`SenderConfig::new`] and
//! [`ReceiverConfig::new`] enable every mechanism whose payload types, SSRCs and header extensions are
//! in these streams: retransmission, FEC, recovery from acknowledged reference frames, congestion
//! control.

mod audio_in;
mod audio_out;
#[cfg(test)]
mod call_tests;
mod config;
mod dependencies;
mod e2ee;
#[cfg(test)]
#[cfg(feature = "sframe")]
mod e2ee_tests;
mod error;
mod fec;
mod frames;
mod initial_sequence;
mod outgoing;
mod receiver;
mod reporters;
mod sender;
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
pub use dependencies::FrameDescriber;
pub use error::SendError;
pub use receiver::{MAX_DATAGRAM_BYTES, Receiver, ReceiverEvent};
pub use sender::{Sender, SenderEvent};
pub use stats::{ReceiverStats, RemoteInbound, SenderStats, Traffic};
pub use video_out::VideoSendCounters;
