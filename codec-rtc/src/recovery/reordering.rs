//! Adaptive reordering window: how long a missing packet counts as reordered rather than lost.

use std::time::Duration;

const BUCKETS: u32 = 100;
/// Bucket width: waits of up to 100 ms are learned.
const BUCKET: Duration = Duration::from_millis(1);
/// Decay of the weights per outcome.
const DECAY: f64 = 0.98;
/// Cost of a needless request, as delay of a needed one.
const NEEDLESS_MS: f64 = 100.0;

/// Learns from the outcome of missing packets how long to wait before requesting one: not if
/// packets get lost, until arrival if they are only reordered.
///
/// Chooses the wait with the lowest cost: each lost packet costs the wait, and each packet
/// reordered by more than the wait costs a needless request.
#[derive(Clone, Debug)]
pub struct ReorderingWindow {
    /// Weights of reordered packets by lateness.
    late: Vec<f64>,
    lost: f64,
    min: Duration,
    max: Duration,
    wait: Duration,
}

impl ReorderingWindow {
    /// Creates a window of at least `min`, which is also the initial value, and at most `max`;
    /// at most 100 ms are used.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        let late = vec![0.0; usize::try_from(BUCKETS).unwrap_or(0)];
        Self { late, lost: 0.0, min, max: max.max(min), wait: min }
    }

    /// Records a missing packet that arrived by itself, `lateness` after a later one.
    pub fn reordered(&mut self, lateness: Duration) {
        if self.min == self.max {
            return;
        }
        self.decay();
        let bucket = usize::try_from(lateness.as_nanos() / BUCKET.as_nanos()).unwrap_or(usize::MAX);
        let last = self.late.len().saturating_sub(1);
        if let Some(weight) = self.late.get_mut(bucket.min(last)) {
            *weight += 1.0;
        }
        self.choose();
    }

    /// Records a lost packet: it was retransmitted or never arrived.
    pub fn lost(&mut self) {
        if self.min == self.max {
            return;
        }
        self.decay();
        self.lost += 1.0;
        self.choose();
    }

    /// Current wait.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    fn decay(&mut self) {
        self.late.iter_mut().for_each(|weight| *weight *= DECAY);
        self.lost *= DECAY;
    }

    fn choose(&mut self) {
        let mut needless: f64 = self.late.iter().sum();
        let mut best = (needless * NEEDLESS_MS, 0);
        for (upper, weight) in (1..=BUCKETS).zip(&self.late) {
            needless -= weight;
            // A small cost of time, so that old outcomes are forgotten.
            let cost = (self.lost + 0.05) * f64::from(upper) + needless.max(0.0) * NEEDLESS_MS;
            if cost < best.0 {
                best = (cost, upper);
            }
        }
        // One bucket more than observed, since the next packet may be slightly later.
        let wait = BUCKET * best.1 + BUCKET * u32::from(best.1 > 0);
        self.wait = wait.clamp(self.min, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn window_is_short_for_losses_and_long_for_reordering() {
        let mut it = ReorderingWindow::new(ms(2), ms(80));
        assert_eq!(it.wait(), ms(2));
        it.reordered(ms(29));
        assert_eq!(it.wait(), ms(31));
        for _ in 0..200 {
            it.lost();
        }
        assert_eq!(it.wait(), ms(2));
        for late in 0..200 {
            it.reordered(ms(late % 30));
        }
        assert!(it.wait() >= ms(27) && it.wait() <= ms(31), "{:?}", it.wait());
    }

    #[test]
    fn window_covers_common_reordering_under_loss() {
        let mut it = ReorderingWindow::new(ms(0), ms(80));
        // As many lost as reordered, nearly all of the latter within 5 ms.
        for packet in 0..1000 {
            it.lost();
            it.reordered(if packet % 50 == 0 { ms(60) } else { ms(5) });
        }
        assert_eq!(it.wait(), ms(7));
    }

    #[test]
    fn window_stays_within_bounds() {
        let mut it = ReorderingWindow::new(ms(5), ms(20));
        it.reordered(ms(5000));
        assert_eq!(it.wait(), ms(20));
        let mut fixed = ReorderingWindow::new(ms(5), ms(5));
        fixed.reordered(ms(50));
        assert_eq!(fixed.wait(), ms(5));
    }
}
