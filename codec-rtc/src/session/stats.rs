//! Session statistics.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::video_out::VideoSendCounters;
use crate::congestion::{Estimate, PacketKind};
use crate::fec::FecCounters;
use crate::jitter::audio::AudioBufferStats;
use crate::jitter::video::{DroppedFrames, VideoStats};
use crate::recovery::NackCounters;
use crate::report::ReceptionCounters;
use crate::rtcp::ReportBlock;
use crate::sync::LipSyncStats;

/// Packet and byte counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets, or datagrams.
    pub packets: u64,
    /// Total bytes; at a sender including the configured overhead.
    pub bytes: u64,
    /// RTP payload bytes (`bytesSent`, `bytesReceived` of getStats).
    pub payload_bytes: u64,
    /// Bytes of RTP headers, extensions and padding (`headerBytesSent`, `headerBytesReceived` of
    /// getStats).
    pub header_bytes: u64,
}

impl Traffic {
    /// Counts an RTP packet of `rtp_bytes`, of which `payload_bytes` are payload, plus `overhead`.
    pub(super) fn add(&mut self, rtp_bytes: usize, payload_bytes: usize, overhead: usize) {
        self.packets += 1;
        self.bytes += (rtp_bytes + overhead) as u64;
        self.payload_bytes += payload_bytes as u64;
        self.header_bytes += rtp_bytes.saturating_sub(payload_bytes) as u64;
    }
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            payload_bytes: self.payload_bytes + other.payload_bytes,
            header_bytes: self.header_bytes + other.header_bytes,
        }
    }
}

/// Last report of a receiver about a stream (`remote-inbound-rtp` of getStats).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RemoteInbound {
    /// Fraction of packets lost since the previous report, 0..=1.
    pub fraction_lost: f64,
    /// Cumulative packets lost; negative with duplicates.
    pub packets_lost: i32,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// Round-trip time measured by the last report.
    pub round_trip: Option<Duration>,
}

impl RemoteInbound {
    /// Updates the values from a report block on a stream with a clock of `clock_hz`.
    pub(super) fn update(
        before: Option<Self>,
        block: &ReportBlock,
        clock_hz: u32,
        round_trip: Option<Duration>,
    ) -> Self {
        let nanos = u64::from(block.jitter) * 1_000_000_000 / u64::from(clock_hz.max(1));
        Self {
            fraction_lost: f64::from(block.fraction_lost) / 256.0,
            packets_lost: block.cumulative_lost,
            jitter: Duration::from_nanos(nanos),
            round_trip: round_trip.or(before.and_then(|before| before.round_trip)),
        }
    }
}

/// Statistics of a [`super::Sender`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SenderStats {
    /// Video, first transmission.
    pub video_sent: Traffic,
    /// Audio.
    pub audio_sent: Traffic,
    /// Video retransmissions.
    pub retransmitted: Traffic,
    /// FEC.
    pub fec_sent: Traffic,
    /// Padding of probes.
    pub padding_sent: Traffic,
    /// Counters of frames, key frames, requests and responses.
    pub video: VideoSendCounters,
    /// RTCP datagrams received.
    pub feedback_datagrams: u64,
    /// Malformed RTCP datagrams.
    pub malformed: u64,
    /// BYE packets from sources that never reported or had already left.
    pub unknown_byes: u64,
    /// Packets dropped because the pacer queue was full.
    pub overflowed: u64,
    /// Smoothed round-trip time, once known.
    pub round_trip: Option<Duration>,
    /// Fraction lost in the last receiver report, 0..=1.
    pub fraction_lost: f64,
    /// Last report on the video stream.
    pub remote_video: Option<RemoteInbound>,
    /// Last report on the audio stream.
    pub remote_audio: Option<RemoteInbound>,
    /// Bandwidth estimate, if congestion control is on.
    pub estimate: Option<Estimate>,
    /// Last target bitrate in total.
    pub target: Bitrate,
    /// Last target bitrate of the video encoder.
    pub video_target: Bitrate,
}

impl SenderStats {
    /// Counter for a kind of packet.
    pub(super) fn traffic(&mut self, kind: PacketKind, is_audio: bool) -> &mut Traffic {
        match kind {
            PacketKind::Media if is_audio => &mut self.audio_sent,
            PacketKind::Media => &mut self.video_sent,
            PacketKind::Retransmission => &mut self.retransmitted,
            PacketKind::Fec => &mut self.fec_sent,
            PacketKind::Padding => &mut self.padding_sent,
        }
    }
}

/// Statistics of a [`super::Receiver`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiverStats {
    /// All RTP and RTCP datagrams received.
    pub received: Traffic,
    /// Packets of the video stream; ULPFEC packets in it count as [`Self::fec_received`].
    pub video_received: Traffic,
    /// Packets of the audio stream.
    pub audio_received: Traffic,
    /// Video retransmissions in the RTX stream.
    pub retransmissions_received: Traffic,
    /// FEC.
    pub fec_received: Traffic,
    /// Padding packets along with the video, sent as bandwidth probes.
    pub padding_received: Traffic,
    /// Video packets that arrived after their frame was emitted or skipped.
    pub video_late: u64,
    /// Malformed datagrams.
    pub malformed: u64,
    /// Packets of unknown streams.
    pub unknown: u64,
    /// Packets recovered by FEC.
    pub recovered: u64,
    /// Packets recovered by retransmission.
    pub retransmitted: u64,
    /// FEC decoder counters.
    pub fec: Option<FecCounters>,
    /// Reception statistics of the video stream.
    pub video_packets: ReceptionCounters,
    /// Reception statistics of the audio stream.
    pub audio_packets: ReceptionCounters,
    /// Frame statistics.
    pub video: VideoStats,
    /// Audio jitter buffer statistics, if there is one.
    pub audio: Option<AudioBufferStats>,
    /// Lip sync statistics, if there is audio and video.
    pub lip_sync: Option<LipSyncStats>,
    /// Dropped frames by reason.
    pub dropped: DroppedFrames,
    /// NACK counters.
    pub nacks: NackCounters,
    /// Key-frame requests sent.
    pub key_frame_requests: u64,
    /// Decryption counters, if end-to-end encryption is on.
    #[cfg(feature = "sframe")]
    pub e2ee: Option<crate::sframe::DecryptCounters>,
    /// Smoothed round-trip time, once known.
    pub round_trip: Option<Duration>,
}
