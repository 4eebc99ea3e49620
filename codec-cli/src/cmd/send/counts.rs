//! What was sent, as getStats calls it (W3C webrtc-stats).

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, Packet};
use codec_core::frame::Size;

use super::adapt::AdaptationFigures;
use crate::json::Object;
use crate::live::outlet::OutletFigures;

/// Counts of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Pictures that came from the input.
    pub(super) captured: u64,
    /// Frames that were sent.
    pub(super) frames: u64,
    pub(super) keys: u64,
    pub(super) dropped: u64,
    pub(super) bytes: u64,
    pub(super) sound_packets: u64,
    pub(super) sound_bytes: u64,
    pub(super) encode_time: Duration,
    pub(super) qp_sum: u64,
    pub(super) qindex: Option<u8>,
    pub(super) size: Option<Size>,
    pub(super) target: Option<Bitrate>,
    pub(super) encoder: Option<String>,
    pub(super) adaptation: Option<AdaptationFigures>,
}

impl Counts {
    pub(super) fn frame(&mut self, packet: &Packet, took: Duration) {
        self.frames += u64::from(packet.meta.shown);
        self.keys += u64::from(packet.meta.kind == FrameKind::Key);
        self.bytes += packet.data.len() as u64;
        self.encode_time += took;
        if self.encoder.is_some() {
            self.qp_sum += u64::from(packet.meta.qindex);
            self.qindex = Some(packet.meta.qindex);
        }
    }

    pub(super) fn stats(&self, network: &OutletFigures) -> Vec<Object> {
        let mut video = Object::new()
            .text("type", "outbound-rtp")
            .text("id", "video")
            .text("kind", "video")
            .raw("framesSent", self.frames)
            .raw("framesEncoded", self.frames)
            .raw("keyFramesEncoded", self.keys)
            .raw("framesDropped", self.dropped)
            .raw("packetsSent", network.packets_sent)
            .raw("bytesSent", network.bytes_sent)
            .raw("mediaBytesSent", self.bytes)
            .raw("retransmittedPacketsSent", network.retransmitted)
            .raw("fecPacketsSent", network.fec_packets)
            .raw("nackCount", network.nacks)
            .raw("pliCount", network.key_requests)
            .float("totalEncodeTime", self.encode_time.as_secs_f64());
        if let Some(encoder) = &self.encoder {
            video = video.text("encoderImplementation", encoder).raw("qpSum", self.qp_sum);
        }
        if let Some(size) = self.size {
            video = video.raw("frameWidth", size.width).raw("frameHeight", size.height);
        }
        video = video.maybe("targetBitrate", self.target.map(|rate| rate.0));
        if let Some(AdaptationFigures { limitation, durations, size_changes }) = self.adaptation {
            let durations = Object::new()
                .float("none", durations.none.as_secs_f64())
                .float("cpu", durations.cpu.as_secs_f64())
                .float("bandwidth", durations.bandwidth.as_secs_f64());
            video = video
                .text("qualityLimitationReason", limitation.name())
                .raw("qualityLimitationDurations", durations.finish())
                .raw("qualityLimitationResolutionChanges", size_changes);
        }
        let source = Object::new()
            .text("type", "media-source")
            .text("id", "source")
            .text("kind", "video")
            .raw("frames", self.captured);
        let mut stats = vec![video, source];
        if self.sound_packets > 0 {
            let sound = Object::new()
                .text("type", "outbound-rtp")
                .text("id", "audio")
                .text("kind", "audio")
                .raw("packetsSent", self.sound_packets)
                .raw("bytesSent", self.sound_bytes);
            stats.push(sound);
        }
        let mut remote = Object::new().text("type", "remote-inbound-rtp").text("id", "remote");
        if let Some(lost) = network.fraction_lost {
            remote = remote.float("fractionLost", lost);
        }
        if let Some(delay) = network.delay {
            remote = remote.float("captureToDecodedMs", delay.as_secs_f64() * 1000.0);
        }
        if let Some(time) = network.round_trip {
            remote = remote.float("roundTripTime", time.as_secs_f64());
        }
        stats.push(remote);
        if network.available.is_some() || network.round_trip.is_some() {
            let round_trip = network.round_trip.map(|time| time.as_secs_f64());
            let pair = Object::new()
                .text("type", "candidate-pair")
                .text("id", "pair")
                .maybe("availableOutgoingBitrate", network.available.map(|rate| rate.0))
                .maybe("currentRoundTripTime", round_trip.map(crate::json::float));
            stats.push(pair);
        }
        stats
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn text(&self, seconds: f64) -> String {
        let kbps = (self.bytes + self.sound_bytes) as f64 * 8.0 / seconds.max(1e-3) / 1000.0;
        let mut text = format!(
            "{} frames in {seconds:.1} s, {} bytes, {} key frames",
            self.frames, self.bytes, self.keys
        );
        if self.sound_packets > 0 {
            text.push_str(&format!("; {} packets of sound", self.sound_packets));
        }
        if self.dropped > 0 {
            text.push_str(&format!("; {} frames left out", self.dropped));
        }
        text.push_str(&format!("; {kbps:.0} kb/s"));
        text
    }
}
