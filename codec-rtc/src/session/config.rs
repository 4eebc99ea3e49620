//! Configuration: the negotiated streams, and the loss handling of each endpoint.

use std::time::Duration;

use codec_core::codec::Bitrate;

use crate::allocation::AllocationConfig;
use crate::congestion::ControllerConfig;
use crate::extension::{ExtensionKind, ExtensionMap};
use crate::jitter::video::FrameBufferConfig;
use crate::packet::VideoFormat;
use crate::packet::h264::PacketizationMode;

/// RTP header, extensions and payload descriptor of a typical packet, in bytes.
const HEADER_BYTES: u32 = 40;

/// A retransmission or FEC stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairStream {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Payload type, 0..=127.
    pub payload_type: u8,
}

/// FEC of a video stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VideoFec {
    /// No FEC.
    #[default]
    Off,
    /// ULPFEC (RFC 5109) in RED (RFC 2198), in the sequence number space of the media stream, as
    /// used by browsers and `GStreamer`.
    Ulp {
        /// Payload type of RED, which also carries the media.
        red: u8,
        /// Payload type of ULPFEC inside RED.
        ulpfec: u8,
    },
    /// FlexFEC (RFC 8627) in a separate stream.
    Flex(RepairStream),
}

/// A video stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoStream {
    /// Payload format. Frames of H.264 are access units in the byte stream format.
    pub format: VideoFormat,
    /// How H.264 is sent; a receiver accepts both modes.
    pub packetization_mode: PacketizationMode,
    /// Whether the frames of VP9 are sent in the flexible mode, in which they state their references. ffmpeg
    /// does not receive it. A receiver accepts both modes.
    pub flexible: bool,
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// RTX stream (RFC 4588), associated (`apt`) with [`Self::payload_type`]: its packets carry media without
    /// RED. Packets of ULPFEC, and with `None` all packets, are retransmitted unchanged.
    pub rtx: Option<RepairStream>,
    /// FEC.
    pub fec: VideoFec,
}

impl VideoStream {
    /// VP8 as payload type 96, RTX as 97, `FlexFEC` as 100, with consecutive SSRCs from `ssrc`.
    #[must_use]
    pub fn standard(ssrc: u32) -> Self {
        Self {
            format: VideoFormat::Vp8,
            packetization_mode: PacketizationMode::NonInterleaved,
            flexible: true,
            ssrc,
            payload_type: 96,
            rtx: Some(RepairStream { ssrc: ssrc.wrapping_add(1), payload_type: 97 }),
            fec: VideoFec::Flex(RepairStream { ssrc: ssrc.wrapping_add(2), payload_type: 100 }),
        }
    }

    /// VP8 without RTX and FEC; with VP9, in the non-flexible mode.
    #[must_use]
    pub fn plain(ssrc: u32, payload_type: u8) -> Self {
        let standard = Self::standard(ssrc);
        Self { payload_type, rtx: None, fec: VideoFec::Off, flexible: false, ..standard }
    }

    /// The same stream with H.264.
    #[must_use]
    pub fn with_h264(self) -> Self {
        Self { format: VideoFormat::H264, ..self }
    }

    /// The same stream with VP9.
    #[must_use]
    pub fn with_vp9(self) -> Self {
        Self { format: VideoFormat::Vp9, ..self }
    }
}

/// An audio stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// RTP clock rate in Hz: 48000 for Opus, 8000 for G.711.
    pub clock_hz: u32,
    /// Payload type of RED (RFC 2198), if negotiated.
    pub red: Option<u8>,
}

impl AudioStream {
    /// Whether it is Opus, according to its clock rate.
    pub(super) fn is_opus(self) -> bool {
        self.clock_hz == 48_000
    }

    /// Opus as payload type 111, in RED as 63.
    #[must_use]
    pub fn opus(ssrc: u32) -> Self {
        Self { ssrc, payload_type: 111, clock_hz: 48_000, red: Some(63) }
    }
}

/// The negotiated streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Video.
    pub video: Option<VideoStream>,
    /// Audio.
    pub audio: Option<AudioStream>,
    /// Header extension ids. Extensions without an id are not sent.
    pub extensions: ExtensionMap,
}

impl Streams {
    /// Removes all header extensions, for an endpoint that supports only RFC 3550 and the payload
    /// formats.
    #[must_use]
    pub fn without_extensions(mut self) -> Self {
        self.extensions = ExtensionMap::EMPTY;
        self
    }

