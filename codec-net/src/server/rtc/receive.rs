//! From a publisher: packets to frames, on the time line of the stream.

use std::time::Duration;

use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::rtp;
use codec_rtc::sequence::Unwrapper32;
use codec_rtc::webrtc::{Codec, KeyFrameRequestKind, Mid, Peer, RtpPacket, SenderReport};

use super::super::media::{FrameFacts, SOUND_HZ, SoundPacket, VIDEO_HZ, VideoFrame};
use super::super::outcome::EndReason;
use super::super::room::Publisher;
use crate::clock::duration_of_ntp;

/// Least time between two requests for a key frame.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);
/// Sound that lies further beside the picture than this, by the sender's own clock, is moved.
const SYNC_TOLERANCE: Duration = Duration::from_millis(20);

/// Ticks of a media line, and the stream's time at one of them.
#[derive(Clone, Copy, Debug)]
struct Line {
    hz: u32,
    /// Time of the stream at tick 0, in ticks; may be negative.
    offset: Option<i64>,
    /// The sender's clock at one tick.
    report: Option<(i64, Duration)>,
    /// The last time that was passed on.
    last: u64,
}

impl Line {
    fn new(hz: u32) -> Self {
        Self { hz, offset: None, report: None, last: 0 }
    }

    fn ticks(&self, time: Duration) -> i64 {
        let ticks = time.as_nanos() * u128::from(self.hz) / 1_000_000_000;
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// The stream's time of a tick that came at `now` since the beginning, never before the last.
    fn pts(&mut self, tick: i64, now: Duration) -> u64 {
        let arrived = self.ticks(now);
        let offset = *self.offset.get_or_insert(arrived.saturating_sub(tick));
        let pts = u64::try_from(tick.saturating_add(offset)).unwrap_or(0);
        self.last = self.last.max(pts);
        self.last
    }

    /// The sender's clock at the stream's beginning, in seconds; positive or not.
    fn sender_at_zero(&self) -> Option<f64> {
        let (tick, at) = self.report?;
        let since = tick.saturating_add(self.offset?);
        #[expect(clippy::cast_precision_loss, reason = "microseconds over years are enough")]
        let seconds = since as f64 / f64::from(self.hz);
        Some(at.as_secs_f64() - seconds)
    }
}

/// What a publisher sends.
#[derive(Debug)]
pub(super) struct Receiving {
    buffer: FrameBuffer,
    video: Line,
    sound: Line,
    sound_ticks: Unwrapper32,
    video_ticks: Unwrapper32,
    last_sound: Option<i64>,
    mid: Option<Mid>,
    begun: Duration,
    asked: Option<Duration>,
    wants_key: bool,
    /// Frames and bytes that came.
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Receiving {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            buffer: FrameBuffer::new(FrameBufferConfig::low_latency()),
            video: Line::new(VIDEO_HZ),
            sound: Line::new(SOUND_HZ),
            sound_ticks: Unwrapper32::default(),
            video_ticks: Unwrapper32::default(),
            last_sound: None,
            mid: None,
            begun: now,
            asked: None,
            wants_key: false,
            frames: 0,
            bytes: 0,
        }
    }

