//! Recorded events of a run and statistics over them.

use std::time::Duration;

use codec_core::codec::Bitrate;

use crate::congestion::Stats;
use crate::link::{Distribution, RateTrace};

/// Width of a bin for rates.
const BIN: Duration = Duration::from_millis(100);

pub(crate) struct Record {
    traces: Vec<RateTrace>,
    /// By flow and bin, in bits.
    sent_bits: Vec<Vec<f64>>,
    received_bits: Vec<Vec<f64>>,
    /// By flow and bin of the send time.
    sent_packets: Vec<Vec<u32>>,
    arrived_packets: Vec<Vec<u32>>,
    targets: Vec<Vec<f64>>,
    /// Arrival time at the link, flow, link, queueing delay; `None` if the queue was full.
    queueing: Vec<(Duration, usize, usize, Option<Duration>)>,
    /// Arrival time, flow, time since capture.
    delays: Vec<(Duration, usize, Duration)>,
    pub(crate) stats: Vec<Stats>,
}

fn bin(at: Duration) -> usize {
    usize::try_from(at.as_nanos() / BIN.as_nanos()).expect("short")
}

fn add<T: Copy + Default + std::ops::AddAssign>(bins: &mut Vec<T>, at: Duration, value: T) {
    let index = bin(at);
    if bins.len() <= index {
        bins.resize(index + 1, T::default());
    }
    bins[index] += value;
}

impl Record {
    pub(super) fn new(traces: Vec<RateTrace>, flows: usize) -> Self {
        Self {
            traces,
            sent_bits: vec![Vec::new(); flows],
            received_bits: vec![Vec::new(); flows],
            sent_packets: vec![Vec::new(); flows],
            arrived_packets: vec![Vec::new(); flows],
            targets: vec![Vec::new(); flows],
            queueing: Vec::new(),
            delays: Vec::new(),
            stats: Vec::new(),
        }
    }

    pub(super) fn target(&mut self, now: Duration, flow: usize, target: Bitrate) {
        let index = bin(now);
        let bins = &mut self.targets[flow];
        bins.resize(bins.len().max(index + 1), 0.0);
        bins[index] = target.0 as f64;
    }

    pub(super) fn sent(
        &mut self,
        now: Duration,
        flow: usize,
        link: usize,
        bytes: usize,
        queued: Option<Duration>,
    ) {
        add(&mut self.sent_bits[flow], now, bytes as f64 * 8.0);
        add(&mut self.sent_packets[flow], now, 1);
        self.queueing.push((now, flow, link, queued));
    }

    /// Records a received packet with its send and capture times.
    pub(super) fn received(
        &mut self,
        now: Duration,
        flow: usize,
        bytes: usize,
        (sent, captured): (Duration, Duration),
    ) {
        add(&mut self.received_bits[flow], now, bytes as f64 * 8.0);
        add(&mut self.arrived_packets[flow], sent, 1);
        self.delays.push((now, flow, now.saturating_sub(captured)));
    }

    /// Mean receive rate of a flow between two times in seconds, in kb/s.
    pub(crate) fn received_kbps(&self, flow: usize, from: f64, to: f64) -> f64 {
        mean(&self.received_bits[flow], from, to)
    }

    /// Mean send rate of a flow, in kb/s.
    pub(crate) fn sent_kbps(&self, flow: usize, from: f64, to: f64) -> f64 {
        mean(&self.sent_bits[flow], from, to)
    }

    /// Mean target bitrate, in kb/s.
    pub(crate) fn target_kbps(&self, flow: usize, from: f64, to: f64) -> f64 {
        mean(&self.targets[flow], from, to) / 10.0
    }

    /// Share of the link capacity that arrives, summed over its flows.
    pub(crate) fn utilisation(&self, link: usize, flows: &[usize], from: f64, to: f64) -> f64 {
        let secs = Duration::from_secs_f64;
        let capacity = self.traces[link].bits_between(secs(from), secs(to));
        let rates = flows.iter().map(|&flow| self.received_kbps(flow, from, to));
        rates.sum::<f64>() * 1e3 * (to - from) / capacity
    }

