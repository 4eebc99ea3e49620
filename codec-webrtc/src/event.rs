//! Events and statistics of a peer.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use codec_core::codec::Bitrate;

use codec_rtc::extension::{Extensions, Label};
use codec_rtc::packet::h264::{Profile, ProfileLevelId};

/// Identifier of a media section (`a=mid`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(pub(super) str0m::media::Mid);

impl Mid {
    /// Creates an identifier, truncated to 16 characters.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mid({})", self.0)
    }
}

/// A data channel of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channel(pub(super) str0m::channel::ChannelId);

/// Kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Audio,
    Video,
}

/// Media direction from the view of this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    SendOnly,
    ReceiveOnly,
    SendReceive,
    Inactive,
}

impl Direction {
    /// Whether this endpoint sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::SendReceive)
    }

    /// Whether this endpoint receives.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::ReceiveOnly | Self::SendReceive)
    }
}

/// Codec of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Codec {
    Vp8,
    H264,
    /// VP9 of profile 0.
    Vp9,
    Opus,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

/// A codec supported by both endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiatedCodec {
    /// The codec.
    pub codec: Codec,
    /// Payload type.
    pub payload_type: u8,
    /// Payload type of RTX (RFC 4588).
    pub rtx: Option<u8>,
    /// Payload type of RED with this codec (RFC 2198), for audio.
    pub red: Option<u8>,
    /// RTP clock rate in Hz.
    pub clock_hz: u32,
    /// Profile and level of H.264, in packetization mode 1.
    pub h264: Option<ProfileLevelId>,
}

/// A negotiated media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its MID.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// Direction from the view of this endpoint.
    pub direction: Direction,
    /// Common codecs in the order of preference of the remote endpoint; may be empty.
    pub codecs: Vec<NegotiatedCodec>,
    /// Simulcast layers to send that both endpoints accept, in the order of [`MediaPlan::layers`](super::MediaPlan::layers);
    /// empty for one stream without layers.
    pub send_layers: Vec<Label>,
}

impl Media {
    /// Returns the payload for VP8.
    #[must_use]
    pub fn vp8(&self) -> Option<NegotiatedCodec> {
        self.codecs.iter().find(|it| it.codec == Codec::Vp8).copied()
    }

    /// Returns the payload for VP9.
    #[must_use]
    pub fn vp9(&self) -> Option<NegotiatedCodec> {
        self.codecs.iter().find(|it| it.codec == Codec::Vp9).copied()
    }

    /// Returns the payload for a stream of this profile of H.264: the payload of the same profile, or of one
    /// whose decoders also decode it.
    #[must_use]
    pub fn h264(&self, profile: Profile) -> Option<NegotiatedCodec> {
        let profile_of = |it: &NegotiatedCodec| it.h264.map(|id| id.profile);
        let same = self.codecs.iter().find(|it| profile_of(it) == Some(profile));
        let decodes =
            |it: &&NegotiatedCodec| profile_of(it).is_some_and(|theirs| theirs.decodes(profile));
        same.or_else(|| self.codecs.iter().find(decodes)).copied()
    }
}

/// A received and decrypted packet, in order of arrival. Retransmissions are restored to the
/// original packet.
#[derive(Clone, Debug, PartialEq)]
pub struct RtpPacket {
    /// Media section.
    pub mid: Mid,
    /// Layer of simulcast (RFC 8852), if the section has several.
    pub rid: Option<Label>,
    /// Codec of the payload type.
    pub codec: Codec,
    /// RTP header. Its sequence number equals the low 16 bits of [`Self::sequence`].
    pub header: codec_rtc::rtp::Header,
    /// Unwrapped sequence number.
    pub sequence: u64,
    /// Negotiated header extensions except MID, RID and send time.
    pub extensions: Extensions,
    /// Payload without padding.
    pub payload: std::sync::Arc<[u8]>,
    /// Arrival of the datagram.
    pub arrival: Duration,
}

/// Sender report of a media stream (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Media section.
    pub mid: Mid,
    /// SSRC.
    pub ssrc: u32,
    /// NTP time by the sender's clock, 32.32 bits.
    pub ntp: u64,
    /// The same time as an RTP timestamp.
    pub rtp_timestamp: u32,
    /// Arrival of the report.
    pub arrival: Duration,
}

