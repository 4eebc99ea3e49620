//! Peer configuration.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_core::codec::Bitrate;

use super::{Buffers, Certificate, Direction, H264Profiles, Kind};
use codec_rtc::congestion::ControllerConfig;
use codec_rtc::extension::Label;
use codec_rtc::packet::VideoFormat;

/// Configuration of a [`Peer`](super::Peer).
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The `Instant` that corresponds to `Duration::ZERO`. Must be at most an hour before the
    /// creation of the first peer of the process, which is a limit of str0m.
    pub base: Instant,
    /// **Secret random bytes**, new for each session, from which the ICE user name and password are
    /// derived.
    pub secret: [u8; 32],
    /// DTLS certificate of this endpoint.
    pub certificate: Certificate,
    /// ICE-lite: responds to connectivity checks without sending any (RFC 8445, section 2.5), for
    /// servers with public addresses. Default `false`.
    pub ice_lite: bool,
    /// Local ICE candidates, at most [`PeerLimits::candidates`]; default none.
    pub candidates: Vec<LocalCandidate>,
    /// Codecs to negotiate.
    pub codecs: Codecs,
    /// Whether answers accept several layers of a media section (RFC 8853), for servers that select
    /// one for each viewer; default `false`.
    pub simulcast: bool,
    /// Versions of DTLS; default 1.2 only.
    pub dtls: DtlsVersions,
    /// Initial bandwidth estimate; with `None`, no estimate is made. Default 1 Mb/s.
    pub start_bitrate: Option<Bitrate>,
    /// Limits of the bandwidth estimate ([`congestion`](codec_rtc::congestion)), if there is one. Invalid
    /// settings are ignored. Default `None`: the defaults of [`ControllerConfig`], starting at `start_bitrate`.
    pub congestion: Option<ControllerConfig>,
    /// Whether to report the delivery of packets ([`Event::Delivery`](super::Event::Delivery)).
    /// Default `false`.
    pub acknowledgements: bool,
    /// Interval of [`Event::Stats`](super::Event::Stats); `None` disables it. Default 1 s.
    pub stats_interval: Option<Duration>,
    /// Maximum number of unacknowledged bytes in all data channels; default 1 MiB.
    pub channel_buffer_bytes: usize,
    /// Memory for datagrams, which several peers can share. By default, each peer has its own.
    pub buffers: Buffers,
    /// Limits on the resources that the remote endpoint can use.
    pub limits: PeerLimits,
}

impl PeerConfig {
    /// Full ICE, the default [`Codecs`], bandwidth estimate from 1 Mb/s, statistics every second.
    #[must_use]
    pub fn new(base: Instant, secret: [u8; 32], certificate: Certificate) -> Self {
        Self {
            base,
            secret,
            certificate,
            ice_lite: false,
            candidates: Vec::new(),
            codecs: Codecs::default(),
            simulcast: false,
            dtls: DtlsVersions::default(),
            start_bitrate: Some(Bitrate::kbps(1000)),
            congestion: None,
            acknowledgements: false,
            stats_interval: Some(Duration::from_secs(1)),
            channel_buffer_bytes: 1 << 20,
            buffers: Buffers::default(),
            limits: PeerLimits::default(),
        }
    }
}

/// A local ICE candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCandidate {
    /// Address of a local socket, or the known public address of a NAT in front of it.
    Host(SocketAddr),
    /// Relay candidate: an address on a TURN server, with the socket that communicates with the
    /// server.
    Relayed {
        /// Relayed address. Incoming datagrams have it as their destination, and outgoing ones as
        /// their source ([`Transmit::source`](super::Transmit::source)).
        relayed: SocketAddr,
        /// Address of the socket.
        local: SocketAddr,
    },
    /// Server-reflexive candidate: the address of a socket as seen by a STUN server.
    ServerReflexive {
        /// Public address.
        mapped: SocketAddr,
        /// Address of the socket.
        local: SocketAddr,
    },
}

