//! RTCP of the receiver: NACK, PLI, acknowledgements, packet feedback and receiver reports.

use std::time::Duration;

use super::super::config::VideoStream;
use super::{Receiver, Recorder};
use crate::jitter::video::FrameId;
use crate::packet::VideoFormat;
use crate::report::ntp;
use crate::rtcp::{self, Nack, Pli, ReceiverReport, Rpsi, Sdes, Xr};

/// Minimum fraction lost in 1/256 at which requests are sent twice, the delay of the repetition,
/// and the maximum number of pending repetitions.
const LOSSY: u8 = 5;
const REPEAT_AFTER: Duration = Duration::from_millis(8);
const MAX_REPEATS: usize = 64;
/// Interval of acknowledgements: usual, and at high loss, when the sender depends on them.
const ACKNOWLEDGE_INTERVAL: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(15)];

impl Receiver {
    /// Sends feedback that cannot wait for a report.
    pub(super) fn request_recovery(&mut self, now: Duration) {
        let mut packets = Vec::new();
        let ssrc = self.config.ssrc;
        let interval = self.acknowledge_interval();
        if let Some(video) = &mut self.video {
            let media_ssrc = video.stream.ssrc;
            let mut missing = Vec::new();
            if let Some(nacker) = &mut video.nack_generator {
                nacker.poll(now, &mut missing);
            }
            for sequences in missing.chunks(Nack::MAX_SPARSE / 2) {
                let sequences = sequences.to_vec();
                let nack = rtcp::Packet::Nack(Nack { sender_ssrc: ssrc, media_ssrc, sequences });
                if self.fraction_lost >= LOSSY && self.repeats.len() < MAX_REPEATS {
                    self.repeats.push_back((now + REPEAT_AFTER, nack.clone()));
                }
                packets.push(nack);
            }
            while self.repeats.front().is_some_and(|&(at, _)| at <= now) {
                packets.extend(self.repeats.pop_front().map(|(_, nack)| nack));
            }
            let mut loss = None;
            if self.config.acknowledge_frames {
                loss = video.buffer.poll_lost_frame(now);
            }
            let asks = video.should_request_key_frame(now, &mut self.decryption);
            let since = self.acknowledged_at.map(|at| now.saturating_sub(at));
            let is_due = since.is_none_or(|since| since >= interval);
            let is_new = self.decoded != self.acknowledged;
            let is_urgent = asks || loss.is_some();
            if self.config.acknowledge_frames
                && (is_urgent || is_due && is_new)
                && let Some(rpsi) =
                    self.decoded.and_then(|id| acknowledgement(ssrc, &video.stream, id))
            {
                (self.acknowledged, self.acknowledged_at) = (self.decoded, Some(now));
                packets.push(rtcp::Packet::Rpsi(rpsi));
            }
            if asks {
                self.stats.key_frame_requests += 1;
                packets.push(rtcp::Packet::Pli(Pli { sender_ssrc: ssrc, media_ssrc }));
            }
        }
        match &mut self.recorder {
            Recorder::Off => {}
            Recorder::Twcc(recorder) => {
                let mut feedback = Vec::new();
                recorder.poll(now, &mut feedback);
                packets.extend(feedback.into_iter().map(rtcp::Packet::TransportFeedback));
            }
            Recorder::Ccfb(recorder) => {
                let mut feedback = Vec::new();
                recorder.poll(now, &mut feedback);
                packets.extend(feedback.into_iter().map(rtcp::Packet::Ccfb));
            }
        }
        // Reduced-size RTCP (RFC 5506): fill each datagram.
        let mut datagram = Vec::new();
        for packet in packets {
            let before = datagram.len();
            if packet.write(&mut datagram).is_err() {
                continue;
            }
            if datagram.len() > 1200 && before > 0 {
                let rest = datagram.split_off(before);
                self.schedule.on_packet(datagram.len());
                self.ready.push_back(std::mem::replace(&mut datagram, rest));
            }
        }
        if !datagram.is_empty() {
            self.schedule.on_packet(datagram.len());
            self.ready.push_back(datagram);
        }
    }

    pub(super) fn acknowledge_interval(&self) -> Duration {
        ACKNOWLEDGE_INTERVAL[usize::from(self.fraction_lost >= LOSSY)]
    }

    /// Sends a receiver report with CNAME and receiver reference time.
    pub(super) fn report(&mut self, now: Duration) {
        let ssrc = self.config.ssrc;
        let video = self.video.as_mut().and_then(|video| video.reception.report(now));
        let audio = self.audio.as_mut().and_then(|audio| audio.reception.report(now));
        self.fraction_lost = video.map_or(0, |block| block.fraction_lost);
        let blocks = video.into_iter().chain(audio).collect();
        let reference_time = Some(ntp::at(self.config.ntp_at_zero, now));
        let packets = [
            rtcp::Packet::ReceiverReport(ReceiverReport { ssrc, blocks }),
            rtcp::Packet::Sdes(Sdes::cname(ssrc, &self.config.cname)),
            rtcp::Packet::Xr(Xr { ssrc, reference_time, ..Xr::default() }),
        ];
        self.send(&packets);
    }

    pub(super) fn send(&mut self, packets: &[rtcp::Packet]) {
        let mut datagram = Vec::new();
        // Our packets are within their ranges.
        if rtcp::write_compound(packets, &mut datagram).is_ok() {
            self.schedule.on_packet(datagram.len());
            self.ready.push_back(datagram);
        }
    }
}

/// Acknowledges a frame of a stream; `None` if it has no identifier.
fn acknowledgement(ssrc: u32, stream: &VideoStream, frame: FrameId) -> Option<Rpsi> {
    let payload_type = stream.payload_type;
    match stream.format {
        VideoFormat::Vp8 | VideoFormat::Vp9 => {
            Some(Rpsi::vp8(ssrc, stream.ssrc, payload_type, frame.picture_id?))
        }
        VideoFormat::H264 => Some(Rpsi::h264(ssrc, stream.ssrc, payload_type, frame.frame_number?)),
    }
}
