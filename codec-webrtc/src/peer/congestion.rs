//! Bandwidth estimate by [`congestion`](codec_rtc::congestion) on top of str0m.
//!
//! The estimator of str0m increases slowly and does not expose its parts. The raw packets of str0m
//! provide the transport-wide sequence numbers of sent packets, and the feedback on them. Only
//! str0m can send padding, and only for probes of its own estimator: for a probe of ours, that
//! estimator is reset so that its first probe has the required rate.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use str0m::rtp::RtpHeader;
use str0m::rtp::rtcp::Twcc as StackTwcc;

use super::{Peer, State};
use crate::{EstimateKind, Event};
use codec_rtc::congestion::{Controller, ControllerConfig, Estimate, PacketKind, ProbeCluster};
use codec_rtc::rtcp::Twcc;

/// IP and UDP headers and SRTP tag per packet, in bytes.
const OVERHEAD_BYTES: usize = 28 + 16;
/// Rate of str0m's first probe, as a multiple of the bitrate that it is reset to.
const FIRST_PROBE: u64 = 3;
/// Maximum rate of that probe, as a multiple of the desired bitrate.
const MAX_PROBE: u64 = 2;
/// Timeout of a probe whose packets have not been sent.
const PROBE_TIME: Duration = Duration::from_millis(250);

/// Window of the retransmission rate, and maximum number of packets kept for it.
const WINDOW: Duration = Duration::from_secs(1);
const MAX_RETRANSMISSIONS: usize = 4096;

/// The congestion controller of a peer, and the current probe.
#[derive(Debug)]
pub(super) struct Congestion {
    controller: Controller,
    min: Bitrate,
    probe: Option<Probe>,
    /// Retransmissions of the last second.
    repeated: VecDeque<(Duration, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    cluster: ProbeCluster,
    until: Duration,
    packets: u32,
    bytes: u64,
}

impl Congestion {
    pub(super) fn new(config: ControllerConfig) -> Option<Self> {
        let controller = Controller::new(config).ok()?;
        Some(Self { controller, min: config.min, probe: None, repeated: VecDeque::new() })
    }

    /// Probe cluster that a packet of `bytes` belongs to.
    fn probe_of(&mut self, now: Duration, bytes: u32) -> Option<u32> {
        let probe = self.probe.as_mut()?;
        probe.packets += 1;
        probe.bytes += u64::from(bytes);
        let cluster = probe.cluster;
        let complete = probe.packets >= cluster.packets && probe.bytes >= cluster.bytes;
        if complete || now >= probe.until {
            self.probe = None;
        }
        Some(cluster.id)
    }
}

impl Peer {
    /// Current bandwidth estimate with its parts, if the peer is configured with
    /// [`congestion`](crate::PeerConfig::congestion) and has sent a packet.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let congestion = self.congestion.as_ref()?;
        congestion.controller.poll_timeout().map(|_| congestion.controller.estimate())
    }

    /// Retransmission rate of the last second in bits per second on the wire, for a peer with
    /// [`congestion`](crate::PeerConfig::congestion).
    #[must_use]
    pub fn retransmission_rate(&self) -> Bitrate {
        let repeated = self.congestion.iter().flat_map(|congestion| &congestion.repeated);
        let recent = repeated.filter(|(at, _)| self.now.saturating_sub(*at) < WINDOW);
        Bitrate(recent.map(|(_, bytes)| 8 * u64::from(*bytes)).sum())
    }

    /// Sets the maximum estimate, the highest bitrate that the media can use.
    pub(super) fn set_max_estimate(&mut self, max: Bitrate) -> bool {
        let Some(congestion) = &mut self.congestion else { return false };
        // A maximum outside the allowed range leaves the bounds unchanged.
        let _ = congestion.controller.set_bounds(congestion.min, max.max(congestion.min));
        true
    }

    /// Records a sent packet.
    pub(super) fn note_wire(&mut self, header: &RtpHeader, packet: &[u8]) {
        let now = self.now;
        let Some(congestion) = &mut self.congestion else { return };
        let Some(number) = header.ext_vals.transport_cc else { return };
        let bytes = u32::try_from(packet.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX);
        let is_padding = packet.first().is_some_and(|first| first & 0x20 != 0);
        let is_first = self.senders.iter().any(|sender| sender.ssrc() == *header.ssrc);
        let kind = match (is_padding, is_first) {
            (true, _) => PacketKind::Padding,
            (false, true) => PacketKind::Media,
            (false, false) => PacketKind::Retransmission,
        };
        let probe = congestion.probe_of(now, bytes);
        // Retransmissions that fill a probe serve as padding.
        if kind == PacketKind::Retransmission && probe.is_none() {
            let repeated = &mut congestion.repeated;
            repeated.push_back((now, bytes));
            while repeated.len() > MAX_RETRANSMISSIONS
                || repeated.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW)
            {
                repeated.pop_front();
            }
        }
        congestion.controller.on_sent(now, number, bytes, kind, probe);
    }

    /// Processes transport-wide feedback.
    pub(super) fn note_feedback(&mut self, report: &StackTwcc) {
        let (now, base) = (self.now, self.base);
        let Some(congestion) = &mut self.congestion else { return };
        let reference = u64::from(report.reference_time) * 64;
        let start = base + Duration::from_millis(reference);
        let feedback = Twcc {
            sender_ssrc: *report.sender_ssrc,
            media_ssrc: *report.ssrc,
            base_sequence: report.base_seq,
            feedback_count: report.feedback_count,
            reference_time_64ms: report.reference_time,
            packets: report
                .clone()
                .into_iter(base, u64::from(report.base_seq).into())
                .take(Twcc::MAX_PACKETS)
                .map(|(_, _, arrival)| arrival.map(|at| at.saturating_duration_since(start)))
                .collect(),
        };
        congestion.controller.on_twcc(now, &feedback);
    }

    /// Handles due probes and new estimates.
    pub(super) fn poll_congestion(&mut self) {
        let (now, connected) = (self.now, self.state == State::Connected);
        let Some(congestion) = &mut self.congestion else { return };
        if !connected {
            return;
        }
        if congestion.probe.is_some_and(|probe| now >= probe.until) {
            congestion.probe = None;
        }
        let changed = congestion.controller.poll(now);
        if congestion.probe.is_none()
            && let Some(cluster) = congestion.controller.poll_probe()
        {
            let until = now.saturating_add(PROBE_TIME);
            congestion.probe = Some(Probe { cluster, until, packets: 0, bytes: 0 });
            let rate = cluster.rate.0;
            self.rtc.bwe().reset(str0m::bwe::Bitrate::bps(rate / FIRST_PROBE));
            let desired = str0m::bwe::Bitrate::bps(rate / MAX_PROBE);
            self.rtc.bwe().set_bitrate(str0m::bwe::Bitrate::ZERO, desired);
        }
        if let Some(estimate) = changed {
            let kind = EstimateKind::TransportFeedback;
            self.push(Event::Estimate { bitrate: estimate.target, kind });
        }
    }

    /// Deadline of [`poll_congestion`](Self::poll_congestion).
    pub(super) fn congestion_time(&self) -> Option<Duration> {
        let congestion = self.congestion.as_ref().filter(|_| self.state == State::Connected)?;
        congestion.controller.poll_timeout()
    }
}