/// Codecs to negotiate. The default is VP8 with ULPFEC, Opus without RED, and G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of codecs")]
pub struct Codecs {
    /// VP8 with RTX.
    pub vp8: bool,
    /// Profiles of H.264 in packetization mode 1, with RTX; default none.
    pub h264: H264Profiles,
    /// VP9 of profile 0 with RTX; default `false`.
    pub vp9: bool,
    /// The video codec that offers and answers list first, if it is enabled; default VP8.
    pub preferred_video: VideoFormat,
    /// FEC for video under packet loss: ULPFEC in RED (RFC 5109, RFC 2198).
    pub ulpfec: bool,
    /// Opus with in-band FEC.
    pub opus: bool,
    /// Opus in RED (RFC 2198) in addition to plain Opus: see
    /// [`Peer::send_redundant_audio`](super::Peer).
    pub opus_red: bool,
    /// G.711 mu-law.
    pub pcmu: bool,
    /// G.711 A-law.
    pub pcma: bool,
}

impl Codecs {
    /// Whether video with FEC is enabled.
    pub(super) fn has_fec(self) -> bool {
        (self.vp8 || self.vp9 || !self.h264.is_empty()) && self.ulpfec
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Self {
            vp8: true,
            h264: H264Profiles::NONE,
            vp9: false,
            preferred_video: VideoFormat::Vp8,
            ulpfec: true,
            opus: true,
            opus_red: false,
            pcmu: true,
            pcma: true,
        }
    }
}

/// Supported DTLS versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtlsVersions {
    /// 1.2 only (RFC 6347).
    #[default]
    V1_2,
    /// 1.3 (RFC 9147), or 1.2 with a peer that does not support it.
    V1_3OrV1_2,
}

/// Limits on the resources that the remote endpoint can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimits {
    /// Size of an SDP in bytes; default 64 KiB.
    pub sdp_bytes: usize,
    /// Number of media sections in an SDP; default 32.
    pub media_sections: usize,
    /// Number of audio sections, and of video sections, accepted from an offer; the answer rejects
    /// further ones. Default 32.
    pub sections_per_kind: usize,
    /// Number of candidates, remote and local each; default 64.
    pub candidates: usize,
    /// Maximum datagram size in bytes; default 2048.
    pub datagram_bytes: usize,
    /// Datagrams per second from unverified addresses, and their burst size; default 1000.
    pub unverified_per_second: u32,
    /// Number of SSRCs of the remote endpoint, including RTX; default 16.
    pub sources: usize,
    /// Time until the connection must be established; default 30 s.
    pub handshake: Duration,
    /// Timeout without a valid response to connectivity checks (RFC 7675); default 30 s.
    pub consent: Duration,
    /// Number of ICE restarts in any minute, by both endpoints; default 10.
    pub ice_restarts: usize,
    /// Number of data channels; default 64.
    pub channels: usize,
    /// Number of queued datagrams, and of events; the oldest are dropped. Default 4096.
    pub queue: usize,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self {
            sdp_bytes: 64 << 10,
            media_sections: 32,
            sections_per_kind: 32,
            candidates: 64,
            datagram_bytes: 2048,
            unverified_per_second: 1000,
            sources: 16,
            handshake: Duration::from_secs(30),
            consent: Duration::from_secs(30),
            ice_restarts: 10,
            channels: 64,
            queue: 4096,
        }
    }
}

/// A media section to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// Audio or video.
    pub kind: Kind,
    /// Direction from the view of this endpoint.
    pub direction: Direction,
    /// Media stream id (`a=msid`): media with the same id is synchronised.
    pub stream: Option<String>,
    /// RIDs of the simulcast layers to send, the lowest first: at most 3, each of 1 to 8 letters and digits. Empty: one
    /// stream without layers. [`Media::send_layers`](super::Media::send_layers) has those that the answer accepts.
    pub layers: Vec<Label>,
}

impl MediaPlan {
    /// A media section without a stream id, and with one stream that has no layers.
    #[must_use]
    pub fn new(kind: Kind, direction: Direction) -> Self {
        Self { kind, direction, stream: None, layers: Vec::new() }
    }
}

/// Settings of a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Label.
    pub label: String,
    /// Whether messages arrive in order.
    pub ordered: bool,
    /// Maximum number of retransmissions of a message; `None` for a reliable channel.
    pub max_retransmissions: Option<u16>,
}

impl ChannelSettings {
    /// An ordered and reliable channel.
    #[must_use]
    pub fn reliable(label: &str) -> Self {
        Self { label: label.to_owned(), ordered: true, max_retransmissions: None }
    }
}