    /// A packet came.
    pub(super) fn packet(
        &mut self,
        now: Duration,
        packet: &RtpPacket,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        self.bytes += packet.payload.len() as u64;
        match packet.codec {
            Codec::Vp8 => {
                self.mid = Some(packet.mid);
                let mut bytes = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + packet.payload.len());
                rtp::write(&packet.header, &mut bytes);
                bytes.extend_from_slice(&packet.payload);
                let captured = packet.extensions.abs_capture_time.map(|time| time.ntp);
                let info = PacketInfo { captured, ..PacketInfo::default() };
                // What has no frame in it is counted by the buffer.
                let _ = self.buffer.push(now, &bytes, info);
                self.frames(now, publisher)
            }
            Codec::Opus => self.opus(now, packet, publisher),
            _ => Ok(()),
        }
    }

    fn opus(
        &mut self,
        now: Duration,
        packet: &RtpPacket,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        let tick = self.sound_ticks.unwrap(packet.header.timestamp);
        // What was overtaken comes too late for everybody.
        if packet.payload.is_empty() || self.last_sound.is_some_and(|last| tick <= last) {
            return Ok(());
        }
        self.last_sound = Some(tick);
        let pts = self.sound.pts(tick, now.saturating_sub(self.begun));
        let data = packet.payload.to_vec().into();
        publisher.sound(SoundPacket { data, pts, ..SoundPacket::default() })
    }

    /// Passes on what is complete.
    fn frames(&mut self, now: Duration, publisher: &Publisher) -> Result<(), EndReason> {
        while let Some(frame) = self.buffer.poll(now) {
            self.frames += 1;
            let tick = self.video_ticks.unwrap(frame.id.timestamp);
            let pts = self.video.pts(tick, now.saturating_sub(self.begun));
            let descriptor = frame.descriptor;
            let layer = descriptor.layer.unwrap_or_default();
            let hidden = FrameFacts::read(&frame.data).is_some_and(|facts| !facts.shown);
            publisher.video(VideoFrame {
                data: frame.data.into(),
                pts,
                key: frame.is_key,
                temporal_id: layer.temporal_id,
                layer_sync: layer.layer_sync,
                tl0_index: descriptor.layer.and(descriptor.tl0_index),
                discardable: descriptor.non_reference,
                hidden,
                captured: frame.captured.unwrap_or(0),
                ..VideoFrame::default()
            })?;
        }
        Ok(())
    }

    /// The sender told its clock: sound is put beside the picture.
    pub(super) fn report(&mut self, report: &SenderReport) {
        let time = duration_of_ntp(report.ntp);
        if Some(report.mid) == self.mid {
            let tick = self.video_ticks.peek(report.rtp_timestamp);
            self.video.report = Some((tick, time));
        } else {
            let tick = self.sound_ticks.peek(report.rtp_timestamp);
            self.sound.report = Some((tick, time));
        }
        let (Some(video), Some(sound)) = (self.video.sender_at_zero(), self.sound.sender_at_zero())
        else {
            return;
        };
        let early = sound - video;
        if early.abs() > SYNC_TOLERANCE.as_secs_f64()
            && let Some(offset) = &mut self.sound.offset
        {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let ticks = (early * f64::from(SOUND_HZ)) as i64;
            *offset = offset.saturating_add(ticks);
        }
    }

    /// Somebody needs a key frame.
    pub(super) fn want_key(&mut self) {
        self.wants_key = true;
    }

    /// Does what is due.
    pub(super) fn tick(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        publisher: &Publisher,
    ) -> Result<(), EndReason> {
        self.frames(now, publisher)?;
        let wanted = self.wants_key || self.buffer.needs_key(now);
        let waited = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= KEY_FRAME_GAP);
        if let Some(mid) = self.mid.filter(|_| wanted && waited)
            && peer.request_key_frame(now, mid, KeyFrameRequestKind::Pli)
        {
            (self.asked, self.wants_key) = (Some(now), false);
        }
        Ok(())
    }

    /// When something is due.
    pub(super) fn next_time(&self) -> Option<Duration> {
        let key = self.asked.map(|asked| asked.saturating_add(KEY_FRAME_GAP));
        let key = key.filter(|_| self.wants_key);
        [self.buffer.next_time(), key].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_begin_with_the_arrival_and_never_go_back() {
        let mut line = Line::new(90_000);
        assert_eq!(line.pts(4_000_000_000, Duration::from_millis(100)), 9000);
        assert_eq!(line.pts(4_000_003_000, Duration::from_millis(900)), 12_000);
        assert_eq!(line.pts(3_999_000_000, Duration::from_millis(901)), 12_000);
    }

    #[test]
    fn sound_is_moved_beside_the_picture_by_the_senders_clock() {
        let mut receiving = Receiving::new(Duration::ZERO);
        let (picture, sound) = (Mid::new("0"), Mid::new("1"));
        receiving.mid = Some(picture);
        let now = Duration::from_millis(500);
        let tick = receiving.video_ticks.unwrap(1000);
        receiving.video.pts(tick, now);
        let tick = receiving.sound_ticks.unwrap(7000);
        receiving.sound.pts(tick, now);
        // The sender's clock says that sound was captured 100 ms before the picture.
        let report = |mid, timestamp, ms: u64| SenderReport {
            mid,
            ssrc: 1,
            ntp: crate::clock::ntp_duration(Duration::from_millis(100_000 + ms)),
            rtp_timestamp: timestamp,
            arrival: now,
        };
        receiving.report(&report(picture, 1000, 100));
        receiving.report(&report(sound, 7000, 0));
        let tick = receiving.sound_ticks.unwrap(7000 + 4800 + 960);
        assert!(receiving.sound.pts(tick, now).abs_diff(24_000 + 960) < 5);
    }
}
