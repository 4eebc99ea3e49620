//! What both ends agree on, and what each does about loss.

use std::time::Duration;

use codec_core::codec::Bitrate;

use crate::allocation::AllocationConfig;
use crate::congestion::ControllerConfig;
use crate::extension::{Kind, Map};
use crate::jitter::video::FrameBufferConfig;

/// RTP header, extensions and payload descriptor of a usual packet.
const HEADER_BYTES: u32 = 40;

/// A stream of repair packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairStream {
    /// Synchronisation source of its own.
    pub ssrc: u32,
    /// 0..=127.
    pub payload_type: u8,
}

/// Forward error correction of video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VideoFec {
    /// None.
    #[default]
    Off,
    /// RFC 5109 in RED (RFC 2198), within the stream's own sequence numbers: what browsers and
    /// `GStreamer` speak.
    Ulp {
        /// Payload type of RED, which carries the frames, too.
        red: u8,
        /// Payload type of the correction inside.
        ulpfec: u8,
    },
    /// RFC 8627, as a stream of its own.
    Flex(RepairStream),
}

/// A stream of VP8 frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoStream {
    /// Synchronisation source.
    pub ssrc: u32,
    /// 0..=127.
    pub payload_type: u8,
    /// Where retransmissions go (RFC 4588); `None`: packets are sent again as they were.
    pub rtx: Option<RepairStream>,
    /// Forward error correction.
    pub fec: VideoFec,
}

impl VideoStream {
    /// VP8 as 96, retransmissions as 97, `FlexFEC` as 100, sources counted from `ssrc`.
    #[must_use]
    pub fn standard(ssrc: u32) -> Self {
        Self {
            ssrc,
            payload_type: 96,
            rtx: Some(RepairStream { ssrc: ssrc.wrapping_add(1), payload_type: 97 }),
            fec: VideoFec::Flex(RepairStream { ssrc: ssrc.wrapping_add(2), payload_type: 100 }),
        }
    }

    /// The stream alone.
    #[must_use]
    pub fn plain(ssrc: u32, payload_type: u8) -> Self {
        Self { ssrc, payload_type, rtx: None, fec: VideoFec::Off }
    }
}

/// A stream of sound, one packet after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// Synchronisation source.
    pub ssrc: u32,
    /// 0..=127.
    pub payload_type: u8,
    /// Ticks of RTP timestamps per second: 48000 for Opus, 8000 for G.711.
    pub clock_hz: u32,
    /// Payload type of RED (RFC 2198), where packets carry those before them again.
    pub red: Option<u8>,
}

impl AudioStream {
    /// Whether it is Opus, by its clock.
    pub(super) fn is_opus(self) -> bool {
        self.clock_hz == 48_000
    }

    /// Opus as 111, in RED as 63.
    #[must_use]
    pub fn opus(ssrc: u32) -> Self {
        Self { ssrc, payload_type: 111, clock_hz: 48_000, red: Some(63) }
    }
}

/// What both ends know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Pictures.
    pub video: Option<VideoStream>,
    /// Sound.
    pub audio: Option<AudioStream>,
    /// Ids of header extensions. What it has no id for is not sent.
    pub extensions: Map,
}

impl Streams {
    /// For a far end that knows nothing but RFC 3550 and the payload formats: no extensions.
    #[must_use]
    pub fn without_extensions(mut self) -> Self {
        self.extensions = Map::EMPTY;
        self
    }

    /// Whether the receiver can report on single packets of all streams.
    pub(super) fn counts_transport(&self) -> bool {
        self.extensions.id(Kind::TransportSequence).is_some()
    }
}

