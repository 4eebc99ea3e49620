//! Bandwidth estimate by [`congestion`](codec_rtc::congestion), from the sent packets and the feedback on them.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Peer, State, common_time};
use crate::{EstimateKind, Event};
use codec_core::codec::Bitrate;
use codec_rtc::congestion::{Controller, ControllerConfig, Estimate, PacketKind, ProbeCluster};
use codec_rtc::rtcp::Twcc;

/// IP and UDP headers and SRTP tag per packet, in bytes.
const OVERHEAD_BYTES: usize = 28 + 16;
/// Timeout of a probe whose packets have not been sent.
const PROBE_TIME: Duration = Duration::from_millis(250);

/// Window of the retransmission rate.
const WINDOW: Duration = Duration::from_secs(1);
/// Maximum number of packets kept for the retransmission rate.
const MAX_RETRANSMISSIONS: usize = 4096;

/// The congestion controller of a peer, and the current probe.
#[derive(Debug)]
pub(super) struct Congestion {
    controller: Controller,
    config: ControllerConfig,
    probe: Option<Probe>,
    /// Retransmissions of the last second.
    repeated: VecDeque<(Duration, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    cluster: ProbeCluster,
    started: Duration,
    until: Duration,
    packets: u32,
    bytes: u64,
}

impl Congestion {
    /// Creates the controller with these settings, or if they are missing or invalid, with the default settings and
    /// the initial estimate `start`.
    pub(super) fn new(start: Bitrate, config: Option<ControllerConfig>) -> Option<Self> {
        let limits = ControllerConfig::default();
        let usual = ControllerConfig { start: start.clamp(limits.min, limits.max), ..limits };
        let given = config.and_then(|config| Some((Controller::new(config).ok()?, config)));
        let or_usual = || Some((Controller::new(usual).ok()?, usual));
        let (controller, config) = given.or_else(or_usual)?;
        Some(Self { controller, config, probe: None, repeated: VecDeque::new() })
    }

    /// When padding for the current probe is due: the time at which its rate allows the next packet.
    pub(super) fn padding_time(&self) -> Option<Duration> {
        let probe = self.probe?;
        Some(probe.started.saturating_add(time_of(probe.bytes, probe.cluster.rate.0)))
    }

    /// Ends the current probe.
    pub(super) fn end_probe(&mut self) {
        self.probe = None;
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
    /// Current bandwidth estimate with its parts, if the peer estimates the bandwidth
    /// ([`start_bitrate`](crate::PeerConfig::start_bitrate)) and has sent a packet.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let congestion = self.congestion.as_ref()?;
        congestion.controller.poll_timeout().map(|_| congestion.controller.estimate())
    }

    /// Retransmission rate of the last second in bits per second on the wire, for a peer that estimates
    /// the bandwidth.
    #[must_use]
    pub fn retransmission_rate(&self) -> Bitrate {
        let repeated = self.congestion.iter().flat_map(|congestion| &congestion.repeated);
        let recent = repeated.filter(|(at, _)| self.now.saturating_sub(*at) < WINDOW);
        Bitrate(recent.map(|(_, bytes)| 8 * u64::from(*bytes)).sum())
    }

    /// Sets the maximum estimate, the highest bitrate that the media can use.
    pub(super) fn set_max_estimate(&mut self, max: Bitrate) {
        let Some(congestion) = &mut self.congestion else { return };
        // A maximum outside the allowed range leaves the bounds unchanged.
        let min = congestion.config.min;
        let _ = congestion.controller.set_bounds(min, max.max(min));
    }

    /// Records a sent packet of `bytes` without headers of lower layers.
    pub(super) fn note_wire(&mut self, transport: u16, bytes: usize, kind: PacketKind) {
        let now = self.now;
        let Some(congestion) = &mut self.congestion else { return };
        let bytes = u32::try_from(bytes + OVERHEAD_BYTES).unwrap_or(u32::MAX);
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
        congestion.controller.on_sent(now, transport, bytes, kind, probe);
    }

    /// Processes transport-wide feedback.
    pub(super) fn note_feedback(&mut self, report: &Twcc) {
        let now = self.now;
        if let Some(congestion) = &mut self.congestion {
            congestion.controller.on_twcc(now, report);
        }
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
            congestion.probe = Some(Probe { cluster, started: now, until, packets: 0, bytes: 0 });
        }
        self.send_padding();
        if let Some(estimate) = changed {
            self.egress.set_estimate(estimate.target);
            let kind = EstimateKind::TransportFeedback;
            let Estimate { target: bitrate, layers, .. } = estimate;
            self.push(Event::Estimate { bitrate, layers, kind });
        }
    }

    /// Deadline of [`poll_congestion`](Self::poll_congestion). The controller's deadline is rounded up to a common 10
    /// ms step; padding is due at its exact time, so that a probe keeps its rate.
    pub(super) fn congestion_time(&self) -> Option<Duration> {
        let congestion = self.congestion.as_ref().filter(|_| self.state == State::Connected)?;
        let due = congestion.controller.poll_timeout().map(common_time);
        [due, congestion.padding_time()].into_iter().flatten().min()
    }

    /// Restarts the estimate at its initial value, and reports it.
    pub(super) fn restart_estimate(&mut self) {
        let Some(start) = self.congestion.as_ref().map(|it| it.config.start) else { return };
        self.reset_estimate(start);
        self.egress.set_estimate(start);
        let kind = EstimateKind::TransportFeedback;
        self.push(Event::Estimate { bitrate: start, layers: start, kind });
    }

    /// Restarts the estimate at `bitrate`, for example after a change of the network path.
    pub fn reset_estimate(&mut self, bitrate: Bitrate) {
        let Some(congestion) = &mut self.congestion else { return };
        let ControllerConfig { min, max, .. } = congestion.config;
        let config = ControllerConfig { start: bitrate.clamp(min, max), ..congestion.config };
        if let Ok(controller) = Controller::new(config) {
            (congestion.controller, congestion.probe) = (controller, None);
        }
    }
}

/// Time after which this many bytes may be sent at a rate in b/s.
fn time_of(bytes: u64, bits_per_second: u64) -> Duration {
    Duration::from_nanos(
        u64::try_from(u128::from(bytes) * 8_000_000_000 / u128::from(bits_per_second.max(1)))
            .unwrap_or(u64::MAX),
    )
}
