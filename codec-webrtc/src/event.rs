//! What a peer tells its owner.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use codec_core::codec::Bitrate;

use codec_rtc::extension::Extensions;

/// Name of a line of media in the SDP (`a=mid`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(pub(super) str0m::media::Mid);

impl Mid {
    /// Of a name, which is cut at 16 characters.
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

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Audio,
    Video,
}

/// Which way media flows, as this end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    SendOnly,
    ReceiveOnly,
    Both,
    Inactive,
}

impl Direction {
    /// This end sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::Both)
    }

    /// This end receives.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::ReceiveOnly | Self::Both)
    }
}

/// What a payload is coded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Codec {
    Vp8,
    Opus,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

/// A codec that both ends have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiatedCodec {
    /// Which.
    pub codec: Codec,
    /// Payload type.
    pub payload_type: u8,
    /// Payload type of retransmissions (RFC 4588).
    pub rtx: Option<u8>,
    /// Ticks of the timestamp in a second.
    pub clock_hz: u32,
}

/// A line of media that has been negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its name.
    pub mid: Mid,
    /// Sound or picture.
    pub kind: Kind,
    /// As this end sees it.
    pub direction: Direction,
    /// In the order in which the other end prefers them; empty if there is none in common.
    pub codecs: Vec<NegotiatedCodec>,
}

/// A packet as it came, decrypted; retransmissions already turned back into what they repeat. The
/// order is that of arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct RtpPacket {
    /// Line of media.
    pub mid: Mid,
    /// Codec by the payload type.
    pub codec: Codec,
    /// Marker, payload type, sequence, timestamp, source. The sequence number here is without
    /// wraps: its low 16 bits are those of the packet.
    pub header: codec_rtc::rtp::Header,
    /// Sequence number without wraps.
    pub sequence: u64,
    /// Header extensions that were negotiated, but for MID, RID and the time of sending.
    pub extensions: Extensions,
    /// Without padding.
    pub payload: std::sync::Arc<[u8]>,
    /// When the datagram came.
    pub arrival: Duration,
}

/// Clock of the sender of a media stream (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Line of media.
    pub mid: Mid,
    /// Source.
    pub ssrc: u32,
    /// NTP time, 32.32 fixed point, of the sender's clock.
    pub ntp: u64,
    /// The same moment as a timestamp of the stream.
    pub rtp_timestamp: u32,
    /// When the report came.
    pub arrival: Duration,
}

/// What asks for a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrameRequestKind {
    /// Picture loss (RFC 4585, section 6.3.1).
    Pli,
    /// A new viewer (RFC 5104, section 4.3.1).
    Fir,
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EstimateKind {
    /// Made here from transport-wide feedback.
    TransportFeedback,
    /// Told by the receiver (REMB).
    Remb,
}

/// The fate of a packet of ours by transport-wide feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Line of media.
    pub mid: Mid,
    /// Sequence number that [`Peer::send_video`](super::Peer::send_video) or
    /// [`send_audio`](super::Peer::send_audio) gave it; its low 16 bits. A retransmission counts
    /// for the packet that it repeats.
    pub sequence: u16,
    /// It has arrived. `false`: reported missing; it may still come, or be made of correction.
    pub received: bool,
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedReason {
    /// This end hung up.
    Local,
    /// The other end hung up.
    Remote,
    /// No connection in the time that is given. `ice`: connectivity checks had passed, so DTLS
    /// failed. `alert`: the last alert of the other end, which anybody could have sent: 40 is
    /// `handshake_failure`, as of a peer with nothing but an RSA certificate.
    HandshakeTimeout {
        /// ICE had found a way.
        ice: bool,
        /// Description of an alert (RFC 8446, section 6).
        alert: Option<u8>,
        /// Last error of the stack.
        error: Option<String>,
    },
    /// The other end has vanished: no valid answer to connectivity checks (RFC 7675).
    ConsentLost,
    /// The certificate is not the one whose fingerprint is in the SDP, or a part below gave up.
    Failed(String),
    /// A defect of this end: it panicked with this message. Other calls go on.
    Internal(String),
}

