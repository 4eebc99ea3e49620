//! Probing: short packet clusters above the send rate, and the bandwidth measured from their
//! arrival.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::units::{bitrate, bits, bytes, seconds_between};

/// Initial probe rates, as multiples of the start bitrate.
const FIRST_PROBE_FACTORS: [f64; 2] = [3.0, 6.0];
/// Rate of later probes and of a follow-up probe, as a multiple of the estimate.
const LATER_PROBE_FACTOR: f64 = 2.0;
/// Duration of a cluster in seconds.
const LENGTH_S: f64 = 0.015;
/// Minimum number of packets of a cluster.
const PACKETS: u32 = 5;
/// Maximum and minimum bytes per packet in a cluster of [`PACKETS`].
const PACKET_BYTES: [u64; 2] = [1200, 200];
/// Interval between probes in seconds: initial, and maximum after probes without effect.
const INTERVAL_S: [f64; 2] = [4.0, 8.0];
/// A cluster without complete feedback is discarded after this time, in seconds.
const PROBE_TIMEOUT_S: f64 = 1.5;
/// Share of a cluster that has to arrive.
const COMPLETE: f64 = 0.75;
/// A cluster received at less than this share of its send rate has saturated the link; the estimate
/// is then this share of the receive rate.
const FILLED: f64 = 0.88;
/// Maximum number of clusters queued, and of clusters being measured.
const MAX_CLUSTERS: usize = 8;

/// A probe cluster: packets to send at a given rate, with padding if there is not enough media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Identifier to pass to [`super::Controller::on_sent`] with each packet of the cluster.
    pub id: u32,
    /// Send rate.
    pub rate: Bitrate,
    /// Minimum number of packets.
    pub packets: u32,
    /// Minimum number of bytes, headers included.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    cluster: ProbeCluster,
    first_sent: Duration,
    last_sent: Duration,
    last_sent_bytes: u32,
    sent: u32,
    sent_bytes: u64,
    arrived: u32,
    arrived_bytes: u64,
    first_arrival: Duration,
    first_arrival_bytes: u32,
    last_arrival: Duration,
    is_reported: bool,
}

/// State that decides whether to probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    pub(super) estimate_bps: f64,
    pub(super) max_bps: f64,
    /// The delay is low and stable, and the rate was not decreased recently.
    pub(super) is_quiet: bool,
}

/// Schedules probe clusters and measures them.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    next_id: u32,
    pending: VecDeque<ProbeCluster>,
    measured: VecDeque<Measured>,
    last: Option<Duration>,
    /// Result above which another cluster follows, until the given time.
    follow_up: Option<(f64, Duration)>,
    idle: u32,
}

impl Probes {
    /// Schedules the initial clusters.
    pub(super) fn start(&mut self, now: Duration, start_bps: f64, max_bps: f64) {
        for factor in FIRST_PROBE_FACTORS {
            if start_bps * factor < max_bps * LATER_PROBE_FACTOR {
                self.request(now, (start_bps * factor).min(max_bps));
            }
        }
    }

    /// Schedules one cluster at `bps` as soon as possible.
    pub(super) fn request(&mut self, now: Duration, bps: f64) {
        if self.pending.len() >= MAX_CLUSTERS {
            return;
        }
        let [most, least] = PACKET_BYTES;
        let length = bytes(bps * LENGTH_S);
        // Smaller packets at low rates, so that a cluster does not fill the queue by itself.
        let packet = (2 * length / u64::from(PACKETS)).clamp(least, most);
        let cluster = ProbeCluster {
            id: self.next_id,
            rate: bitrate(bps),
            packets: PACKETS,
            bytes: length.max(packet * u64::from(PACKETS)),
        };
        self.next_id = self.next_id.wrapping_add(1);
        self.pending.push_back(cluster);
        self.last = Some(now);
        self.follow_up = Some((0.7 * bps, now.saturating_add(Duration::from_secs(1))));
    }

    /// Schedules a periodic cluster if one is due.
    pub(super) fn update(&mut self, now: Duration, situation: Situation) {
        let Situation { estimate_bps, max_bps, is_quiet } = situation;
        if !is_quiet || estimate_bps > 0.95 * max_bps || !self.pending.is_empty() {
            return;
        }
        let [first, most] = INTERVAL_S;
        let interval = (first + f64::from(self.idle)).min(most);
        if self.last.is_none_or(|last| seconds_between(last, now) >= interval) {
            self.idle += 1;
            self.request(now, (LATER_PROBE_FACTOR * estimate_bps).min(max_bps));
        }
    }

    /// Resets the probing interval to its initial value.
    pub(super) fn expedite(&mut self) {
        self.idle = 0;
    }

    /// Returns the next cluster to send.
    pub(super) fn poll(&mut self) -> Option<ProbeCluster> {
        let cluster = self.pending.pop_front()?;
        if self.measured.len() >= MAX_CLUSTERS {
            self.measured.pop_front();
        }
        self.measured.push_back(Measured {
            cluster,
            first_sent: Duration::ZERO,
            last_sent: Duration::ZERO,
            last_sent_bytes: 0,
            sent: 0,
            sent_bytes: 0,
            arrived: 0,
            arrived_bytes: 0,
            first_arrival: Duration::ZERO,
            first_arrival_bytes: 0,
            last_arrival: Duration::ZERO,
            is_reported: false,
        });
        Some(cluster)
    }

    /// Records a sent packet of a cluster.
    pub(super) fn on_sent(&mut self, now: Duration, id: u32, sent_bytes: u32) {
        let Some(probe) = self.measured.iter_mut().find(|probe| probe.cluster.id == id) else {
            return;
        };
        if probe.sent == 0 {
            probe.first_sent = now;
        }
        probe.sent = probe.sent.saturating_add(1);
        probe.sent_bytes = probe.sent_bytes.saturating_add(sent_bytes.into());
        (probe.last_sent, probe.last_sent_bytes) = (now, sent_bytes);
    }

