//! What each end has counted.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::video_out::VideoOutCounters;
use crate::congestion::{Estimate, PacketKind};
use crate::fec::FecCounters;
use crate::jitter::audio::AudioBufferStats;
use crate::jitter::video::{DroppedFrames, VideoStats};
use crate::recovery::NackCounters;
use crate::report::ReceptionCounters;
use crate::rtcp::ReportBlock;
use crate::sync::LipSyncStats;

/// Packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets, or datagrams.
    pub packets: u64,
    /// All their bytes; at a sender with the overhead that it was told.
    pub bytes: u64,
    /// Bytes of RTP payloads alone (getStats: `bytesSent`, `bytesReceived`).
    pub payload_bytes: u64,
    /// Bytes of RTP headers, their extensions and padding (getStats: `headerBytesSent`,
    /// `headerBytesReceived`).
    pub header_bytes: u64,
}

impl Traffic {
    /// Counts a packet of RTP with `rtp_bytes` of which `payload_bytes` are payload, and what is
    /// around it.
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

/// What a receiver last reported about a stream (getStats: `remote-inbound-rtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RemoteInbound {
    /// Packets lost since the report before, 0..=1.
    pub fraction_lost: f64,
    /// Packets lost in all; negative when duplicates came.
    pub packets_lost: i32,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// The round trip that the last report measured.
    pub round_trip: Option<Duration>,
}

impl RemoteInbound {
    /// After another report on a stream with a clock of `clock_hz`.
    pub(super) fn follow(
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

/// Figures of a [`super::Sender`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SenderStats {
    /// Video that was sent for the first time.
    pub video_sent: Traffic,
    /// Sound.
    pub audio_sent: Traffic,
    /// Video that was sent again.
    pub retransmitted: Traffic,
    /// Correction.
    pub fec_sent: Traffic,
    /// Padding of probes.
    pub padding_sent: Traffic,
    /// Frames, key frames, requests and answers.
    pub video: VideoOutCounters,
    /// Datagrams that came back.
    pub feedback_datagrams: u64,
    /// Those that were damaged.
    pub malformed: u64,
    /// Goodbyes of sources that have never reported, or have left before.
    pub stray_goodbyes: u64,
    /// Packets for which there was no room.
    pub overflowed: u64,
    /// Smoothed, once it is known.
    pub round_trip: Option<Duration>,
    /// Of the last receiver report, 0..=1.
    pub fraction_lost: f64,
    /// What was last reported on the pictures, and on the sound.
    pub remote_video: Option<RemoteInbound>,
    /// See [`Self::remote_video`].
    pub remote_audio: Option<RemoteInbound>,
    /// What the link carries, where it is followed.
    pub estimate: Option<Estimate>,
    /// What was last asked for of all, and of the video encoder.
    pub target: Bitrate,
    /// See [`Self::target`].
    pub video_target: Bitrate,
}

impl SenderStats {
    /// Where a packet is counted.
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

/// Figures of a [`super::Receiver`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiverStats {
    /// Everything that came: datagrams of RTP and RTCP.
    pub received: Traffic,
    /// Packets of the video stream; correction in it (ULPFEC) is in [`Self::fec_received`].
    pub video_received: Traffic,
    /// Packets of the audio stream.
    pub audio_received: Traffic,
    /// Video that came again, in a stream of its own.
    pub retransmissions_received: Traffic,
    /// Correction.
    pub fec_received: Traffic,
    /// Packets without payload beside the video: they fill a link up to find out what it carries.
    pub padding_received: Traffic,
    /// Packets of video that came when their frame had been given out or passed over.
    pub video_late: u64,
    /// Datagrams that were damaged.
    pub malformed: u64,
    /// Packets of streams that were not agreed on.
    pub unknown: u64,
    /// Packets that were made of correction.
    pub recovered: u64,
    /// Packets that came again because they were asked for.
    pub retransmitted: u64,
    /// Packets of correction that came, and what they did.
    pub fec: Option<FecCounters>,
    /// Packets of the video stream.
    pub video_packets: ReceptionCounters,
    /// Packets of the audio stream.
    pub audio_packets: ReceptionCounters,
    /// Frames.
    pub video: VideoStats,
    /// Sound, where there is a buffer.
    pub audio: Option<AudioBufferStats>,
    /// Sound against picture, where there are both.
    pub lips: Option<LipSyncStats>,
    /// Why frames did not come out.
    pub dropped: DroppedFrames,
    /// Requests for packets.
    pub nacks: NackCounters,
    /// Requests for key frames that were sent.
    pub key_requests: u64,
    /// Sealed frames and packets of sound, where there is an opener.
    #[cfg(feature = "sframe")]
    pub opened: Option<crate::sframe::OpenCounters>,
    /// Smoothed, once it is known.
    pub round_trip: Option<Duration>,
}
