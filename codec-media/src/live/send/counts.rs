//! Statistics of the sender with getStats names (W3C webrtc-stats).

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, Packet};
use codec_core::frame::Size;
use codec_core::simulcast::{LayerState, MAX_LAYERS};

use super::adapt::AdaptationStats;
use super::encoder::FrameOutcome;
use super::layer::SentLayer;
use super::stream_stats::{outbound, remote, remote_object};
use crate::json::{self, Object};
use crate::live::losses::Losses;
use crate::live::output::{OutboundStats, OutputStats};
use crate::live::totals::{Totals, pair, stats_object};
use crate::progress::LayerCounts;

/// Counters of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Frames from the input.
    pub(super) captured: u64,
    /// Totals of the sent media.
    pub(super) totals: Totals,
    pub(super) encode_time: Duration,
    pub(super) qp_sum: u64,
    pub(super) qindex: Option<u8>,
    pub(super) size: Option<Size>,
    pub(super) target: Option<Bitrate>,
    pub(super) encoder: Option<String>,
    pub(super) adaptation: Option<AdaptationStats>,
    /// Losses of a live input.
    pub(super) losses: Option<Losses>,
    /// Layers of simulcast, the lowest first; empty for one size.
    pub(super) layers: Vec<SentLayer>,
}

impl Counts {
    pub(super) fn frame(&mut self, packet: &Packet, took: Duration) {
        let meta = &packet.meta;
        // The frames of a superframe count once; only the first one is a key frame.
        let is_whole = meta.spatial.end_of_picture;
        let is_key = meta.kind == FrameKind::Key;
        self.totals.frame(meta.shown && is_whole, is_key, packet.data.len());
        if !is_whole {
            return;
        }
        self.encode_time += took;
        if self.encoder.is_some() {
            self.qp_sum += u64::from(meta.qindex);
            self.qindex = Some(meta.qindex);
        }
    }

    /// Records a sent frame of a layer of simulcast.
    pub(super) fn layer_frame(&mut self, layer: usize, packet: &Packet) {
        let is_key = packet.meta.kind == FrameKind::Key;
        self.totals.frame(false, is_key, packet.data.len());
        self.qindex = Some(packet.meta.qindex);
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.frame(packet);
        }
    }

    /// Records the outcomes of a frame in the layers of simulcast, with their states.
    pub(super) fn layer_outcomes(
        &mut self,
        outcomes: &[FrameOutcome],
        states: &[LayerState],
        took: Duration,
    ) {
        self.encode_time += took;
        self.totals.frames += u64::from(outcomes.contains(&FrameOutcome::Coded));
        for ((layer, outcome), state) in self.layers.iter_mut().zip(outcomes).zip(states) {
            layer.update(state);
            layer.outcome(*outcome);
        }
    }

    pub(super) fn stats(&self, network: &OutputStats) -> Vec<Object> {
        let source = stats_object("media-source", "source")
            .text("kind", "video")
            .raw("frames", self.captured);
        let source = self.with_losses(source);
        let mut stats = match self.layers.is_empty() {
            true => vec![self.video(&network.video)],
            false => self.layer_stats(network),
        };
        stats.push(source);
        if self.totals.audio_packets > 0 {
            let audio = outbound("audio", &network.audio);
            stats.push(audio.raw("mediaBytesSent", self.totals.audio_bytes));
        }
        for (layer, stream) in self.layers.iter().zip(&network.layers) {
            stats.extend(remote(&layer.id(), stream));
        }
        let is_single = self.layers.is_empty();
        let mut remote_video = remote("video", &network.video).filter(|_| is_single);
        if let Some(delay) = network.delay {
            let object = remote_video.unwrap_or_else(|| remote_object("video"));
            remote_video = Some(object.float("captureToDecodedMs", delay.as_secs_f64() * 1000.0));
        }
        stats.extend(remote_video);
        stats.extend(remote("audio", &network.audio));
        let mut pair = pair("Sent", network.packets_sent, network.bytes_sent, network.round_trip);
        if let Some(rate) = network.available {
            pair = pair.raw("availableOutgoingBitrate", rate.0);
        }
        stats.push(pair);
        stats
    }

    /// Adds losses before the encoder.
    pub(super) fn with_losses(&self, object: Object) -> Object {
        match &self.losses {
            Some(losses) => object.raw("capture", losses.to_json().finish()),
            None => object,
        }
    }

    fn video(&self, stream: &OutboundStats) -> Object {
        let totals = &self.totals;
        let video = outbound("video", stream)
            .raw("framesSent", totals.frames)
            .raw("framesEncoded", totals.frames)
            .raw("keyFramesEncoded", totals.key_frames)
            .raw("framesDropped", totals.dropped)
            .raw("mediaBytesSent", totals.bytes)
            .raw("nackCount", stream.nacks)
            .raw("pliCount", stream.key_requests)
            .float("totalEncodeTime", self.encode_time.as_secs_f64());
        let mut video = self.with_limitation(video);
        if let Some(encoder) = &self.encoder {
            video = video.text("encoderImplementation", encoder).raw("qpSum", self.qp_sum);
        }
        if let Some(size) = self.size {
            video = video.raw("frameWidth", size.width).raw("frameHeight", size.height);
        }
        video.maybe("targetBitrate", self.target.map(|rate| rate.0))
    }

    /// Adds what limits the quality.
    fn with_limitation(&self, video: Object) -> Object {
        let Some(adaptation) = self.adaptation else { return video };
        let AdaptationStats { limitation, durations, size_changes } = adaptation;
        let durations = Object::new()
            .float("none", durations.none.as_secs_f64())
            .float("cpu", durations.cpu.as_secs_f64())
            .float("bandwidth", durations.bandwidth.as_secs_f64());
        video
            .text("qualityLimitationReason", limitation.name())
            .raw("qualityLimitationDurations", durations.finish())
            .raw("qualityLimitationResolutionChanges", size_changes)
    }

    /// An object for each layer of simulcast.
    fn layer_stats(&self, network: &OutputStats) -> Vec<Object> {
        let layers = self.layers.iter().zip(&network.layers);
        let objects = layers.map(|(layer, stream)| {
            let object = layer.stats(stream);
            let object = object.float("totalEncodeTime", self.encode_time.as_secs_f64());
            match &self.encoder {
                Some(encoder) => object.text("encoderImplementation", encoder),
                None => object,
            }
        });
        objects.map(|object| self.with_limitation(object)).collect()
    }

    /// Adds the layers of simulcast.
    pub(super) fn with_layers(&self, object: Object) -> Object {
        if self.layers.is_empty() {
            return object;
        }
        object.raw("layers", json::array(self.layers.iter().map(SentLayer::to_json)))
    }

    /// The layers of simulcast for the progress.
    pub(super) fn layer_counts(&self) -> [Option<LayerCounts>; MAX_LAYERS] {
        std::array::from_fn(|layer| self.layers.get(layer).map(SentLayer::counts))
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn kbps(&self, seconds: f64) -> f64 {
        self.totals.all_bytes() as f64 * 8.0 / seconds.max(1e-3) / 1000.0
    }
}