/// What the sender does.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderConfig {
    /// What is agreed on.
    pub streams: Streams,
    /// Canonical name (RFC 3550, section 6.5.1).
    pub cname: String,
    /// The wall clock at the beginning of time: NTP, 32.32 bits.
    pub ntp_at_zero: u64,
    /// First sequence numbers, picture ids and intervals of reports are drawn from it: a random number
    /// of the system's, another one for each sender (RFC 3550, section 5.1). The same seed gives the
    /// same packets, which tests need.
    pub seed: u64,
    /// Most bytes of a packet, from its RTP header to its end: 300..=1400.
    pub mtu: usize,
    /// Bytes that each packet takes beside its own: 28 for IPv4 and UDP.
    pub overhead_bytes: u32,
    /// Answers to NACK.
    pub retransmission: bool,
    /// Correction is sent as losses ask for it, where the stream has a place for it.
    pub protection: bool,
    /// Acknowledged pictures are kept as references and answer losses. The encoder must be opened
    /// with `error_resilient`: what follows a lost frame must not need its probabilities. Streams with
    /// temporal layers, which packets tell ([`codec_core::codec::PacketMeta`]), do without, as layers
    /// decide which references a frame has.
    pub long_term: bool,
    /// Least time between two key frames that are asked for.
    pub key_interval: Duration,
    /// Follows what the link carries; `None`: the bitrate is the caller's, and packets leave at
    /// [`Self::pace_bps`] at most.
    pub congestion: Option<ControllerConfig>,
    /// Bits per second at which packets leave where there is no congestion control.
    pub pace_bps: u64,
}

impl SenderConfig {
    /// What there is to send.
    pub(super) fn allocation(&self) -> AllocationConfig {
        let usual = AllocationConfig::default();
        let most = self.congestion.map_or(Bitrate(self.pace_bps), |it| it.max);
        let audio = usual.audio.filter(|_| self.streams.audio.is_some());
        let video = usual.video.map(|(least, _)| (least, most.max(least)));
        AllocationConfig {
            audio,
            video: video.filter(|_| self.streams.video.is_some()),
            overhead_bytes: self.overhead_bytes + HEADER_BYTES,
            ..usual
        }
    }

    /// All that is good between our own ends, from 300 kb/s on. `seed` is random ([`Self::seed`]),
    /// as the SSRCs in `streams` are.
    #[must_use]
    pub fn new(streams: Streams, seed: u64) -> Self {
        Self {
            streams,
            cname: "codec".to_owned(),
            ntp_at_zero: 0,
            seed,
            mtu: 1200,
            overhead_bytes: 28,
            retransmission: true,
            protection: true,
            long_term: true,
            key_interval: Duration::from_millis(300),
            congestion: Some(ControllerConfig::default()),
            pace_bps: 50_000_000,
        }
    }
}

/// What the receiver tells of single packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PacketFeedback {
    /// Nothing: receiver reports only.
    Off,
    /// By transport-wide numbers, where the extension has an id.
    #[default]
    TransportWide,
    /// By the streams' own numbers (RFC 8888).
    PerStream,
}

/// What the receiver does.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverConfig {
    /// What is agreed on.
    pub streams: Streams,
    /// Its own source, for reports.
    pub ssrc: u32,
    /// Canonical name.
    pub cname: String,
    /// The wall clock at the beginning of time: NTP, 32.32 bits.
    pub ntp_at_zero: u64,
    /// Intervals of reports are drawn from it: a random number of the system's, another one for each
    /// receiver, so that they do not all report at the same time (RFC 3550, section 6.3).
    pub seed: u64,
    /// Asks for lost packets.
    pub nack: bool,
    /// Asks for key frames.
    pub pli: bool,
    /// Tells which pictures it decoded (RPSI).
    pub acknowledges: bool,
    /// Reports on single packets.
    pub feedback: PacketFeedback,
    /// How frames are held.
    pub video: FrameBufferConfig,
}

impl ReceiverConfig {
    /// All that is good between our own ends; `ssrc` is the receiver's own. Both it and `seed` are
    /// random.
    #[must_use]
    pub fn new(streams: Streams, ssrc: u32, seed: u64) -> Self {
        Self {
            streams,
            ssrc,
            cname: "codec".to_owned(),
            ntp_at_zero: 0,
            seed,
            nack: true,
            pli: true,
            acknowledges: true,
            feedback: PacketFeedback::default(),
            video: FrameBufferConfig::default(),
        }
    }
}
