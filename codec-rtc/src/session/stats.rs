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
use crate::sync::LipSyncStats;

/// Packets and their bytes, headers and overhead included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

impl Traffic {
    fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
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
    /// What the link carries, where it is followed.
    pub estimate: Option<Estimate>,
    /// What was last asked for of all, and of the video encoder.
    pub target: Bitrate,
    /// See [`Self::target`].
    pub video_target: Bitrate,
}

impl SenderStats {
    pub(super) fn sent(&mut self, kind: PacketKind, is_audio: bool, bytes: usize) {
        let traffic = match kind {
            PacketKind::Media if is_audio => &mut self.audio_sent,
            PacketKind::Media => &mut self.video_sent,
            PacketKind::Retransmission => &mut self.retransmitted,
            PacketKind::Fec => &mut self.fec_sent,
            PacketKind::Padding => &mut self.padding_sent,
        };
        traffic.add(bytes);
    }
}

/// Figures of a [`super::Receiver`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiverStats {
    /// Everything that came.
    pub received: Traffic,
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
    /// Smoothed, once it is known.
    pub round_trip: Option<Duration>,
}
