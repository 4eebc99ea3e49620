//! RTCP from the receivers: reports, transport feedback and requests.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::{Sender, SenderEvent};
use crate::congestion::FeedbackOutcome;
use crate::pacer::Priority;
use crate::packet::vp8::CLOCK_HZ;
use crate::report::ntp;
use crate::rtcp::{self, ReportBlock};
use crate::session::outgoing::Outgoing;
use crate::session::reporters::ByeOutcome;
use crate::session::stats::RemoteInbound;

/// Minimum inherent loss at which retransmissions are sent twice, and the delay of the copy:
/// another request would take a round trip.
const LOSSY: f64 = 0.03;
const COPY_AFTER: Duration = Duration::from_millis(8);
/// Maximum number of pending copies.
const MAX_COPIES: usize = 256;

impl Sender {
    pub(super) fn handle_rtcp(&mut self, now: Duration, packet: rtcp::Packet) {
        if let Some(ssrc) = self.reporter(&packet) {
            self.reporters.reported(now, ssrc);
        }
        match packet {
            rtcp::Packet::ReceiverReport(report) => self.handle_report_blocks(now, &report.blocks),
            rtcp::Packet::SenderReport(report) => self.handle_report_blocks(now, &report.blocks),
            rtcp::Packet::TransportFeedback(feedback) => {
                let outcome = self.controller.on_twcc(now, &feedback);
                self.handle_feedback(now, &outcome);
            }
            rtcp::Packet::Ccfb(feedback) => {
                let outcome = self.controller.on_ccfb(now, &feedback);
                self.handle_feedback(now, &outcome);
            }
            rtcp::Packet::Nack(nack) => {
                self.retransmit_requested(now, nack.media_ssrc, &nack.sequences)
            }
            rtcp::Packet::Pli(_) | rtcp::Packet::Fir(_) => {
                if let Some(video) = &mut self.video {
                    video.on_key_frame_request(now);
                }
            }
            rtcp::Packet::Rpsi(rpsi) => {
                if let Some(video) = &mut self.video {
                    video.acknowledged(now, &rpsi);
                }
            }
            rtcp::Packet::Remb(remb) => {
                self.controller.on_remb(Bitrate(remb.bitrate_bps));
            }
            rtcp::Packet::Xr(report) => {
                if let Some(time) = report.reference_time {
                    self.reference_times.push(now, report.ssrc, time);
                }
            }
            rtcp::Packet::Bye(bye) => match self.reporters.left(now, &bye) {
                ByeOutcome::Unknown => self.stats.unknown_byes += 1,
                ByeOutcome::OthersRemain => {}
                ByeOutcome::LastLeft if self.has_left => {}
                ByeOutcome::LastLeft => {
                    self.has_left = true;
                    self.push_event(SenderEvent::Left);
                }
            },
            _ => {}
        }
    }

    /// Returns the SSRC of the receiver that sent a packet about our streams.
    fn reporter(&self, packet: &rtcp::Packet) -> Option<u32> {
        let about_ours = |blocks: &[ReportBlock]| blocks.iter().any(|it| self.is_ours(it.ssrc));
        let ssrc = match packet {
            rtcp::Packet::ReceiverReport(it) if about_ours(&it.blocks) => it.ssrc,
            rtcp::Packet::SenderReport(it) if about_ours(&it.blocks) => it.ssrc,
            // These count packets of all streams.
            rtcp::Packet::TransportFeedback(it) => it.sender_ssrc,
            rtcp::Packet::Ccfb(it) => it.sender_ssrc,
            rtcp::Packet::Remb(it) => it.sender_ssrc,
            rtcp::Packet::Nack(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            rtcp::Packet::Pli(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            rtcp::Packet::Rpsi(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            _ => return None,
        };
        Some(ssrc).filter(|&ssrc| !self.is_ours(ssrc))
    }

    fn handle_report_blocks(&mut self, now: Duration, blocks: &[ReportBlock]) {
        let wall = ntp::at(self.config.ntp_at_zero, now);
        let mut worst: Option<f64> = None;
        for block in blocks {
            if !self.is_ours(block.ssrc) {
                continue;
            }
            let round_trip = self.round_trip.on_report(wall, block);
            if let Some(rtt) = round_trip {
                self.update_round_trip(now, rtt);
            }
            let audio = self.config.streams.audio.filter(|stream| stream.ssrc == block.ssrc);
            let (remote, clock_hz) = match audio {
                Some(stream) => (&mut self.stats.remote_audio, stream.clock_hz),
                None => (&mut self.stats.remote_video, CLOCK_HZ),
            };
            *remote = Some(RemoteInbound::update(*remote, block, clock_hz, round_trip));
            if let Some(video) = self.video.as_mut().filter(|_| !self.has_packet_feedback) {
                video.reported(block);
            }
            let lost = f64::from(block.fraction_lost) / 256.0;
            worst = Some(worst.map_or(lost, |worst| worst.max(lost)));
        }
        if let Some(lost) = worst {
            self.fraction_lost = lost;
            self.controller.on_loss_report(now, lost);
        }
    }

    fn is_ours(&self, ssrc: u32) -> bool {
        let video = self.config.streams.video.is_some_and(|stream| stream.ssrc == ssrc);
        video || self.config.streams.audio.is_some_and(|stream| stream.ssrc == ssrc)
    }

    fn update_round_trip(&mut self, now: Duration, rtt: Duration) {
        self.controller.on_rtt(now, rtt);
        if let Some(video) = &mut self.video {
            video.set_round_trip(rtt);
        }
    }

    /// Handles the fate of single packets.
    fn handle_feedback(&mut self, now: Duration, outcome: &FeedbackOutcome) {
        self.has_packet_feedback = true;
        let Some(video) = &mut self.video else { return };
        for &number in &outcome.received {
            if let Some(part) = self.numbers.get(number) {
                video.arrived(part);
            }
        }
        for &number in &outcome.lost {
            if let Some(part) = self.numbers.get(number) {
                video.lost(now, part);
            }
        }
        let packets = outcome.received.len() + outcome.lost.len();
        video.observe(packets, &outcome.lost);
        video.set_queueing(self.controller.estimate().queueing_delay);
    }

    fn retransmit_requested(&mut self, now: Duration, ssrc: u32, sequences: &[u16]) {
        let is_lossy = self.controller.inherent_loss() >= LOSSY;
        let Some(video) = self.video.as_mut().filter(|video| video.ssrc() == ssrc) else { return };
        let mut all = Vec::new();
        for &sequence in sequences {
            let Some((first, second)) = video.retransmissions(now, sequence, is_lossy) else {
                continue;
            };
            all.push(first);
            if let Some(second) = second.filter(|_| self.copies.len() < MAX_COPIES) {
                self.copies.push_back((now + COPY_AFTER, second));
            }
        }
        for outgoing in all {
            self.retransmit(outgoing);
        }
    }

    pub(super) fn retransmit(&mut self, outgoing: Outgoing) {
        let bytes = outgoing.len_bytes(&self.config.streams.extensions) + self.overhead();
        if !self.pacer.push(bytes, Priority::Retransmission, outgoing) {
            self.stats.overflowed += 1;
        }
    }
}
