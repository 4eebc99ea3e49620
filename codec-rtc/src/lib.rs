//! Real-time media transport over RTP as sans-I/O state machines: packets, jitter buffers,
//! congestion control, recovery and sessions.
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Time is an argument: a
//! [`Duration`](core::time::Duration) since an epoch that the caller chooses, the same for all
//! parts of one endpoint. Each state machine with timers reports its next deadline (`next_time`).
//!
//! | module | contents |
//! |---|---|
//! | [`rtp`] | RTP packets; [`sequence`]: sequence numbers and timestamps that wrap |
//! | [`extension`] | RTP header extensions, including the Dependency Descriptor |
//! | [`rtcp`] | RTCP packets; [`demux`]: classification of datagrams (RFC 7983) |
//! | [`report`] | loss, jitter and round-trip statistics, NTP time, RTCP feedback timing |
//! | [`sdp`] | SDP for plain RTP sessions |
//! | [`packet`] | payload formats: packetizers and depacketizers |
//! | [`fec`] | ULPFEC, FlexFEC and the choice of the FEC overhead |
//! | [`jitter`] | jitter buffers: packets become media in order and on time |
//! | [`sync`] | lip sync of audio and video |
//! | [`audio`] | loss resilience of sent audio: in-band FEC, RED, frame length |
//! | [`congestion`] | bandwidth estimate |
//! | [`allocation`] | division of the estimate among audio, video, FEC and retransmissions |
//! | [`adaptation`] | encoder bitrate, resolution and frame rate |
//! | [`pacer`] | pacing of packets |
//! | [`recovery`] | NACK, retransmission history, key-frame requests |
//! | [`forward`] | layer dropping for one subscriber (SFU) |
//! | `sframe` | end-to-end encrypted frames (feature `sframe`) |
//! | `srtp` | SRTP and SRTCP with externally negotiated keys (feature `srtp`) |
//! | [`session`] | sender and receiver that combine all of the above |
//! | [`link`] | network emulation in virtual time: rate, queue, delay, jitter, loss |

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
