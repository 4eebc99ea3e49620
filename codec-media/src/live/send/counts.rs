//! Statistics of the sender with getStats names (W3C webrtc-stats).

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, Packet};
use codec_core::frame::Size;

use super::adapt::AdaptationStats;
use crate::json::{self, Object};
use crate::live::losses::Losses;
use crate::live::output::{OutboundStats, OutputStats};
use crate::live::totals::{Totals, pair, seconds, stats_object};

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

    pub(super) fn stats(&self, network: &OutputStats) -> Vec<Object> {
        let source = stats_object("media-source", "source")
            .text("kind", "video")
            .raw("frames", self.captured);
        let source = self.with_losses(source);
        let mut stats = vec![self.video(&network.video), source];
        if self.totals.audio_packets > 0 {
            let audio = outbound("audio", &network.audio);
            stats.push(audio.raw("mediaBytesSent", self.totals.audio_bytes));
        }
        let mut remote_video = remote("video", &network.video);
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
        let mut video = outbound("video", stream)
            .raw("framesSent", totals.frames)
            .raw("framesEncoded", totals.frames)
            .raw("keyFramesEncoded", totals.key_frames)
            .raw("framesDropped", totals.dropped)
            .raw("mediaBytesSent", totals.bytes)
            .raw("nackCount", stream.nacks)
            .raw("pliCount", stream.key_requests)
            .float("totalEncodeTime", self.encode_time.as_secs_f64());
        if let Some(encoder) = &self.encoder {
            video = video.text("encoderImplementation", encoder).raw("qpSum", self.qp_sum);
        }
        if let Some(size) = self.size {
            video = video.raw("frameWidth", size.width).raw("frameHeight", size.height);
        }
        video = video.maybe("targetBitrate", self.target.map(|rate| rate.0));
        if let Some(AdaptationStats { limitation, durations, size_changes }) = self.adaptation {
            let durations = Object::new()
                .float("none", durations.none.as_secs_f64())
                .float("cpu", durations.cpu.as_secs_f64())
                .float("bandwidth", durations.bandwidth.as_secs_f64());
            video = video
                .text("qualityLimitationReason", limitation.name())
                .raw("qualityLimitationDurations", durations.finish())
                .raw("qualityLimitationResolutionChanges", size_changes);
        }
        video
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn kbps(&self, seconds: f64) -> f64 {
        self.totals.all_bytes() as f64 * 8.0 / seconds.max(1e-3) / 1000.0
    }
}

fn outbound(kind: &str, stream: &OutboundStats) -> Object {
    let object = stats_object("outbound-rtp", kind)
        .text("kind", kind)
        .raw("packetsSent", stream.packets)
        .raw("bytesSent", stream.bytes);
    let object = match stream.header_bytes {
        Some(bytes) => object.raw("headerBytesSent", bytes),
        None => object,
    };
    let Some(repair) = stream.repair else { return object };
    object
        .raw("retransmittedPacketsSent", repair.retransmitted)
        .raw("retransmittedBytesSent", repair.retransmitted_bytes)
        .raw("fecPacketsSent", repair.fec)
        .raw("fecBytesSent", repair.fec_bytes)
}

fn remote_object(kind: &str) -> Object {
    stats_object("remote-inbound-rtp", &format!("remote-{kind}"))
        .text("kind", kind)
        .text("localId", kind)
}

/// The receiver's report on a stream.
fn remote(kind: &str, stream: &OutboundStats) -> Option<Object> {
    let said = stream.remote?;
    let mut object = remote_object(kind);
    if let Some(share) = said.fraction_lost {
        object = object.raw("fractionLost", json::float(share));
    }
    if let Some(lost) = said.lost {
        object = object.raw("packetsLost", lost);
    }
    if let Some(jitter) = said.jitter {
        object = object.raw("jitter", seconds(jitter));
    }
    if let Some(time) = said.round_trip {
        object = object.raw("roundTripTime", seconds(time));
    }
    Some(object)
}
