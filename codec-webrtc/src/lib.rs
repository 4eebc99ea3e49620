//! One end of a WebRTC call: ICE, DTLS, SRTP, SCTP by str0m, driven without sockets.
//!
//! A [`Peer`] is fed datagrams and time and gives datagrams and [`Event`]s. Media goes in and out
//! as RTP payloads, so that what an encoder says of its layers arrives; reordering, frames and
//! decoding are the caller's ([`packet`](codec_rtc::packet)).
//!
//! ```text
//! offer ─► Peer::answer ─► answer          datagram ─► handle_datagram ─┐
//!                                              time ─► handle_timeout ──┼─► poll_transmit, poll_event
//!                                          send_video, send_audio ──────┘
//! ```
//!
//! # Call order
//!
//! [`Peer`] and [`turn::TurnClient`] are state machines as those of [`codec_rtc`]: inputs are
//! `handle_datagram(now, ..)`, `handle_timeout(now)` and the methods that send. After each input the
//! caller drains `poll_transmit` and `poll_event` until both return `None`, then waits for the next
//! input, at the latest until `poll_timeout`, and calls `handle_timeout` then.
//!
//! # Properties
//!
//! **Randomness.** Secrets of the call are bytes that the caller hands in ([`PeerConfig::secret`],
//! [`Certificate::generate`]). Below, DTLS takes nonces and ephemeral keys from the operating
//! system, and str0m draws transaction numbers, SSRCs and the like, which need not be secret, from
//! a generator of its own: two runs differ in those bytes.
//!
//! **Time** is a `Duration` since [`PeerConfig::base`], the one `Instant` that is asked for. The
//! NTP times of sender reports are of the machine's clock.
//!
//! **What is refused.** Certificates other than ECDSA (P-256, P-384): peers with nothing but RSA,
//! such as `GStreamer` 1.22 by default, get no further than ICE. Fingerprints other than
//! SHA-256. DTLS below 1.2; suites without forward secrecy or authenticated encryption; SRTP
//! profiles other than `AEAD_AES_256_GCM`, `AEAD_AES_128_GCM` and `AES_CM_128_HMAC_SHA1_80`.

#![forbid(unsafe_code)]

mod certificate;
mod config;
mod event;
mod extension;
mod guard;
mod lines;
mod peer;
mod provider;
mod red;
mod sdp;
mod sdp_error;
pub mod turn;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateError};
pub use config::{
    ChannelSettings, Codecs, DtlsVersions, LocalCandidate, MediaPlan, PeerConfig, PeerLimits,
};
pub use event::{
    Channel, ClosedReason, Codec, Delivery, Direction, EstimateKind, Event, KeyFrameRequestKind,
    Kind, Media, Mid, NegotiatedCodec, PathStats, ReceivedStats, RtpPacket, SenderReport,
    SentStats, Stats,
};
pub use guard::Counters;
pub use lines::OfferedLine;
pub use peer::{Peer, PendingOffer, SendError, Transmit};
pub use sdp::SdpError;
