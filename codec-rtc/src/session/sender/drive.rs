//! Timed work of the sender: rates, probes, paced packets and sender reports.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::{Sender, SenderEvent};
use crate::allocation::Allocation;
use crate::audio::LinkConditions;
use crate::congestion::Estimate;
use crate::extension::abs_send_time;
use crate::pacer::{Departure, Priority};
use crate::report::ntp;
use crate::rtcp::{self, Sdes, SenderReport, Xr};
use crate::session::outgoing::Outgoing;
use crate::session::video_out::VideoOut;

/// Minimum pacing rate.
const MIN_PACE: Bitrate = Bitrate(100_000);
/// Interval of updates of the audio resilience, and the headers of audio packets of 20 ms in bits
/// per second.
const AUDIO_CHECK_INTERVAL: Duration = Duration::from_secs(1);
const AUDIO_OVERHEAD_BPS: u64 = 50 * 8 * 58;

impl Sender {
    /// Prepares at most one media packet. Returns `false` if no more packets are due by `now`.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        self.follow(now);
        while self.copies.front().is_some_and(|&(at, _)| at <= now) {
            if let Some((_, outgoing)) = self.copies.pop_front() {
                self.retransmit(outgoing);
            }
        }
        if self.schedule.poll(now) {
            self.report(now);
        }
        let Some(departure) = self.pacer.poll_departure(now) else { return false };
        let datagram = self.stamp(now, departure);
        self.ready.push_back(datagram);
        true
    }

    /// Updates the rates from the current estimate.
    fn follow(&mut self, now: Duration) {
        let changed = self.controller.poll(now);
        if !self.controls_rate {
            return;
        }
        if let Some(estimate) = changed {
            let pace = self.controller.pacing_rate().max(MIN_PACE);
            // Within the pacer's range.
            let _ = self.pacer.set_rate(pace);
            self.schedule.set_bandwidth(estimate.target.0);
            let repair = self.video.as_ref().map(VideoOut::repair_overhead).unwrap_or_default();
            let allocation = self.allocator.allocate(estimate.target, repair);
            if let Some(video) = &mut self.video {
                video.set_bitrate(allocation.video.0);
            }
            self.stats.target = estimate.target;
            self.stats.video_target = allocation.video;
            let steady_video = Bitrate(scaled(allocation.video.0, &estimate));
            self.push_event(SenderEvent::Target { estimate, allocation, steady_video });
            self.update_audio_resilience(now, &estimate, &allocation);
        }
        self.pacer.set_congested(self.controller.is_window_full(now));
        // A probe without media to fill it would only wait for its end.
        if !self.pacer.is_probing()
            && self.video.as_ref().is_some_and(VideoOut::can_pad)
            && let Some(cluster) = self.controller.poll_probe()
        {
            self.pacer.start_probe(now, cluster);
        }
        while let Some(bytes) = self.pacer.poll_padding(now) {
            let padding = self.video.as_mut().and_then(|video| video.padding(bytes));
            let Some(outgoing) = padding else { break };
            let len = outgoing.len_bytes(&self.config.streams.extensions) + self.overhead();
            if !self.pacer.push(len, Priority::Padding, outgoing) {
                break;
            }
        }
    }

    /// Updates the audio resilience at intervals.
    fn update_audio_resilience(&mut self, now: Duration, estimate: &Estimate, parts: &Allocation) {
        let Some(stream) = self.config.streams.audio.filter(|stream| stream.is_opus()) else {
            return;
        };
        if now < self.next_audio_check {
            return;
        }
        self.next_audio_check = now + AUDIO_CHECK_INTERVAL;
        let burst = self.video.as_ref().map_or(1.0, VideoOut::burst);
        let link = LinkConditions {
            loss: estimate.loss,
            burst,
            // It also pays for headers and redundant copies.
            bitrate: Bitrate(parts.audio.0 + AUDIO_OVERHEAD_BPS),
            red: stream.red.is_some(),
        };
        let (before, after) = (self.resilience, self.resilience.next(&link));
        if before != after {
            self.resilience = after;
            self.set_audio_redundancy(after.red_depth.into());
            self.push_event(SenderEvent::AudioResilience { before, after });
        }
    }

    /// Stamps a packet and records it as sent.
    fn stamp(&mut self, now: Duration, departure: Departure<Outgoing>) -> Vec<u8> {
        let Departure { packet: mut outgoing, probe } = departure;
        let map = self.config.streams.extensions;
        if let (Some(video), false) = (&mut self.video, outgoing.is_audio) {
            video.on_sent(now, &outgoing);
        }
        let number = self.transport_sequence;
        self.transport_sequence = number.wrapping_add(1);
        self.numbers.set(number, outgoing.part);
        outgoing.extensions.transport_sequence = Some(number);
        let wall = ntp::at(self.config.ntp_at_zero, now);
        outgoing.extensions.abs_send_time = Some(abs_send_time(wall));
        let bytes = outgoing.bytes(&map);
        let on_wire = bytes.len() + self.overhead();
        let size = u32::try_from(on_wire).unwrap_or(u32::MAX);
        self.controller.on_sent(now, number, size, outgoing.kind, probe);
        self.controller.on_sent_rtp(outgoing.header.ssrc, outgoing.header.sequence, number);
        let overhead = self.overhead();
        let traffic = self.stats.traffic(outgoing.kind, outgoing.is_audio);
        traffic.add(bytes.len(), outgoing.payload.len(), overhead);
        bytes
    }

    /// Sends sender reports of all streams in one compound packet (RFC 3550, section 6.1).
    pub(super) fn report(&mut self, now: Duration) {
        let wall = self.config.ntp_at_zero;
        let mut packets = Vec::new();
        let video = self.video.as_ref().map(|video| (video.ssrc(), video.report(now, wall)));
        let audio = self.audio.as_ref().map(|audio| (audio.ssrc(), audio.report(now, wall)));
        let mut first = None;
        for (ssrc, info) in video.into_iter().chain(audio) {
            let Some(info) = info else { continue };
            first.get_or_insert(ssrc);
            let report = SenderReport { ssrc, info, blocks: Vec::new() };
            packets.push(rtcp::Packet::SenderReport(report));
            packets.push(rtcp::Packet::Sdes(Sdes::cname(ssrc, &self.config.cname)));
        }
        let Some(ssrc) = first else { return };
        let dlrr = self.reference_times.answers(now);
        if !dlrr.is_empty() {
            packets.push(rtcp::Packet::Xr(Xr { ssrc, dlrr, ..Xr::default() }));
        }
        self.send_rtcp(&packets);
    }

    pub(super) fn send_rtcp(&mut self, packets: &[rtcp::Packet]) {
        let mut datagram = Vec::new();
        // Our packets are within their ranges.
        if rtcp::write_compound(packets, &mut datagram).is_ok() {
            self.schedule.on_packet(datagram.len());
            self.ready.push_back(datagram);
        }
    }
}

/// Scales a part of the target to the stable estimate.
fn scaled(part: u64, estimate: &Estimate) -> u64 {
    let scaled = u128::from(part) * u128::from(estimate.stable.0);
    u64::try_from(scaled / u128::from(estimate.target.0.max(1))).unwrap_or(u64::MAX)
}
