//! A publisher over WebRTC: reassembles frames from packets, and puts them on the timeline of the
//! stream.

mod bitrate_limit;
mod described_layers;
mod key_frame_requests;
mod ssrc_selector;
mod timeline;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use codec_audio::opus_packet::duration_us;
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo, RecoveryOptions};
use codec_rtc::packet::VideoFormat;
use codec_rtc::rtp;
use codec_rtc::sequence::Unwrapper32;
use codec_webrtc::{
    Codec, KeyFrameRequestKind, Kind, Media, Mid, PathStats, Peer, RtpPacket, SenderReport,
};

use super::super::media::{AUDIO_HZ, AudioPacket, FrameInfo, VIDEO_HZ, VideoFrame};
use super::super::outcome::EndReason;
use super::super::room::Publisher;
use super::super::vp9_picture::Vp9Pictures;
use crate::clock::duration_of_ntp;
use bitrate_limit::BitrateLimit;
use described_layers::DescribedLayers;
use key_frame_requests::KeyFrameRequests;
use ssrc_selector::{SsrcMatch, SsrcSelector};
use timeline::Timeline;

/// Round trips for which lost packets are waited for. The stack requests a packet five times; a frame
/// that is passed on late is better than a key frame, which takes longer.
const ROUND_TRIPS: u32 = 4;
/// Audio is shifted if it differs from the video by more than this on the sender's clock.
const SYNC_TOLERANCE: Duration = Duration::from_millis(20);
/// The stack sends NACKs at this interval.
const NACK_INTERVAL: Duration = Duration::from_millis(33);

/// The receiving state of a publisher.
#[derive(Debug)]
pub(super) struct PublisherSession {
    buffer: FrameBuffer,
    /// The codec of the frames in the buffer.
    format: VideoFormat,
    /// Layers of H.264, whose payloads do not state them.
    layers: DescribedLayers,
    pictures: Vp9Pictures,
    video: Timeline,
    audio: Timeline,
    audio_ticks: Unwrapper32,
    video_ticks: Unwrapper32,
    last_audio: Option<i64>,
    video_source: SsrcSelector,
    audio_source: SsrcSelector,
    /// Available repair of missing video packets.
    repair: RecoveryOptions,
    mid: Option<Mid>,
    begun: Duration,
    requests: KeyFrameRequests,
    limit: BitrateLimit,
    /// Received frames and bytes.
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl PublisherSession {
    /// `begun`: the start of the stream.
    pub(super) fn new(begun: Duration) -> Self {
        Self {
            buffer: FrameBuffer::new(FrameBufferConfig::forwarding()),
            format: VideoFormat::Vp8,
            layers: DescribedLayers::default(),
            pictures: Vp9Pictures::default(),
            video: Timeline::new(VIDEO_HZ),
            audio: Timeline::new(AUDIO_HZ),
            audio_ticks: Unwrapper32::default(),
            video_ticks: Unwrapper32::default(),
            last_audio: None,
            video_source: SsrcSelector::default(),
            audio_source: SsrcSelector::default(),
            repair: RecoveryOptions { round_trips: ROUND_TRIPS, ..RecoveryOptions::default() },
            mid: None,
            begun,
            requests: KeyFrameRequests::new(),
            limit: BitrateLimit::default(),
            frames: 0,
            bytes: 0,
        }
    }

    /// Handles a negotiated media line.
    pub(super) fn handle_media_line(&mut self, media: &Media) {
        if media.kind == Kind::Video && media.direction.receives() {
            // The stack requests retransmission only with RTX.
            self.repair.nack = media.codecs.iter().any(|codec| codec.rtx.is_some());
            self.buffer.set_recovery(self.repair);
        }
    }

    /// Updates the link statistics.
    pub(super) fn handle_path_stats(&mut self, path: &PathStats) {
        if let Some(round_trip) = path.round_trip.or(path.ice_round_trip) {
            self.repair.rtt = round_trip.saturating_add(NACK_INTERVAL);
            self.buffer.set_recovery(self.repair);
        }
    }

    /// Handles a packet.
    pub(super) fn handle_packet(
        &mut self,
        now: Duration,
        packet: &RtpPacket,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        self.bytes += packet.payload.len() as u64;
        match packet.codec {
            Codec::Vp8 | Codec::H264 | Codec::Vp9 => {
                let format = match packet.codec {
                    Codec::H264 => VideoFormat::H264,
                    Codec::Vp9 => VideoFormat::Vp9,
                    _ => VideoFormat::Vp8,
                };
                match self.video_source.classify(now, packet.header.ssrc) {
                    SsrcMatch::Current => {}
                    SsrcMatch::Successor => self.restart_video(format),
                    SsrcMatch::Other => return Ok(()),
                }
                if self.format != format {
                    self.set_format(format);
                }
                self.mid = Some(packet.mid);
                let mut bytes = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + packet.payload.len());
                rtp::write(&packet.header, &mut bytes);
                bytes.extend_from_slice(&packet.payload);
                let captured = packet.extensions.abs_capture_time.map(|time| time.ntp);
                let descriptor = packet.extensions.dependency.as_deref();
                let descriptor = descriptor.filter(|_| format == VideoFormat::H264);
                let dependency = descriptor.and_then(|bytes| self.layers.read(bytes));
                let info = PacketInfo { captured, dependency, ..PacketInfo::default() };
                // Packets without a valid frame are counted by the buffer.
                let _ = self.buffer.push(now, &bytes, info);
                self.forward_frames(now, publisher)
            }
            Codec::Opus => self.handle_opus(now, packet, publisher),
            _ => Ok(()),
        }
    }

