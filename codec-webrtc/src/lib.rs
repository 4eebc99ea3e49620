//! A WebRTC peer as a sans-IO state machine, with ICE, DTLS, SRTP and SCTP from str0m.
//!
//! A [`Peer`] takes datagrams and time, and produces datagrams and [`Event`]s. Media is exchanged
//! as RTP payloads, so that the layer information of an encoder is preserved. The caller packetizes
//! coded frames ([`codec_rtc::packet`]), and reorders and assembles received packets
//! ([`codec_rtc::jitter`]).
//!
//! The crate contains no sockets: `codec-net` adds them (`peer_socket` for a peer of its own, WHIP, WHEP, a server). An
//! application exchanges the first offer and answer; later ones can go over a data channel ([`Negotiation`]).
//!
//! ```text
//! offer ─► Peer::answer ─► answer          datagram ─► handle_datagram ─┐
//!                                              time ─► handle_timeout ──┼─► poll_transmit, poll_event
//!                                          send_video, send_audio ──────┘
//! ```
//!
//! # Example
//!
//! Offer and answer, then ICE and DTLS over a network without delay. An application exchanges the
//! SDP over its signalling channel, and the datagrams over UDP sockets:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use codec_webrtc::{Certificate, Direction, Kind, LocalCandidate, MediaPlan, Peer, PeerConfig};
//!
//! let base = Instant::now();
//! let config = |secret: u8, address: &str| -> Result<PeerConfig, Box<dyn std::error::Error>> {
//!     // In practice: random bytes from the operating system, and the time since 1970.
//!     let unix_now = Duration::from_secs(1_800_000_000);
//!     let certificate = Certificate::generate(&[secret; 32], unix_now, 30)?;
//!     let mut config = PeerConfig::new(base, [secret + 1; 32], certificate);
//!     config.candidates.push(LocalCandidate::Host(address.parse()?));
//!     Ok(config)
//! };
//! let video = [MediaPlan::new(Kind::Video, Direction::SendReceive)];
//!
//! let mut now = Duration::ZERO;
//! let (mut caller, offer, pending, _) =
//!     Peer::offer(&config(1, "192.0.2.1:5000")?, &video, &[], now)?;
//! let (mut callee, answer) = Peer::answer(&offer, &config(3, "192.0.2.2:5000")?, now)?;
//! caller.accept_answer(pending, &answer, now)?;
//!
//! while !(caller.is_connected() && callee.is_connected()) && now < Duration::from_secs(10) {
//!     now += Duration::from_millis(10);
//!     caller.handle_timeout(now);
//!     callee.handle_timeout(now);
//!     while let Some(sent) = caller.poll_transmit() {
//!         callee.handle_datagram(now, sent.source, sent.destination, &sent.payload);
//!     }
//!     while let Some(sent) = callee.poll_transmit() {
//!         caller.handle_datagram(now, sent.source, sent.destination, &sent.payload);
//!     }
//!     while caller.poll_event().is_some() || callee.poll_event().is_some() {}
//! }
//! assert!(caller.is_connected() && callee.is_connected());
//!
//! // The caller is in another network: the session continues there after an ICE restart.
//! caller.add_local_candidate(LocalCandidate::Host("198.51.100.1:5000".parse()?), now)?;
//! let (offer, pending) = caller.restart_ice(now)?;
//! let answer = callee.answer_ice_restart(&offer, now)?;
//! caller.accept_answer(pending, &answer, now)?;
//!
//! // The callee shares its screen in the running session.
//! let screen = [MediaPlan::new(Kind::Video, Direction::SendOnly)];
//! let (offer, pending) = callee.offer_changes(&screen, &[], now)?;
//! let answer = caller.answer_changes(&offer, now)?;
//! callee.accept_answer(pending, &answer, now)?;
//! assert!(caller.is_connected() && callee.is_connected());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Call order
//!
//! [`Peer`] and [`turn::TurnClient`] follow the rules for state machines in [`codec_rtc`]: inputs
//! are `handle_datagram(now, ..)`, `handle_timeout(now)` and the methods that send. After each
//! input the caller drains `poll_transmit` and `poll_event` until both return `None`, then waits
//! for the next input until `poll_timeout`, and calls `handle_timeout` if that deadline is reached.
//!
//! # Properties
//!
//! **Randomness.** The caller provides the secrets of a session ([`PeerConfig::secret`],
//! [`Certificate::generate`]). DTLS takes nonces and ephemeral keys from the operating system, and
//! str0m uses its own generator for values that need not be secret, such as transaction ids and
//! SSRCs. The packets of two runs therefore differ.
//!
//! **Time** is a `Duration` since [`PeerConfig::base`], the only `Instant` required. NTP times in
//! sender reports come from the system clock.
//!
//! **Untrusted input.** SDP, candidates and datagrams are untrusted. [`PeerLimits`] bounds their
//! size and number and the memory of a peer; [`Counters`] counts dropped input. A panic in
//! str0m ends the session with [`ClosedReason::Internal`], not the process.
//!
//! **Media** ([`Codecs`]). Video: VP8 and, if enabled, VP9 (profile 0) and H.264 (packetization mode 1), with RTX and
//! with ULPFEC in RED; H.264 is sent with FEC only if its packets have a Dependency Descriptor. Audio: Opus (also in
//! RED, if enabled) and G.711. The bandwidth is estimated by [`codec_rtc::congestion`]. This crate, not str0m, writes and
//! encrypts the RTP that is sent (ADR 0066).
//!
//! **Forwarding.** [`PacketForwarder`] sends a received stream on another section, of the same peer or of another one.
//!
//! **Simulcast.** Offers declare up to three simulcast layers for a video section ([`MediaPlan::layers`]). Answers
//! accept the simulcast layers of an offer only if enabled ([`PeerConfig::simulcast`]). Simulcast layers have no FEC.
//!
//! **Change of the network.** Either endpoint can restart ICE ([`Peer::restart_ice`]): the session gets other credentials,
//! candidates and addresses, and continues with its DTLS connection, its SSRCs and its data channels. Signalling carries an
//! offer and an answer, or only [`IceParameters`].
//!
//! **Renegotiation.** Either endpoint adds media sections and changes directions in a running session; media continue
//! meanwhile. [`Negotiation`] exchanges the offers and answers over a data channel, also if both endpoints make an offer
//! at the same time. The docs of [`Peer::offer_changes`] describe the signalling for applications with a channel of
//! their own; [`Peer::answer_changes`] answers any later offer of the remote endpoint, also one with an ICE restart. To end the
//! media of a section, this endpoint makes it inactive; it also accepts offers that stop sections (port 0), as browsers
//! send.
//!
//! **Not supported:** certificates other than ECDSA (P-256, P-384); fingerprints other than SHA-256; DTLS versions
//! below 1.2; cipher suites without forward secrecy or authenticated encryption; SRTP profiles other than
//! `AEAD_AES_256_GCM`, `AEAD_AES_128_GCM` and `AES_CM_128_HMAC_SHA1_80`. A session with an endpoint that has only an
//! RSA certificate, such as `GStreamer` 1.22 by default, completes ICE but not DTLS, and ends with
//! [`ClosedReason::HandshakeRejected`].
//!
//! # Standards
//!
//! | standard | subject | module |
//! |---|---|---|
//! | RFC 8825 and its references | a WebRTC peer on top of str0m in RTP mode (ADR 0021) | [`Peer`] |
//! | RFC 6184, section 8.2.2 | profiles and levels of H.264 in offers and answers | [`H264Profiles`] |
//! | RFC 8853, RFC 8851 | simulcast in offers and answers | `simulcast.rs`, `media_sections.rs` |
//! | RFC 8829, section 4.1.8.2 | rollback if offers cross | [`Negotiation`] |
//! | RFC 8829, sections 5.2.2 and 5.3.2 | added media sections and changed directions in a running session | `peer/renegotiate.rs` |
//! | RFC 8445, section 9; RFC 8839 | ICE restarts | `ice.rs`, `peer/ice_restart.rs` |
//! | RFC 5109, RFC 2198 | ULPFEC in RED, in both directions (ADR 0025) | `red.rs`, `peer/` |
//! | draft-ietf-rmcat-gcc-02, TWCC | the bandwidth estimator of `codec-rtc` (ADR 0029) | `peer/congestion.rs` |
//! | RFC 3550, RFC 3711, RFC 4588, RFC 4585 | sent RTP: encryption, retransmissions, probes (ADR 0066) | `peer/egress/` |
//! | RFC 6347, RFC 5764 | DTLS and its ciphers; certificates | `provider/`, `certificate.rs` |
//! | RFC 8656, RFC 8489 | TURN and STUN client | [`turn`] |
//!
//! Paths are relative to `src`.

