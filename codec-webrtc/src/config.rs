//! What a peer is told before a call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_core::codec::Bitrate;

use super::{Certificate, Direction, Kind};
use codec_rtc::congestion::ControllerConfig;

/// Settings of a [`Peer`](super::Peer).
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The moment of `Duration::ZERO`. Close to the present: str0m does not look further back than
    /// an hour before the first peer of the process.
    pub base: Instant,
    /// **Secret random bytes**, new for each call: the ICE user name and password are made of them.
    pub secret: [u8; 32],
    /// Who this end is.
    pub certificate: Certificate,
    /// Answers connectivity checks and makes none (RFC 8445, section 2.5): for servers that every
    /// peer can reach.
    pub ice_lite: bool,
    /// Addresses under which this end is reached, at most 64.
    pub candidates: Vec<LocalCandidate>,
    /// What may be negotiated.
    pub codecs: Codecs,
    /// Versions of DTLS.
    pub dtls: DtlsVersions,
    /// Estimation of the bandwidth to the other end, beginning with this rate; `None`: off.
    pub start_bitrate: Option<Bitrate>,
    /// Estimate the bandwidth by [`congestion`](codec_rtc::congestion) in place of the stack's own
    /// estimator, which then only sends the padding of probes. Needs `start_bitrate`; settings
    /// outside their range leave the stack's estimator in place. Copies every packet once.
    pub congestion: Option<ControllerConfig>,
    /// Pictures leave at 1.1 times the estimate, by the stack's pacer. Off, they leave as they come,
    /// and a [`Pacer`](codec_rtc::pacer::Pacer) before the peer can let them go in quicker bursts.
    pub paced: bool,
    /// Tell which packets have arrived ([`Event::Delivery`](super::Event::Delivery)). Copies every
    /// packet once.
    pub acknowledgements: bool,
    /// How often [`Event::Stats`](super::Event::Stats) comes; `None`: never.
    pub stats_interval: Option<Duration>,
    /// Bytes that may wait in all data channels until the other end has acknowledged them.
    pub channel_buffer_bytes: usize,
    /// Bounds of what the other end may cause.
    pub limits: PeerLimits,
}

impl PeerConfig {
    /// Full ICE, VP8 and Opus and G.711, estimation from 1 Mb/s without pacing, statistics each second.
    #[must_use]
    pub fn new(base: Instant, secret: [u8; 32], certificate: Certificate) -> Self {
        Self {
            base,
            secret,
            certificate,
            ice_lite: false,
            candidates: Vec::new(),
            codecs: Codecs::default(),
            dtls: DtlsVersions::default(),
            start_bitrate: Some(Bitrate::kbps(1000)),
            congestion: None,
            paced: false,
            acknowledgements: false,
            stats_interval: Some(Duration::from_secs(1)),
            channel_buffer_bytes: 1 << 20,
            limits: PeerLimits::default(),
        }
    }
}

/// An address under which this end is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCandidate {
    /// A socket of this machine. Behind an address translation that is known: the outer address.
    Host(SocketAddr),
    /// An address on a TURN server, and the socket that speaks with the server.
    Relayed {
        /// What the other end sends to. Datagrams come with this as their destination, and leave
        /// with it as their source ([`Transmit::source`](super::Transmit::source)).
        relayed: SocketAddr,
        /// The socket.
        local: SocketAddr,
    },
    /// The address that a STUN server sees a socket under.
    ServerReflexive {
        /// What the other end sends to.
        outer: SocketAddr,
        /// The socket.
        local: SocketAddr,
    },
}

/// Codecs that may be negotiated. Others have no seat yet in RTP mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of codecs")]
pub struct Codecs {
    /// VP8 with retransmission.
    pub vp8: bool,
    /// Correction of VP8 where packets are lost: ULPFEC in RED (RFC 5109, RFC 2198).
    pub ulpfec: bool,
    /// Opus with in-band FEC.
    pub opus: bool,
    /// G.711 mu-law.
    pub pcmu: bool,
    /// G.711 A-law.
    pub pcma: bool,
}

impl Codecs {
    /// VP8 with correction.
    pub(super) fn has_correction(self) -> bool {
        self.vp8 && self.ulpfec
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Self { vp8: true, ulpfec: true, opus: true, pcmu: true, pcma: true }
    }
}

/// Versions of DTLS that this end takes part in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtlsVersions {
    /// 1.2 (RFC 6347).
    #[default]
    V1_2,
    /// 1.3 (RFC 9147), or 1.2 with a peer that does not speak it.
    V1_3OrV1_2,
}

/// Bounds of what the other end may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimits {
    /// Bytes of an SDP.
    pub sdp_bytes: usize,
    /// `m=` lines of an SDP.
    pub media_lines: usize,
    /// Lines of audio, and of video, that are taken of an offer; the answer rejects more of them.
    pub lines_of_a_kind: usize,
    /// Candidates of an SDP, and of this end.
    pub candidates: usize,
    /// Longest datagram that is looked at.
    pub datagram_bytes: usize,
    /// Datagrams each second from addresses that have not proved themselves, and how many at once.
    pub unverified_per_second: u32,
    /// Sources of media of the other end, those of retransmissions among them.
    pub sources: usize,
    /// Time from the beginning to a working connection.
    pub handshake: Duration,
    /// Without a valid answer to a connectivity check for so long the call ends (RFC 7675).
    pub consent: Duration,
    /// Data channels at a time.
    pub channels: usize,
    /// Datagrams and events that wait for the caller, each; beyond them the oldest are dropped.
    pub queue: usize,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self {
            sdp_bytes: 64 << 10,
            media_lines: 32,
            lines_of_a_kind: 32,
            candidates: 64,
            datagram_bytes: 2048,
            unverified_per_second: 1000,
            sources: 16,
            handshake: Duration::from_secs(30),
            consent: Duration::from_secs(30),
            channels: 64,
            queue: 4096,
        }
    }
}

/// A line of media in an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// Sound or picture.
    pub kind: Kind,
    /// As this end sees it.
    pub direction: Direction,
    /// Media with the same name belong together and are played in step (`a=msid`).
    pub stream: Option<String>,
}

/// A data channel to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// What it is for.
    pub label: String,
    /// In the order of sending.
    pub ordered: bool,
    /// Times that a message is sent again before it is given up; `None`: until it arrives.
    pub max_retransmissions: Option<u16>,
}

impl ChannelSettings {
    /// Ordered and reliable.
    #[must_use]
    pub fn reliable(label: &str) -> Self {
        Self { label: label.to_owned(), ordered: true, max_retransmissions: None }
    }
}
