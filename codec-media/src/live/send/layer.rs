//! Statistics of a layer of simulcast.

use codec_core::codec::{Bitrate, FrameKind, Packet};
use codec_core::frame::Size;
use codec_core::simulcast::LayerState;

use super::encoder::FrameOutcome;
use super::stream_stats::outbound;
use crate::count::counted;
use crate::json::Object;
use crate::live::output::OutboundStats;
use crate::live::totals::Totals;
use crate::progress::LayerCounts;

/// Counters of a layer of simulcast.
#[derive(Clone, Debug)]
pub(super) struct SentLayer {
    rid: &'static str,
    size: Size,
    is_active: bool,
    target: Option<Bitrate>,
    totals: Totals,
    qp_sum: u64,
}

impl SentLayer {
    pub(super) fn new(rid: &'static str, state: &LayerState) -> Self {
        let mut layer = Self {
            rid,
            size: state.size,
            is_active: false,
            target: None,
            totals: Totals::default(),
            qp_sum: 0,
        };
        layer.update(state);
        layer
    }

    /// Records the state of the encoder.
    pub(super) fn update(&mut self, state: &LayerState) {
        (self.size, self.is_active, self.target) = (state.size, state.is_running, state.bitrate);
    }

    /// Records the outcome of a frame.
    pub(super) fn outcome(&mut self, outcome: FrameOutcome) {
        self.totals.dropped += u64::from(outcome == FrameOutcome::Dropped);
    }

    /// Records a sent frame.
    pub(super) fn frame(&mut self, packet: &Packet) {
        let is_key = packet.meta.kind == FrameKind::Key;
        self.totals.frame(packet.meta.shown, is_key, packet.data.len());
        self.qp_sum += u64::from(packet.meta.qindex);
    }

    /// Id of its objects in statistics.
    pub(super) fn id(&self) -> String {
        format!("video-{}", self.rid)
    }

    /// Its object with getStats names.
    pub(super) fn stats(&self, stream: &OutboundStats) -> Object {
        let totals = &self.totals;
        outbound(&self.id(), stream)
            .text("rid", self.rid)
            .raw("active", self.is_active)
            .raw("frameWidth", self.size.width)
            .raw("frameHeight", self.size.height)
            .raw("framesSent", totals.frames)
            .raw("framesEncoded", totals.frames)
            .raw("keyFramesEncoded", totals.key_frames)
            .raw("framesDropped", totals.dropped)
            .raw("mediaBytesSent", totals.bytes)
            .raw("nackCount", stream.nacks)
            .raw("pliCount", stream.key_requests)
            .raw("qpSum", self.qp_sum)
            .maybe("targetBitrate", self.target.map(|rate| rate.0))
    }

    /// Its part of the summary.
    pub(super) fn to_json(&self) -> String {
        let totals = &self.totals;
        Object::new()
            .text("rid", self.rid)
            .raw("width", self.size.width)
            .raw("height", self.size.height)
            .raw("frames", totals.frames)
            .raw("key_frames", totals.key_frames)
            .raw("dropped", totals.dropped)
            .raw("bytes", totals.bytes)
            .finish()
    }

    /// Its part of the summary as text, for a stream of `seconds`.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn summary(&self, seconds: f64) -> String {
        let kbps = self.totals.bytes as f64 * 8.0 / seconds.max(1e-3) / 1000.0;
        format!("{} {kbps:.0} kb/s in {}", self.size, counted(self.totals.frames, "frame"))
    }

    pub(super) fn counts(&self) -> LayerCounts {
        LayerCounts {
            rid: self.rid,
            size: self.size,
            is_active: self.is_active,
            frames: self.totals.frames,
            bytes: self.totals.bytes,
        }
    }
}
