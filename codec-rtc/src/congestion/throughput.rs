//! Throughput estimators: the acknowledged bitrate, smoothed with weights that depend on the
//! confidence in each sample, and the receive rate over a short window.

use std::collections::VecDeque;
use std::time::Duration;

use super::units::{bits, seconds_between};

/// Length of the first sample and of later ones, in seconds.
const WINDOW_S: [f64; 2] = [0.5, 0.15];
/// Uncertainty of a sample relative to its distance from the estimate.
const UNCERTAINTY: f64 = 10.0;
/// Increase of the estimate's variance per sample, in (kb/s)^2.
const GROWTH: f64 = 5.0;
/// Maximum number of arrivals kept for the recent rate.
const MAX_ARRIVALS: usize = 2048;
/// Maximum age of the arrivals kept for the recent rate, in seconds.
const MAX_AGE_S: f64 = 1.0;

/// Both estimators.
#[derive(Clone, Debug, Default)]
pub(super) struct Throughput {
    estimate_kbps: Option<f64>,
    variance: f64,
    sample_begins: Option<Duration>,
    sample_bits: f64,
    arrivals: VecDeque<(Duration, u32)>,
}

impl Throughput {
    /// Adds a received packet. Arrival times never go back: an earlier time counts as the latest.
    pub(super) fn push(&mut self, arrival: Duration, bytes: u32, is_limited: bool) {
        let latest = self.arrivals.back().map_or(arrival, |&(latest, _)| latest.max(arrival));
        self.arrivals.push_back((latest, bytes));
        while self.arrivals.len() > MAX_ARRIVALS
            || self
                .arrivals
                .front()
                .is_some_and(|&(first, _)| seconds_between(first, latest) > MAX_AGE_S)
        {
            self.arrivals.pop_front();
        }
        self.sample(latest, bytes, is_limited);
    }

    fn sample(&mut self, arrival: Duration, bytes: u32, is_limited: bool) {
        let begins = *self.sample_begins.get_or_insert(arrival);
        let window = if self.estimate_kbps.is_none() { WINDOW_S[0] } else { WINDOW_S[1] };
        let elapsed = seconds_between(begins, arrival);
        if elapsed >= window {
            // A sample across a pause would measure the pause.
            if elapsed < window + 1.0 {
                self.update(self.sample_bits / elapsed / 1e3, is_limited);
            }
            (self.sample_begins, self.sample_bits) = (Some(arrival), 0.0);
        }
        self.sample_bits += bits(bytes.into());
    }

    fn update(&mut self, sample_kbps: f64, is_limited: bool) {
        let Some(estimate) = self.estimate_kbps else {
            (self.estimate_kbps, self.variance) = (Some(sample_kbps), 50.0);
            return;
        };
        // Lower samples of an application-limited sender count less.
        let lower = if is_limited && sample_kbps < estimate { 2.0 } else { 1.0 };
        let share = UNCERTAINTY * lower * (estimate - sample_kbps).abs() / estimate.max(1.0);
        let sample_variance = share * share;
        let variance = self.variance + GROWTH;
        let sum = sample_variance + variance;
        self.estimate_kbps = Some((sample_variance * estimate + variance * sample_kbps) / sum);
        self.variance = sample_variance * variance / sum;
    }

    /// Acknowledged bitrate in bits per second.
    pub(super) fn estimate(&self) -> Option<f64> {
        self.estimate_kbps.map(|kbps| kbps * 1e3)
    }

    /// Receive rate over the last `window_s` seconds and at least five packets, in bits per second.
    /// This is the link capacity while its queue is not empty.
    pub(super) fn recent(&self, window_s: f64) -> Option<f64> {
        let &(latest, _) = self.arrivals.back()?;
        let (mut sum, mut count, mut begins) = (0.0, 0_u32, latest);
        for &(at, bytes) in self.arrivals.iter().rev() {
            begins = at;
            if seconds_between(at, latest) >= window_s && count >= 5 {
                break;
            }
            sum += bits(bytes.into());
            count += 1;
        }
        let elapsed = seconds_between(begins, latest);
        (count >= 5 && elapsed > 0.02).then(|| sum / elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(throughput: &mut Throughput, at_ms: &mut u64, for_ms: u64, kbps: u64) {
        let end = *at_ms + for_ms;
        // 1000 bytes each.
        let step = 8000 / kbps;
        while *at_ms < end {
            *at_ms += step;
            throughput.push(Duration::from_millis(*at_ms), 1000, false);
        }
    }

    #[test]
    fn estimate_follows_the_receive_rate() {
        let (mut throughput, mut at) = (Throughput::default(), 0);
        feed(&mut throughput, &mut at, 400, 1000);
        assert_eq!(throughput.estimate(), None);
        feed(&mut throughput, &mut at, 600, 1000);
        let estimate = throughput.estimate().unwrap();
        assert!((990e3..1010e3).contains(&estimate), "{estimate}");
        feed(&mut throughput, &mut at, 200, 250);
        let recent = throughput.recent(0.15).unwrap();
        assert!((240e3..320e3).contains(&recent), "{recent}");
        feed(&mut throughput, &mut at, 3000, 250);
        let estimate = throughput.estimate().unwrap();
        assert!((240e3..290e3).contains(&estimate), "{estimate}");
    }
}
