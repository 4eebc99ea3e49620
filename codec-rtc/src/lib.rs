//! Real-time transport of coded media, as plain state machines: input, output, timeout.
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Time is an argument: a
//! [`Duration`](core::time::Duration) since a beginning that the caller chooses, the same for all
//! parts of one end. What waits for something says until when (`next_time`).
//!
//! | module | |
//! |---|---|
//! | [`rtp`] | RTP packets; [`sequence`] numbers and timestamps that wrap |
//! | [`extension`] | what RTP header extensions say, among it the Dependency Descriptor |
//! | [`rtcp`] | RTCP packets; [`demux`] tells datagrams apart |
//! | [`report`] | losses, jitter, round trips, clocks; when feedback is due |
//! | [`sdp`] | descriptions of RTP sessions |
//! | [`packet`] | payload formats: coded frames to packets and back |
//! | [`fec`] | packets made of others: ULPFEC, FlexFEC, and how many repair packets are worth it |
//! | [`jitter`] | what arrives becomes media in its order and time |
//! | [`sync`] | sound and picture at the same time |
//! | [`audio`] | how a sender protects sound |
//! | [`congestion`] | how much may be sent |
//! | [`allocation`] | who gets what of it |
//! | [`adaptation`] | what the encoder is told |
//! | [`pacer`] | when packets leave |
//! | [`recovery`] | key-frame requests, retransmission |
//! | [`forward`] | layers left out for one viewer |
//! | `sframe` | frames encrypted end to end (feature `sframe`) |
//! | `srtp` | encryption with keys that are given (feature `srtp`) |
//! | `webrtc` | one end of a WebRTC call, and a TURN client (feature `webrtc`) |
//! | [`session`] | the two ends of a call: all of the above put together |
//! | [`link`] | a link in virtual time: rate, queue, delay, jitter, loss |

#![forbid(unsafe_code)]

pub mod adaptation;
pub mod allocation;
pub mod audio;
pub mod congestion;
pub mod demux;
pub mod extension;
pub mod fec;
pub mod forward;
pub mod jitter;
pub mod link;
pub mod pacer;
pub mod packet;
pub mod recovery;
#[cfg(any(feature = "srtp", feature = "sframe"))]
mod replay;
pub mod report;
pub mod rng;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sequence;
pub mod session;
#[cfg(feature = "sframe")]
pub mod sframe;
#[cfg(feature = "srtp")]
pub mod srtp;
pub mod sync;
#[cfg(feature = "webrtc")]
pub mod webrtc;
