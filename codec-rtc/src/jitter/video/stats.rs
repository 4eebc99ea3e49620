//! Statistics by the names of getStats (`RTCInboundRtpStreamStats`).

use std::collections::VecDeque;
use std::time::Duration;

use super::frame::{Frame, FrameId};
use super::freeze::FreezeDetector;

/// What became of a stream's frames. Names and meanings are those of getStats; times are sums over
/// frames unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// `framesReceived`: complete frames, and incomplete ones that were passed over.
    pub frames_received: u64,
    /// `framesDropped`: received and not decoded.
    pub frames_dropped: u64,
    /// `framesDecoded`.
    pub frames_decoded: u64,
    /// `keyFramesDecoded`.
    pub key_frames_decoded: u64,
    /// `framesRendered`.
    pub frames_rendered: u64,
    /// `framesAssembledFromMultiplePackets`.
    pub frames_assembled_from_multiple_packets: u64,
    /// `totalAssemblyTime`: from the first to the last packet of those.
    pub total_assembly_time: Duration,
    /// `jitterBufferDelay`: from the first packet's arrival until the frame came out.
    pub jitter_buffer_delay: Duration,
    /// `jitterBufferTargetDelay`: what was aimed at when they came out.
    pub jitter_buffer_target_delay: Duration,
    /// `jitterBufferEmittedCount`: frames that came out.
    pub jitter_buffer_emitted_count: u64,
    /// From coming out until they are due on the screen; 0 for those that are late. getStats has no
    /// name for it: there decoding waits for the same time.
    pub render_wait: Duration,
    /// `totalDecodeTime`.
    pub total_decode_time: Duration,
    /// `totalProcessingDelay`: from the first packet's arrival until the frame was decoded.
    pub total_processing_delay: Duration,
    /// `totalInterFrameDelay`: between rendered frames.
    pub total_inter_frame_delay: Duration,
    /// `totalSquaredInterFrameDelay`, in nanoseconds squared.
    pub total_squared_inter_frame_delay_ns2: u128,
    /// `freezeCount`.
    pub freeze_count: u64,
    /// `totalFreezesDuration`.
    pub total_freezes_duration: Duration,
    /// `pauseCount`: more than 5 s without a picture.
    pub pause_count: u64,
    /// `totalPausesDuration`.
    pub total_pauses_duration: Duration,
}

/// Frames between the buffer and the end of their decoding that are remembered.
const MAX_OPEN: usize = 64;

/// A frame that came out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) arrived: Duration,
    pub(super) is_key: bool,
    pub(super) id: FrameId,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Bookkeeping {
    pub(super) stats: VideoStats,
    open: VecDeque<Open>,
    freezes: FreezeDetector,
    last_rendered: Option<Duration>,
}

impl Bookkeeping {
    pub(super) fn given(&mut self, now: Duration, frame: &Frame, target: Duration) {
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

    /// The end of a frame's decoding; `None` if it is not known, or was told before.
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
        if let Some(freeze) = self.freezes.shown(at) {
            stats.freeze_count += 1;
            stats.total_freezes_duration += freeze.length;
        }
    }
}