    /// Median and 95th percentile of the queueing delay of a link, in milliseconds.
    pub(crate) fn queueing_ms(&self, link: usize, from: f64, to: f64) -> [f64; 2] {
        let mut times = Distribution::default();
        for &(at, _, on, queued) in &self.queueing {
            if let Some(queued) = queued.filter(|_| on == link && within(at, from, to)) {
                times.push(queued);
            }
        }
        times.percentiles_ms([0.5, 0.95]).unwrap_or_default()
    }

    /// Loss ratio of the packets that the flows sent between two times.
    pub(crate) fn loss(&self, flows: &[usize], from: f64, to: f64) -> f64 {
        let counts = |bins: &[Vec<u32>]| -> u32 {
            let bins = flows.iter().map(|&flow| {
                let (first, last) = bins_of(from, to);
                bins[flow].iter().take(last).skip(first).sum::<u32>()
            });
            bins.sum()
        };
        let sent = counts(&self.sent_packets);
        1.0 - f64::from(counts(&self.arrived_packets)) / f64::from(sent.max(1))
    }

    /// Seconds after `from` until the receive rate of a flow over the last second reaches `kbps`.
    pub(crate) fn time_to_reach(&self, flow: usize, kbps: f64, from: f64) -> Option<f64> {
        let steps = (0..1000).map(|step| from + f64::from(step) / 10.0);
        let end = self.received_bits[flow].len() as f64 / 10.0;
        let mut times = steps.take_while(|at| at + 1.0 <= end);
        let at = times.find(|at| self.received_kbps(flow, *at, at + 1.0) >= kbps)?;
        Some(at + 1.0 - from)
    }

    /// Seconds after `from` until the start of the first second in which a flow sends less than
    /// `kbps`.
    pub(crate) fn time_below(&self, flow: usize, kbps: f64, from: f64) -> Option<f64> {
        let mut times = (0..200).map(|step| f64::from(step) / 10.0);
        times.find(|after| self.sent_kbps(flow, from + after, from + after + 1.0) < kbps)
    }

    /// Seconds after `from` until the last packet whose delay since capture exceeds `over_ms`, up
    /// to `to`.
    pub(crate) fn time_delayed(&self, flow: usize, over_ms: f64, from: f64, to: f64) -> f64 {
        let late = self.delays.iter().filter(|&&(at, of, delay)| {
            of == flow && within(at, from, to) && delay.as_secs_f64() * 1e3 > over_ms
        });
        late.map(|&(at, ..)| at.as_secs_f64() - from).fold(0.0, f64::max)
    }

    /// Median and 95th percentile of the delay from capture to arrival, in milliseconds.
    pub(crate) fn delay_ms(&self, flow: usize, from: f64, to: f64) -> [f64; 2] {
        let mut times = Distribution::default();
        for &(at, of, delay) in &self.delays {
            if of == flow && within(at, from, to) {
                times.push(delay);
            }
        }
        times.percentiles_ms([0.5, 0.95]).unwrap_or_default()
    }

    /// Jain's fairness index of the receive rates; 1 if all are equal.
    pub(crate) fn fairness(&self, flows: &[usize], from: f64, to: f64) -> f64 {
        let rates: Vec<_> = flows.iter().map(|&f| self.received_kbps(f, from, to)).collect();
        let sum: f64 = rates.iter().sum();
        let squares: f64 = rates.iter().map(|rate| rate * rate).sum();
        sum * sum / (rates.len() as f64 * squares)
    }
}

fn within(at: Duration, from: f64, to: f64) -> bool {
    (from..to).contains(&at.as_secs_f64())
}

/// Mean of bins, per second, in thousands.
fn mean(bins: &[f64], from: f64, to: f64) -> f64 {
    let (first, last) = bins_of(from, to);
    let sum: f64 = bins.iter().take(last).skip(first).sum();
    sum / (to - from) / 1e3
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "short")]
fn bins_of(from: f64, to: f64) -> (usize, usize) {
    ((from * 10.0).round() as usize, (to * 10.0).round() as usize)
}