/// Kind of a key-frame request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrameRequestKind {
    /// Picture loss indication (RFC 4585, section 6.3.1).
    Pli,
    /// Full intra request, for example by a new viewer (RFC 5104, section 4.3.1).
    Fir,
}

/// Source of a bandwidth estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EstimateKind {
    /// Computed locally from transport-wide feedback.
    TransportFeedback,
    /// Reported by the receiver (REMB).
    Remb,
}

/// Delivery state of a sent packet, from transport-wide feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Media section.
    pub mid: Mid,
    /// Simulcast layer, if the section has several.
    pub rid: Option<Label>,
    /// Low 16 bits of the sequence number returned by [`Peer::send_video`](super::Peer::send_video)
    /// or [`send_audio`](super::Peer::send_audio). A retransmission counts as the original packet.
    pub sequence: u16,
    /// Whether it was received. If reported as missing, it may still arrive, or be recovered by
    /// FEC.
    pub received: bool,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedReason {
    /// Closed by this endpoint.
    Local,
    /// Closed by the remote endpoint.
    Remote,
    /// The connection was not established in time. If `ice` is true, connectivity checks had
    /// succeeded and DTLS failed. `alert` is the last unencrypted alert received, which could be
    /// forged.
    HandshakeTimeout {
        /// Whether ICE was connected.
        ice: bool,
        /// Alert description (RFC 8446, section 6).
        alert: Option<u8>,
        /// Last error of the WebRTC stack.
        error: Option<String>,
    },
    /// The remote endpoint rejected the DTLS handshake by an unencrypted alert, and then sent nothing more for 5 s. Alerts
    /// 40, 43 and 71 come from an endpoint with only an RSA certificate, which is not supported.
    HandshakeRejected {
        /// Alert description (RFC 8446, section 6).
        alert: u8,
        /// Last error of the WebRTC stack.
        error: Option<String>,
    },
    /// Consent timeout: no valid response to connectivity checks (RFC 7675).
    ConsentLost,
    /// The certificate does not match the fingerprint in the SDP, or the WebRTC stack failed.
    Failed(String),
    /// Internal error: a panic with this message. Other sessions are not affected.
    Internal(String),
}

impl fmt::Display for ClosedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by this endpoint"),
            Self::Remote => f.write_str("closed by the remote endpoint"),
            Self::HandshakeTimeout { ice, alert, error } => {
                let part = if *ice { "DTLS" } else { "ICE" };
                write!(f, "connection timeout: {part} did not complete")?;
                if let Some(alert) = alert {
                    write!(f, "; received DTLS alert {alert}")?;
                }
                error.as_ref().map_or(Ok(()), |error| write!(f, "; {error}"))
            }
            Self::HandshakeRejected { alert, error } => {
                let name = alert_name(*alert);
                write!(
                    f,
                    "the remote endpoint rejected the DTLS handshake: alert {alert} ({name})"
                )?;
                if RSA_ALERTS.contains(alert) {
                    f.write_str("; an endpoint with only an RSA certificate is not supported")?;
                }
                error.as_ref().map_or(Ok(()), |error| write!(f, "; {error}"))
            }
            Self::ConsentLost => {
                f.write_str("connection lost: no response from the remote endpoint")
            }
            Self::Failed(what) => write!(f, "connection failed: {what}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}

/// Alerts of an endpoint whose certificate fits none of the cipher suites and signature algorithms.
const RSA_ALERTS: [u8; 3] = [40, 43, 71];

/// Name of an alert (RFC 8446, section 6; RFC 5246, section 7.2).
fn alert_name(alert: u8) -> &'static str {
    match alert {
        0 => "close_notify",
        10 => "unexpected_message",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        109 => "missing_extension",
        116 => "certificate_required",
        _ => "unknown",
    }
}

