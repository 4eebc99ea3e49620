//! Detection of the application-limited region (ALR): while the send rate is well below the target
//! bitrate, neither throughput nor delay shows the link capacity.

use std::time::Duration;

use super::units::{bits, seconds_between};

/// The sender is application-limited if it sends less than the first share of the target over the
/// window, until it exceeds the second.
const SHARES: [f64; 2] = [0.65, 0.8];
/// Window in seconds.
const WINDOW_S: f64 = 0.5;

/// Compares the send rate with the target.
#[derive(Clone, Debug, Default)]
pub(super) struct ApplicationLimit {
    /// Bits sent, exponentially decayed.
    sent_bits: f64,
    weight_s: f64,
    updated: Option<Duration>,
    since: Option<Duration>,
}

impl ApplicationLimit {
    pub(super) fn on_sent(&mut self, now: Duration, bytes: u32) {
        self.age(now);
        self.sent_bits += bits(bytes.into());
    }

    /// Send rate over the last half second, in bits per second.
    pub(super) fn sent_bps(&self) -> f64 {
        self.sent_bits / self.weight_s.max(0.1)
    }

    /// Updates the state; call it at each feedback.
    pub(super) fn update(&mut self, now: Duration, target_bps: f64) {
        self.age(now);
        if self.weight_s < 0.8 * WINDOW_S {
            return;
        }
        let share = self.sent_bps() / target_bps.max(1.0);
        if share < SHARES[0] {
            self.since.get_or_insert(now);
        } else if share > SHARES[1] {
            self.since = None;
        }
    }

    /// Since when the sender has been application-limited, if it is.
    pub(super) fn since(&self) -> Option<Duration> {
        self.since
    }

    fn age(&mut self, now: Duration) {
        let before = self.updated.replace(now).unwrap_or(now);
        let elapsed = seconds_between(before, now).max(0.0);
        // Approximate exponential decay without `exp`.
        let keep = 1.0 / (1.0 + elapsed / WINDOW_S);
        self.sent_bits *= keep;
        self.weight_s = self.weight_s * keep + WINDOW_S * (1.0 - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(limit: &mut ApplicationLimit, from_ms: u64, to_ms: u64, bytes: u32) {
        for at in (from_ms..to_ms).step_by(10) {
            limit.on_sent(Duration::from_millis(at), bytes);
            limit.update(Duration::from_millis(at), 800e3);
        }
    }

    #[test]
    fn a_sender_without_data_is_limited_and_one_with_is_not() {
        let mut limit = ApplicationLimit::default();
        send(&mut limit, 0, 2000, 1000);
        assert_eq!(limit.since(), None);
        assert!((700e3..900e3).contains(&limit.sent_bps()), "{}", limit.sent_bps());
        send(&mut limit, 2000, 4000, 400);
        assert!(limit.since().is_some_and(|since| since < Duration::from_millis(3500)));
        send(&mut limit, 4000, 6000, 900);
        assert_eq!(limit.since(), None);
    }
}
