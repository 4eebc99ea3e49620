//! Statistics with the names of getStats (`RTCInboundRtpStreamStats`).

use std::collections::VecDeque;
use std::time::Duration;

use super::frame::{Frame, FrameId};
use super::freeze::FreezeDetector;

/// Frame statistics of a stream. Names and meanings follow getStats; times are sums over frames
/// unless noted otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// `framesReceived`: complete frames, and incomplete ones that were skipped.
    pub frames_received: u64,
    /// `framesDropped`: received but not decoded.
    pub frames_dropped: u64,
    /// `framesDecoded`: frames decoded.
    pub frames_decoded: u64,
    /// `keyFramesDecoded`: key frames decoded.
    pub key_frames_decoded: u64,
    /// `framesRendered`: frames rendered.
    pub frames_rendered: u64,
    /// `framesAssembledFromMultiplePackets`: frames of more than one packet.
    pub frames_assembled_from_multiple_packets: u64,
    /// `totalAssemblyTime`: time from the first to the last packet of those frames.
    pub total_assembly_time: Duration,
    /// `jitterBufferDelay`: time from the arrival of the first packet until the frame was emitted.
    pub jitter_buffer_delay: Duration,
    /// `jitterBufferTargetDelay`: target delay when frames were emitted.
    pub jitter_buffer_target_delay: Duration,
    /// `jitterBufferEmittedCount`: frames emitted.
    pub jitter_buffer_emitted_count: u64,
    /// Time from emission to the render time; 0 for late frames. Not part of getStats, where frames
    /// wait before decoding.
    pub render_wait: Duration,
    /// `totalDecodeTime`: time spent decoding.
    pub total_decode_time: Duration,
    /// `totalProcessingDelay`: time from the arrival of the first packet until the frame was
    /// decoded.
    pub total_processing_delay: Duration,
    /// `totalInterFrameDelay`: time between rendered frames.
    pub total_inter_frame_delay: Duration,
    /// `totalSquaredInterFrameDelay`, in nanoseconds squared.
    pub total_squared_inter_frame_delay_ns2: u128,
    /// `freezeCount`: see [`super::FreezeDetector`].
    pub freeze_count: u64,
    /// `totalFreezesDuration`: total duration of freezes.
    pub total_freezes_duration: Duration,
    /// `pauseCount`: intervals of more than 5 s without a frame.
    pub pause_count: u64,
    /// `totalPausesDuration`: total duration of pauses.
    pub total_pauses_duration: Duration,
}

/// Maximum number of emitted frames whose decoding is pending.
const MAX_OPEN: usize = 64;

/// An emitted frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) arrived: Duration,
    pub(super) is_key: bool,
    pub(super) id: FrameId,
}

#[derive(Clone, Debug, Default)]
pub(super) struct StatsTracker {
    pub(super) stats: VideoStats,
    open: VecDeque<Open>,
    freezes: FreezeDetector,
    last_rendered: Option<Duration>,
}

impl StatsTracker {
    pub(super) fn emitted(&mut self, now: Duration, frame: &Frame, target: Duration) {
        let (first, last) = frame.arrived;
        let stats = &mut self.stats;
        stats.frames_received += 1;
        stats.jitter_buffer_emitted_count += 1;
        stats.jitter_buffer_delay += now.saturating_sub(first);
        stats.jitter_buffer_target_delay += target;
        stats.render_wait += frame.render_at.saturating_sub(now);
        if frame.packets > 1 {
            stats.frames_assembled_from_multiple_packets += 1;
            stats.total_assembly_time += last.saturating_sub(first);
        }
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        let Frame { number, is_key, id, .. } = *frame;
        self.open.push_back(Open { number, arrived: first, is_key, id });
    }

    /// Removes a frame whose decoding ended; `None` if it is unknown or already removed.
    pub(super) fn close(&mut self, number: u64) -> Option<Open> {
        let at = self.open.iter().position(|open| open.number == number)?;
        self.open.remove(at)
    }

    pub(super) fn decoded(&mut self, now: Duration, open: Open, took: Duration) {
        self.stats.frames_decoded += 1;
        self.stats.key_frames_decoded += u64::from(open.is_key);
        self.stats.total_decode_time += took;
        self.stats.total_processing_delay += now.saturating_sub(open.arrived);
    }

    pub(super) fn rendered(&mut self, at: Duration) {
        let stats = &mut self.stats;
        stats.frames_rendered += 1;
        if let Some(last) = self.last_rendered.replace(at) {
            let gap = at.saturating_sub(last);
            stats.total_inter_frame_delay += gap;
            let square = gap.as_nanos().saturating_mul(gap.as_nanos());
            let sum = &mut stats.total_squared_inter_frame_delay_ns2;
            *sum = sum.saturating_add(square);
            if gap > Duration::from_secs(5) {
                stats.pause_count += 1;
                stats.total_pauses_duration += gap;
            }
        }
        if let Some(freeze) = self.freezes.rendered(at) {
            stats.freeze_count += 1;
            stats.total_freezes_duration += freeze.length;
        }
    }
}