/// An event of a peer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// ICE and DTLS are complete: media and data can be exchanged.
    Connected,
    /// A media section was negotiated.
    Media(Media),
    /// The direction of a media section changed.
    MediaChanged {
        /// Media section.
        mid: Mid,
        /// Direction from the view of this endpoint.
        direction: Direction,
    },
    /// An RTP packet was received.
    Rtp(Box<RtpPacket>),
    /// A sender report was received.
    SenderReport(SenderReport),
    /// The remote endpoint requests a key frame.
    KeyFrameRequest {
        /// Media section.
        mid: Mid,
        /// Simulcast layer, if the section has several.
        rid: Option<Label>,
        /// Kind of request.
        kind: KeyFrameRequestKind,
    },
    /// New bandwidth estimate.
    Estimate {
        /// Bitrate of all media, or of one media section for REMB.
        bitrate: Bitrate,
        /// Bitrate for the choice of layers ([`Estimate::layers`](codec_rtc::congestion::Estimate::layers)).
        layers: Bitrate,
        /// Source of the estimate.
        kind: EstimateKind,
    },
    /// Delivery of packets, if [`PeerConfig::acknowledgements`](super::PeerConfig) is set.
    Delivery(Vec<Delivery>),
    /// A received stream paused or resumed.
    Paused {
        /// Media section.
        mid: Mid,
        /// Whether it is paused.
        paused: bool,
    },
    /// An ICE restart is complete: the path changed, or works again after an interruption. The bandwidth estimate restarts
    /// at its initial value.
    PathChanged,
    /// A data channel was opened.
    ChannelOpen {
        /// The channel.
        channel: Channel,
        /// Its label.
        label: String,
    },
    /// A message was received.
    ChannelMessage {
        /// The channel.
        channel: Channel,
        /// Whether it is binary rather than text.
        binary: bool,
        /// The message.
        data: Vec<u8>,
    },
    /// The number of buffered bytes fell below the threshold set with
    /// [`Peer::set_channel_low_mark`](super::Peer::set_channel_low_mark).
    ChannelLow {
        /// The channel.
        channel: Channel,
    },
    /// A data channel was closed.
    ChannelClosed {
        /// The channel.
        channel: Channel,
    },
    /// Statistics of the last interval.
    Stats(Box<Stats>),
    /// The session ended; no further events follow.
    Closed(ClosedReason),
}

/// Statistics of a peer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stats {
    /// Statistics of the path.
    Path(PathStats),
    /// Statistics of a sent stream.
    Sent(SentStats),
    /// Statistics of a received stream.
    Received(ReceivedStats),
}

/// Statistics of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathStats {
    /// Bytes of datagrams received, without STUN.
    pub bytes_received: u64,
    /// Bytes of datagrams sent.
    pub bytes_sent: u64,
    /// Round-trip time from RTCP.
    pub round_trip: Option<Duration>,
    /// Round-trip time of the last connectivity check.
    pub ice_round_trip: Option<Duration>,
    /// Bandwidth estimate.
    pub available: Option<Bitrate>,
    /// Packet loss in sending direction, 0..=1.
    pub loss_sent: Option<f32>,
    /// Packet loss in receiving direction, 0..=1.
    pub loss_received: Option<f32>,
    /// Local and remote address of the selected candidate pair.
    pub pair: Option<(SocketAddr, SocketAddr)>,
}

/// Statistics of a sent stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SentStats {
    /// Media section.
    pub mid: Mid,
    /// Simulcast layer, if the section was offered with layers.
    pub rid: Option<Label>,
    /// Payload bytes, retransmissions included.
    pub bytes: u64,
    /// Packets, retransmissions included.
    pub packets: u64,
    /// FIR received.
    pub firs: u64,
    /// PLI received.
    pub plis: u64,
    /// NACK received.
    pub nacks: u64,
    /// Round-trip time.
    pub round_trip: Option<Duration>,
    /// Packet loss, 0..=1.
    pub loss: Option<f32>,
    /// Packets lost, from receiver reports.
    pub packets_lost: Option<u64>,
    /// Jitter in RTP clock ticks, from receiver reports.
    pub jitter: Option<u32>,
}

/// Statistics of a received stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceivedStats {
    /// Media section.
    pub mid: Mid,
    /// Simulcast layer, if the section has several.
    pub rid: Option<Label>,
    /// Payload bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// FIR sent.
    pub firs: u64,
    /// PLI sent.
    pub plis: u64,
    /// NACK sent.
    pub nacks: u64,
    /// Jitter in RTP clock ticks.
    pub jitter: u32,
    /// Packet loss, 0..=1.
    pub loss: Option<f32>,
}