    /// Whether transport-wide sequence numbers were negotiated.
    pub(super) fn counts_transport(&self) -> bool {
        self.extensions.id(ExtensionKind::TransportSequence).is_some()
    }
}

/// Configuration of a [`super::Sender`].
#[derive(Clone, Debug, PartialEq)]
pub struct SenderConfig {
    /// The negotiated streams.
    pub streams: Streams,
    /// Canonical name (RFC 3550, section 6.5.1); default `codec`.
    pub cname: String,
    /// NTP time at [`Duration::ZERO`], 32.32 format; default 0.
    pub ntp_at_zero: u64,
    /// Seed of initial sequence numbers, `PictureID`s and report intervals: a random number from the
    /// operating system, different for each sender (RFC 3550, section 5.1). The same seed gives the
    /// same packets, for tests.
    pub seed: u64,
    /// Maximum packet size including the RTP header, in bytes: 300..=1400, default 1200.
    pub mtu: usize,
    /// Overhead per packet in bytes: 28 for IPv4 and UDP (default).
    pub overhead_bytes: u32,
    /// Whether to retransmit packets in response to NACK; default `true`.
    pub retransmission: bool,
    /// Whether to send FEC adapted to the packet loss, if negotiated; default `true`.
    pub fec: bool,
    /// Whether to keep acknowledged frames as references and recover from losses with them; default
    /// `true`. The encoder must be opened with `error_resilient`, since frames after a lost one
    /// must not depend on its probabilities. Not used for streams with temporal layers
    /// ([`codec_core::codec::PacketMeta`]), where the layers determine the references, nor for
    /// streams whose receiver is not told the references of each frame: VP8 and H.264 without
    /// Dependency Descriptors, and VP9 without the flexible mode ([`VideoStream::flexible`]).
    pub reference_recovery: bool,
    /// Minimum time between two requested key frames; default 300 ms. 90 ms if feedback reports that the first of
    /// them is lost and references recover losses ([`Self::reference_recovery`]).
    pub min_key_frame_interval: Duration,
    /// Congestion control, on by default; with `None`, the caller sets the bitrate, and packets are
    /// paced at [`Self::pace_bps`].
    pub congestion: Option<ControllerConfig>,
    /// Pacing rate in bits per second without congestion control; default 50 Mb/s.
    pub pace_bps: u64,
}

impl SenderConfig {
    /// Settings of the bitrate allocation.
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

    /// Enables everything that our receiver supports, starting at 300 kb/s. `seed` and the SSRCs in
    /// `streams` must be random ([`Self::seed`]).
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
            fec: true,
            reference_recovery: true,
            min_key_frame_interval: Duration::from_millis(300),
            congestion: Some(ControllerConfig::default()),
            pace_bps: 50_000_000,
        }
    }
}

/// Per-packet feedback of the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PacketFeedback {
    /// None: receiver reports only.
    Off,
    /// Transport-wide, if the header extension was negotiated.
    #[default]
    Twcc,
    /// Per stream (RFC 8888).
    Ccfb,
}

/// Configuration of a [`super::Receiver`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverConfig {
    /// The negotiated streams.
    pub streams: Streams,
    /// SSRC of the receiver, for reports.
    pub ssrc: u32,
    /// Canonical name; default `codec`.
    pub cname: String,
    /// NTP time at [`Duration::ZERO`], 32.32 format; default 0.
    pub ntp_at_zero: u64,
    /// Seed of report intervals: a random number from the operating system, different for each
    /// receiver, so that reports are not synchronised (RFC 3550, section 6.3).
    pub seed: u64,
    /// Whether to send NACK for lost packets; default `true`.
    pub nack: bool,
    /// Whether to send PLI for key frames; default `true`.
    pub pli: bool,
    /// Whether to acknowledge decoded frames by RPSI; default `true`.
    pub acknowledge_frames: bool,
    /// Per-packet feedback.
    pub feedback: PacketFeedback,
    /// Configuration of the frame buffer; the payload format follows from the stream.
    pub video: FrameBufferConfig,
}

impl ReceiverConfig {
    /// Enables everything that our sender supports. `ssrc`, the SSRC of the receiver, and `seed`
    /// must be random.
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
            acknowledge_frames: true,
            feedback: PacketFeedback::default(),
            video: FrameBufferConfig::default(),
        }
    }
}
