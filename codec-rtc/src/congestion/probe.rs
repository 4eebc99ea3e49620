//! Probing: short clusters of packets above the rate of sending, and what their arrival says.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::units::{bitrate, bits, bytes, seconds_between};

/// Multiples of the start rate that are tried at the beginning.
const START: [f64; 2] = [3.0, 6.0];
/// Multiple of the estimate that is tried later, and after a cluster that passed.
const AGAIN: f64 = 2.0;
/// Length of a cluster, in seconds, and its least number of packets.
const LENGTH_S: f64 = 0.015;
const PACKETS: u32 = 5;
/// Bytes of a packet in a cluster of [`PACKETS`], at most and at least.
const PACKET_BYTES: [u64; 2] = [1200, 200];
/// Time between probes: at first, and at most after some that showed nothing.
const INTERVAL_S: [f64; 2] = [4.0, 8.0];
/// After so long without an answer a cluster is forgotten.
const PATIENCE_S: f64 = 1.5;
/// Share of a cluster that has to arrive.
const COMPLETE: f64 = 0.75;
/// A cluster that arrives slower than this share of its rate has filled the link; that share of
/// what arrived is the estimate.
const FILLED: f64 = 0.88;
/// Most clusters that wait or are under way, each.
const MAX_CLUSTERS: usize = 8;

/// Packets to be sent at a rate of their own, padding where there is nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Names the cluster; packets sent for it carry it to [`super::Controller::on_sent`].
    pub id: u32,
    /// The rate to send it at.
    pub rate: Bitrate,
    /// Least number of packets.
    pub packets: u32,
    /// Least number of bytes, overhead included.
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
    is_told: bool,
}

/// What decides whether to probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    pub(super) estimate_bps: f64,
    pub(super) max_bps: f64,
    /// The delay is low and steady and nothing has been lowered lately.
    pub(super) is_quiet: bool,
}

/// Asks for clusters and measures them.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    next_id: u32,
    wanted: VecDeque<ProbeCluster>,
    measured: VecDeque<Measured>,
    last: Option<Duration>,
    /// A cluster that passes this is followed by another, until then.
    follow_up: Option<(f64, Duration)>,
    idle: u32,
}

impl Probes {
    /// The clusters of the beginning.
    pub(super) fn start(&mut self, now: Duration, start_bps: f64, max_bps: f64) {
        for factor in START {
            if start_bps * factor < max_bps * AGAIN {
                self.want(now, (start_bps * factor).min(max_bps));
            }
        }
    }

    /// One cluster at that rate, as soon as possible.
    pub(super) fn want(&mut self, now: Duration, bps: f64) {
        if self.wanted.len() >= MAX_CLUSTERS {
            return;
        }
        let [most, least] = PACKET_BYTES;
        let length = bytes(bps * LENGTH_S);
        // At low rates smaller packets, or the cluster alone would fill the queue.
        let packet = (2 * length / u64::from(PACKETS)).clamp(least, most);
        let cluster = ProbeCluster {
            id: self.next_id,
            rate: bitrate(bps),
            packets: PACKETS,
            bytes: length.max(packet * u64::from(PACKETS)),
        };
        self.next_id = self.next_id.wrapping_add(1);
        self.wanted.push_back(cluster);
        self.last = Some(now);
        self.follow_up = Some((0.7 * bps, now.saturating_add(Duration::from_secs(1))));
    }

    /// Asks for a cluster if it is time.
    pub(super) fn update(&mut self, now: Duration, situation: Situation) {
        let Situation { estimate_bps, max_bps, is_quiet } = situation;
        if !is_quiet || estimate_bps > 0.95 * max_bps || !self.wanted.is_empty() {
            return;
        }
        let [first, most] = INTERVAL_S;
        let interval = (first + f64::from(self.idle)).min(most);
        if self.last.is_none_or(|last| seconds_between(last, now) >= interval) {
            self.idle += 1;
            self.want(now, (AGAIN * estimate_bps).min(max_bps));
        }
    }

    /// Probes again after the usual time, not longer.
    pub(super) fn hurry(&mut self) {
        self.idle = 0;
    }

    /// The next cluster to send.
    pub(super) fn poll(&mut self) -> Option<ProbeCluster> {
        let cluster = self.wanted.pop_front()?;
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
            is_told: false,
        });
        Some(cluster)
    }

    /// A packet of a cluster left.
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

    /// A packet of a cluster arrived. When the cluster is complete, what it says, in bits per
    /// second.
    pub(super) fn on_arrived(
        &mut self,
        now: Duration,
        id: u32,
        arrival: Duration,
        arrived_bytes: u32,
        max_bps: f64,
    ) -> Option<f64> {
        self.measured
            .retain(|probe| probe.sent == 0 || seconds_between(probe.last_sent, now) < PATIENCE_S);
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
            self.want(now, (AGAIN * bps).min(max_bps));
        }
        Some(bps)
    }

    /// An estimate rose by a probe.
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
        if !enough || self.is_told {
            return None;
        }
        let sent_s = seconds_between(self.first_sent, self.last_sent);
        let arrival_s = seconds_between(self.first_arrival, self.last_arrival);
        if !(1e-4..1.0).contains(&sent_s) || !(1e-4..1.0).contains(&arrival_s) {
            return None;
        }
        let sent_bps = bits(self.sent_bytes.saturating_sub(self.last_sent_bytes.into())) / sent_s;
        // Lost ones took their time on the link as well.
        let whole = f64::from(self.sent) / f64::from(self.arrived.max(1));
        let arrived_bytes = self.arrived_bytes.saturating_sub(self.first_arrival_bytes.into());
        let arrived_bps = bits(arrived_bytes) * whole / arrival_s;
        if arrived_bps > 2.0 * sent_bps {
            return None;
        }
        self.is_told = true;
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

    /// Sends a cluster over a link of that capacity; what it says.
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
                let told = probes.on_arrived(now, cluster.id, arrival, size, 50e6);
                result = result.or(told);
            }
            now += spacing(cluster.rate.0 as f64);
        }
        result
    }

    #[test]
    fn the_start_finds_a_wide_link_by_doubling() {
        let mut probes = Probes::default();
        probes.start(Duration::ZERO, 3e5, 50e6);
        let found: Vec<_> = std::iter::from_fn(|| send(&mut probes, 0, 10e6, None)).collect();
        let most = found.iter().fold(0.0_f64, |most, &bps| most.max(bps));
        assert!((8e6..10e6).contains(&most), "{found:?}");
    }

    #[test]
    fn a_narrow_link_is_measured_and_a_lost_packet_is_no_matter() {
        for lost in [None, Some(2)] {
            let mut probes = Probes::default();
            probes.want(Duration::ZERO, 2e6);
            let found = send(&mut probes, 1, 1e6, lost);
            // With a loss in the middle the cluster is only seen when the rest has come.
            let expected = if lost.is_some() { 0.8e6..1.3e6 } else { 0.8e6..1.0e6 };
            assert!(found.is_some_and(|bps| expected.contains(&bps)), "{found:?}");
        }
    }

    #[test]
    fn probes_come_at_intervals_and_only_where_it_is_quiet() {
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