impl fmt::Display for ClosedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("this end hung up"),
            Self::Remote => f.write_str("the other end hung up"),
            Self::HandshakeTimeout { ice, alert, error } => {
                let part = if *ice { "DTLS" } else { "ICE" };
                write!(f, "no connection in time: {part} did not finish")?;
                if let Some(alert) = alert {
                    write!(f, "; alert {alert} came")?;
                }
                error.as_ref().map_or(Ok(()), |error| write!(f, "; {error}"))
            }
            Self::ConsentLost => f.write_str("the other end no longer answers"),
            Self::Failed(what) => write!(f, "the connection failed: {what}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// ICE and DTLS are done: media and data may flow.
    Connected,
    /// A line of media is there.
    Media(Media),
    /// Its direction is another now.
    MediaChanged {
        /// Line of media.
        mid: Mid,
        /// As this end sees it.
        direction: Direction,
    },
    /// A packet has come.
    Rtp(Box<RtpPacket>),
    /// The sender told its clock.
    SenderReport(SenderReport),
    /// The other end needs a key frame.
    KeyFrameRequest {
        /// Line of media.
        mid: Mid,
        /// Which request.
        kind: KeyFrameRequestKind,
    },
    /// What the link to the other end takes.
    Estimate {
        /// For all media together, or for one line if it is a REMB.
        bitrate: Bitrate,
        /// Where it comes from.
        kind: EstimateKind,
    },
    /// Which packets have arrived, if [`PeerConfig::acknowledgements`](super::PeerConfig) is set.
    Delivery(Vec<Delivery>),
    /// A stream has been silent for a while, or speaks again.
    Paused {
        /// Line of media.
        mid: Mid,
        /// Silent.
        paused: bool,
    },
    /// A data channel is open.
    ChannelOpen {
        /// Which.
        channel: Channel,
        /// What it is for.
        label: String,
    },
    /// A message has come.
    ChannelMessage {
        /// Which channel.
        channel: Channel,
        /// Not text.
        binary: bool,
        /// The message.
        data: Vec<u8>,
    },
    /// Less waits than was asked for with
    /// [`Peer::set_channel_low_mark`](super::Peer::set_channel_low_mark).
    ChannelLow {
        /// Which channel.
        channel: Channel,
    },
    /// A data channel is closed.
    ChannelClosed {
        /// Which.
        channel: Channel,
    },
    /// Figures of the last interval.
    Stats(Box<Stats>),
    /// The call is over; nothing follows.
    Closed(ClosedReason),
}

/// Figures of a peer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stats {
    /// Of the path.
    Path(PathStats),
    /// Of a stream that is sent.
    Sent(SentStats),
    /// Of a stream that is received.
    Received(ReceivedStats),
}

/// Figures of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathStats {
    /// Bytes of datagrams received, without STUN.
    pub bytes_received: u64,
    /// Bytes of datagrams sent.
    pub bytes_sent: u64,
    /// Round trip by RTCP.
    pub round_trip: Option<Duration>,
    /// Round trip of the last connectivity check.
    pub ice_round_trip: Option<Duration>,
    /// Estimate.
    pub available: Option<Bitrate>,
    /// Lost on the way out, 0 to 1.
    pub loss_sent: Option<f32>,
    /// Lost on the way in, 0 to 1.
    pub loss_received: Option<f32>,
    /// Addresses in use: of this end and of the other.
    pub pair: Option<(SocketAddr, SocketAddr)>,
}

/// Figures of a stream that is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SentStats {
    /// Line of media.
    pub mid: Mid,
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
    /// Round trip.
    pub round_trip: Option<Duration>,
    /// Share lost, 0 to 1.
    pub loss: Option<f32>,
    /// Packets lost, by the receiver's reports.
    pub packets_lost: Option<u64>,
    /// Jitter in ticks of the payload's clock, by the receiver's reports.
    pub jitter: Option<u32>,
}

/// Figures of a stream that is received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceivedStats {
    /// Line of media.
    pub mid: Mid,
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
    /// Jitter in ticks of the payload's clock.
    pub jitter: u32,
    /// Share lost, 0 to 1.
    pub loss: Option<f32>,
}