#![forbid(unsafe_code)]

mod address_filter;
mod buffers;
mod certificate;
mod config;
mod counters;
mod event;
mod extension;
mod formats;
mod h264;
mod ice;
mod media_sections;
mod negotiation;
mod packet_forwarder;
mod peer;
mod provider;
mod red;
mod sdp;
mod sdp_parse_error;
mod simulcast;
pub mod turn;
mod vp9;

#[cfg(test)]
mod tests;

pub use buffers::Buffers;
pub use certificate::{Certificate, CertificateError};
pub use config::{
    ChannelSettings, Codecs, DtlsVersions, LocalCandidate, MediaPlan, PeerConfig, PeerLimits,
};
pub use counters::Counters;
pub use event::{
    Channel, ClosedReason, Codec, Delivery, Direction, EstimateKind, Event, KeyFrameRequestKind,
    Kind, Media, Mid, NegotiatedCodec, PathStats, ReceivedStats, RtpPacket, SenderReport,
    SentStats, Stats,
};
pub use h264::H264Profiles;
pub use ice::IceParameters;
pub use media_sections::OfferedSection;
pub use negotiation::{ChangeId, CollisionRole, Negotiation, NegotiationError};
pub use packet_forwarder::PacketForwarder;
pub use peer::{Forwarded, Peer, PendingOffer, SendError, Transmit};
pub use sdp::SdpError;
pub use simulcast::SentStream;