    fn handle_opus(
        &mut self,
        now: Duration,
        packet: &RtpPacket,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        match self.audio_source.classify(now, packet.header.ssrc) {
            SsrcMatch::Current => {}
            SsrcMatch::Successor => {
                (self.audio_ticks, self.last_audio) = (Unwrapper32::default(), None);
                self.audio.restart();
            }
            SsrcMatch::Other => return Ok(()),
        }
        let tick = self.audio_ticks.unwrap(packet.header.timestamp);
        // Reordered audio packets are too late for all viewers.
        if packet.payload.is_empty() || self.last_audio.is_some_and(|last| tick <= last) {
            return Ok(());
        }
        self.last_audio = Some(tick);
        let length = duration_us(&packet.payload).unwrap_or_default();
        let length = u64::from(length) * u64::from(AUDIO_HZ) / 1_000_000;
        let since = now.saturating_sub(self.begun);
        let Some(pts) = self.audio.audio_pts(tick, since, length) else { return Ok(()) };
        let data = packet.payload.to_vec().into();
        publisher.send_audio(AudioPacket { data, pts, ..AudioPacket::default() })
    }

    /// Prepares for frames of a codec; sequence numbers and timestamps continue.
    fn set_format(&mut self, format: VideoFormat) {
        self.format = format;
        self.layers = DescribedLayers::default();
        self.pictures = Vp9Pictures::default();
        let config = FrameBufferConfig { format, ..FrameBufferConfig::forwarding() };
        self.buffer = FrameBuffer::new(config);
        self.buffer.set_recovery(self.repair);
    }

    /// The sender restarted with another SSRC: sequence numbers and timestamps are new.
    fn restart_video(&mut self, format: VideoFormat) {
        self.set_format(format);
        self.video_ticks = Unwrapper32::default();
        self.video.restart();
    }

    /// Passes on complete frames.
    fn forward_frames(&mut self, now: Duration, publisher: &Publisher) -> Result<(), EndReason> {
        while let Some(frame) = self.buffer.poll_frame(now) {
            self.frames += 1;
            let tick = self.video_ticks.unwrap(frame.id.timestamp);
            let pts = self.video.pts(tick, now.saturating_sub(self.begun));
            let descriptor = frame.descriptor;
            let layer = descriptor.layer.unwrap_or_default();
            let facts = FrameInfo::parse(self.format, &frame.data);
            let described = self.layers.facts(frame.id.frame_number);
            let is_vp9 = self.format == VideoFormat::Vp9;
            let picture = if is_vp9 { self.pictures.read(&frame) } else { None };
            let is_sync = picture.as_ref().is_some_and(|(_, is_sync)| *is_sync);
            let hidden = facts.is_some_and(|facts| !facts.shown);
            publisher.send_video(VideoFrame {
                data: frame.data.into(),
                format: self.format,
                pts,
                key: frame.is_key,
                temporal_id: frame.temporal_id,
                layer_sync: layer.layer_sync || described.layer_sync || is_sync,
                vp9: picture.map(|(picture, _)| Arc::new(picture)),
                tl0_index: descriptor.layer.and(descriptor.tl0_pic_idx).filter(|_| !is_vp9),
                discardable: descriptor.non_reference || described.discardable,
                hidden,
                captured: frame.captured.unwrap_or(0),
                ..VideoFrame::default()
            })?;
        }
        Ok(())
    }

    /// Handles a sender report: aligns audio with video.
    pub(super) fn handle_sender_report(&mut self, report: &SenderReport) {
        let time = duration_of_ntp(report.ntp);
        let followed = [self.video_source.ssrc(), self.audio_source.ssrc()];
        if !followed.contains(&Some(report.ssrc)) {
            return;
        }
        if Some(report.mid) == self.mid {
            let tick = self.video_ticks.peek(report.rtp_timestamp);
            self.video.report = Some((tick, time));
        } else {
            let tick = self.audio_ticks.peek(report.rtp_timestamp);
            self.audio.report = Some((tick, time));
        }
        let (Some(video), Some(audio)) = (self.video.sender_at_zero(), self.audio.sender_at_zero())
        else {
            return;
        };
        let early = audio - video;
        if early.abs() > SYNC_TOLERANCE.as_secs_f64() {
            self.audio.shift(early);
        }
    }

    /// Requests a key frame for viewers.
    pub(super) fn request_key_frame(&mut self) {
        self.requests.need();
    }

    /// Whether to request a key frame now.
    fn is_request_due(&mut self, now: Duration) -> bool {
        if self.buffer.poll_lost_frame(now).is_some() {
            self.requests.need_after_loss();
        }
        if self.buffer.needs_key_frame(now) {
            self.requests.need();
        }
        self.requests.is_due(now)
    }

    /// Handles timeouts.
    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        self.forward_frames(now, publisher)?;
        if self.is_request_due(now)
            && let Some(ssrc) = self.video_source.ssrc()
            && peer.request_key_frame_of(now, ssrc, KeyFrameRequestKind::Pli)
        {
            self.requests.sent(now);
        }
        let budget = publisher.stream().budget().map(|budget| budget.stable);
        if let Some(mid) = self.mid
            && let Some(limit) = self.limit.poll(now, budget, publisher.stream().peak_bitrate())
        {
            peer.send_remb(now, mid, limit);
        }
        Ok(())
    }

    /// When a timeout is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let key = self.requests.poll_timeout();
        let limit = self.mid.map(|_| self.limit.next);
        [self.buffer.poll_timeout(), key, limit].into_iter().flatten().min()
    }
}
