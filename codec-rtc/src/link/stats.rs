//! Link statistics.

use std::time::Duration;

/// Distribution of times; keeps all samples.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    nanos: Vec<u64>,
}

impl Distribution {
    /// Adds a sample.
    pub fn push(&mut self, time: Duration) {
        self.nanos.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nanos.len()
    }

    /// Mean in milliseconds; `None` if empty.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn mean_ms(&self) -> Option<f64> {
        let sum: u128 = self.nanos.iter().map(|&nanos| u128::from(nanos)).sum();
        (!self.nanos.is_empty()).then(|| sum as f64 / self.nanos.len() as f64 / 1e6)
    }

    /// Standard deviation in milliseconds; `None` if empty.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn deviation_ms(&self) -> Option<f64> {
        let mean = self.mean_ms()?;
        let squares = self.nanos.iter().map(|&nanos| (nanos as f64 / 1e6 - mean).powi(2));
        Some((squares.sum::<f64>() / self.nanos.len() as f64).sqrt())
    }

    /// Percentiles in milliseconds (nearest rank) for the given ratios, 0..=1 each; `None` if
    /// empty.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a report"
    )]
    pub fn percentiles_ms<const N: usize>(&self, shares: [f64; N]) -> Option<[f64; N]> {
        let mut sorted = self.nanos.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        Some(shares.map(|share| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted[rank.saturating_sub(1).min(last)] as f64 / 1e6
        }))
    }
}

/// Statistics of a link. Byte counts include the overhead.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LinkStats {
    pub offered_packets: u64,
    pub offered_bytes: u64,
    /// Dropped by the queue.
    pub dropped_packets: u64,
    pub dropped_bytes: u64,
    /// Sent over the link, including lost packets.
    pub passed_packets: u64,
    pub passed_bytes: u64,
    /// Lost in transit.
    pub lost_packets: u64,
    /// Number of bursts of consecutive losses in transit.
    pub loss_bursts: u64,
    pub longest_burst: u64,
    /// Arrived before a packet that was sent earlier.
    pub reordered_packets: u64,
    /// Time from entering the queue until the first bit was sent.
    pub queueing: Distribution,
    /// Time from entering the queue until arrival.
    pub one_way: Distribution,
    /// Time from the last bit sent until arrival: propagation delay and jitter.
    pub propagation: Distribution,
    burst: u64,
}

impl LinkStats {
    pub(super) fn offer(&mut self, bytes: u64) {
        self.offered_packets += 1;
        self.offered_bytes = self.offered_bytes.saturating_add(bytes);
    }

    pub(super) fn drop_at_queue(&mut self, bytes: u64) {
        self.dropped_packets += 1;
        self.dropped_bytes = self.dropped_bytes.saturating_add(bytes);
    }

    pub(super) fn pass(&mut self, bytes: u64, queued: Duration, is_lost: bool) {
        self.passed_packets += 1;
        self.passed_bytes = self.passed_bytes.saturating_add(bytes);
        self.queueing.push(queued);
        self.burst = if is_lost { self.burst + 1 } else { 0 };
        self.lost_packets += u64::from(is_lost);
        self.loss_bursts += u64::from(self.burst == 1);
        self.longest_burst = self.longest_burst.max(self.burst);
    }

    pub(super) fn arrive(&mut self, one_way: Duration, propagation: Duration, reordered: bool) {
        self.one_way.push(one_way);
        self.propagation.push(propagation);
        self.reordered_packets += u64::from(reordered);
    }

    pub(super) fn discard_times(&mut self) {
        for times in [&mut self.queueing, &mut self.one_way, &mut self.propagation] {
            times.nanos.clear();
        }
    }

    /// Ratio of sent packets that were lost in transit.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn loss_share(&self) -> f64 {
        self.lost_packets as f64 / self.passed_packets.max(1) as f64
    }

    /// Mean number of consecutive packets lost; `None` without losses.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn mean_burst(&self) -> Option<f64> {
        (self.loss_bursts > 0).then(|| self.lost_packets as f64 / self.loss_bursts as f64)
    }
}