    /// Records a received packet of a cluster. Returns the measured bandwidth in bits per second
    /// once the cluster is complete.
    pub(super) fn on_arrived(
        &mut self,
        now: Duration,
        id: u32,
        arrival: Duration,
        arrived_bytes: u32,
        max_bps: f64,
    ) -> Option<f64> {
        self.measured.retain(|probe| {
            probe.sent == 0 || seconds_between(probe.last_sent, now) < PROBE_TIMEOUT_S
        });
        let probe = self.measured.iter_mut().find(|probe| probe.cluster.id == id)?;
        if probe.arrived == 0 || arrival < probe.first_arrival {
            (probe.first_arrival, probe.first_arrival_bytes) = (arrival, arrived_bytes);
        }
        probe.last_arrival = probe.last_arrival.max(arrival);
        probe.arrived = probe.arrived.saturating_add(1);
        probe.arrived_bytes = probe.arrived_bytes.saturating_add(arrived_bytes.into());
        let bps = probe.result()?;
        let follow = self.follow_up.filter(|&(least, until)| bps > least && now < until);
        if follow.is_some() && bps < 0.95 * max_bps {
            self.request(now, (LATER_PROBE_FACTOR * bps).min(max_bps));
        }
        Some(bps)
    }

    /// Records that a probe raised the estimate.
    pub(super) fn on_success(&mut self) {
        self.idle = 0;
    }
}

impl Measured {
    fn result(&mut self) -> Option<f64> {
        let cluster = self.cluster;
        let enough = f64::from(self.arrived) >= COMPLETE * f64::from(cluster.packets)
            && bits(self.arrived_bytes) >= COMPLETE * bits(cluster.bytes)
            && self.sent >= cluster.packets
            && self.arrived >= self.sent.saturating_sub(self.sent / 5).min(self.sent);
        if !enough || self.is_reported {
            return None;
        }
        let sent_s = seconds_between(self.first_sent, self.last_sent);
        let arrival_s = seconds_between(self.first_arrival, self.last_arrival);
        if !(1e-4..1.0).contains(&sent_s) || !(1e-4..1.0).contains(&arrival_s) {
            return None;
        }
        let sent_bps = bits(self.sent_bytes.saturating_sub(self.last_sent_bytes.into())) / sent_s;
        // Lost packets took link time as well.
        let whole = f64::from(self.sent) / f64::from(self.arrived.max(1));
        let arrived_bytes = self.arrived_bytes.saturating_sub(self.first_arrival_bytes.into());
        let arrived_bps = bits(arrived_bytes) * whole / arrival_s;
        if arrived_bps > 2.0 * sent_bps {
            return None;
        }
        self.is_reported = true;
        let result = if arrived_bps < FILLED * sent_bps {
            FILLED * arrived_bps
        } else {
            sent_bps.min(arrived_bps)
        };
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a cluster over a link of that capacity and returns the result.
    fn send(probes: &mut Probes, at_s: u64, capacity: f64, lost: Option<u32>) -> Option<f64> {
        let cluster = probes.poll()?;
        let mut now = Duration::from_secs(at_s);
        let mut arrival = now;
        let size = u32::try_from(cluster.bytes / u64::from(cluster.packets)).unwrap();
        let spacing = |bps: f64| Duration::from_secs_f64(f64::from(size) * 8.0 / bps);
        let mut result = None;
        for packet in 0..cluster.packets {
            probes.on_sent(now, cluster.id, size);
            arrival = arrival.max(now) + spacing(capacity);
            if lost != Some(packet) {
                let estimate = probes.on_arrived(now, cluster.id, arrival, size, 50e6);
                result = result.or(estimate);
            }
            now += spacing(cluster.rate.0 as f64);
        }
        result
    }

    #[test]
    fn initial_probes_double_up_to_a_fast_link() {
        let mut probes = Probes::default();
        probes.start(Duration::ZERO, 3e5, 50e6);
        let found: Vec<_> = std::iter::from_fn(|| send(&mut probes, 0, 10e6, None)).collect();
        let most = found.iter().fold(0.0_f64, |most, &bps| most.max(bps));
        assert!((8e6..10e6).contains(&most), "{found:?}");
    }

    #[test]
    fn slow_link_is_measured_despite_a_lost_packet() {
        for lost in [None, Some(2)] {
            let mut probes = Probes::default();
            probes.request(Duration::ZERO, 2e6);
            let found = send(&mut probes, 1, 1e6, lost);
            // With a loss in the middle, the cluster is complete only after the remaining packets.
            let expected = if lost.is_some() { 0.8e6..1.3e6 } else { 0.8e6..1.0e6 };
            assert!(found.is_some_and(|bps| expected.contains(&bps)), "{found:?}");
        }
    }

    #[test]
    fn periodic_probes_need_a_stable_link() {
        let mut probes = Probes::default();
        let at = |s| Duration::from_secs(s);
        let mut situation = Situation { estimate_bps: 1e6, max_bps: 5e6, is_quiet: false };
        probes.update(at(0), situation);
        assert_eq!(probes.poll(), None);
        situation.is_quiet = true;
        probes.update(at(1), situation);
        assert_eq!(probes.poll().map(|cluster| cluster.rate), Some(Bitrate(2_000_000)));
        probes.update(at(3), situation);
        assert_eq!(probes.poll(), None);
        probes.update(at(7), situation);
        assert!(probes.poll().is_some());
        situation.estimate_bps = 5e6;
        probes.update(at(60), situation);
        assert_eq!(probes.poll(), None);
    }
}
