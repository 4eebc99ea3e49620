//! Loss-based limit of the send rate. Loss caused by a send rate above the link capacity lowers the
//! limit. Loss that does not depend on the rate sets a limit only above 5 %: 100 kb/s divided by the
//! excess of the loss ratio over 0.05, which is 2 Mb/s at 10 % loss.
//!
//! Part of the loss is considered inherent to the link. If the measured loss exceeds this part, the
//! limit is lowered to the receive rate as a test. If the loss then falls, the rate had caused it: the
//! limit stays and grows slowly. If not, the loss is considered inherent from then on, and the limit
//! of the test is removed.

use std::time::Duration;

use super::units::{bits, seconds_between};

/// Loss beyond the inherent loss that starts a test.
const SUSPICIOUS: f64 = 0.04;
/// Loss beyond the inherent loss that a full queue causes.
const LOW: f64 = 0.02;
/// Inherent loss above which the rate is always bounded.
const TOLERATED: f64 = 0.05;
/// Scale of the bound `BALANCE_BPS / (loss - TOLERATED)`.
const BALANCE_BPS: f64 = 100e3;
/// Duration of an observation in seconds: at least the first value and [`OBSERVE_PACKETS`] packets,
/// at most the second.
const OBSERVE_S: [f64; 2] = [0.25, 1.0];
const OBSERVE_PACKETS: u32 = 20;
/// Weight of a new observation in the smoothed loss.
const WEIGHT: f64 = 0.25;
/// Weight of a new observation in the variance, when increasing and when decreasing; bursty loss
/// varies more than independent loss.
const VARIANCE_WEIGHT: [f64; 2] = [0.15, 0.02];
const PRIOR_VARIANCE: f64 = 0.002;
/// Weight of a lower observation in the inherent loss.
const FOLLOW: f64 = 0.03;
/// Maximum inherent loss.
const MAX_INHERENT: f64 = 0.5;
/// Minimum and maximum duration of a test in seconds.
const TEST_S: [f64; 2] = [0.7, 3.0];
/// Number of packets that ends a test.
const TEST_PACKETS: u32 = 60;
/// A test lowers the rate to no less than this share.
const MIN_STEP: f64 = 0.5;
/// Loss that returns within this time at a much lower rate needs no second test, in seconds.
const REPEATED_LOSS_S: f64 = 20.0;
/// Time for which a limit is held, in seconds.
const HOLD_S: f64 = 2.0;
/// Growth of a limit per second after it was held.
const GROWTH: f64 = 0.10;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// No limit.
    Open,
    /// The rate was lowered at `since`, at loss ratio `loss`.
    Testing { since: Duration, loss: f64, packets: u32, lost: u32 },
    /// Limited; the loss has disappeared.
    Limited { since: Duration },
}

/// The path at the time of an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) rtt_s: f64,
    /// A queue persists: its losses say nothing about those that are inherent to the link.
    pub(super) is_standing: bool,
}

/// The loss-based limit.
#[derive(Clone, Debug)]
pub(super) struct LossLimit {
    state: State,
    limit_bps: f64,
    /// Loss inherent to the link.
    inherent: f64,
    smoothed: f64,
    /// Variance of the observations around the smoothed loss.
    variance: f64,
    begins: Option<Duration>,
    packets: u32,
    lost: u32,
    arrived_bytes: u64,
    updated: Option<Duration>,
    /// Start of the last test and the rate before it.
    tested: Option<(Duration, f64)>,
    seen_any: bool,
}

impl Default for LossLimit {
    fn default() -> Self {
        Self {
            state: State::Open,
            limit_bps: f64::INFINITY,
            inherent: 0.0,
            smoothed: 0.0,
            variance: PRIOR_VARIANCE,
            begins: None,
            packets: 0,
            lost: 0,
            arrived_bytes: 0,
            updated: None,
            tested: None,
            seen_any: false,
        }
    }
}

impl LossLimit {
    /// Smoothed packet loss, 0..=1.
    pub(super) fn loss(&self) -> f64 {
        self.smoothed
    }

    /// Loss inherent to the link, 0..=1.
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    /// Limit in bits per second; infinite if loss does not limit the rate.
    pub(super) fn limit_bps(&self) -> f64 {
        let over = self.inherent.min(self.smoothed) - TOLERATED;
        let bound = if over > 0.0 { BALANCE_BPS / over } else { f64::INFINITY };
        self.limit_bps.min(bound)
    }

    /// Records a received packet.
    pub(super) fn on_arrived(&mut self, bytes: u32) {
        self.packets = self.packets.saturating_add(1);
        self.arrived_bytes = self.arrived_bytes.saturating_add(bytes.into());
    }

    /// Records a lost packet.
    pub(super) fn on_lost(&mut self) {
        self.packets = self.packets.saturating_add(1);
        self.lost = self.lost.saturating_add(1);
    }

    /// Updates the limit; call it after each feedback. `sent_bps` is the approximate send rate of
    /// the reported packets.
    pub(super) fn update(&mut self, now: Duration, path: Path, sent_bps: f64) {
        let before = self.updated.replace(now).unwrap_or(now);
        self.grow(now, seconds_between(before, now).clamp(0.0, 1.0), sent_bps);
        let begins = *self.begins.get_or_insert(now);
        let elapsed = seconds_between(begins, now);
        let [short, long] = OBSERVE_S;
        let complete = elapsed >= short && self.packets >= OBSERVE_PACKETS;
        if !complete && (elapsed < long || self.packets < 5) {
            return;
        }
        let loss = f64::from(self.lost) / f64::from(self.packets.max(1));
        let arrived_bps = bits(self.arrived_bytes) / elapsed.max(1e-3);
        let weight = if self.seen_any { WEIGHT } else { 1.0 };
        self.seen_any = true;
        let off = (loss - self.smoothed) * (loss - self.smoothed);
        self.smoothed += weight * (loss - self.smoothed);
        self.observe(now, path, loss, (arrived_bps, sent_bps));
        let weight = VARIANCE_WEIGHT[usize::from(off < self.variance)];
        self.variance += weight * (off.min(0.05) - self.variance);
        self.begins = Some(now);
        (self.packets, self.lost, self.arrived_bytes) = (0, 0, 0);
    }

    fn observe(
        &mut self,
        now: Duration,
        path: Path,
        loss: f64,
        (arrived_bps, sent_bps): (f64, f64),
    ) {
        match &mut self.state {
            State::Testing { since, loss: loss_before, packets, lost } => {
                // Feedback of the first round trip covers packets sent before the test.
                if seconds_between(*since, now) < path.rtt_s + 0.2 {
                    return;
                }
                *packets = packets.saturating_add(self.packets);
                *lost = lost.saturating_add(self.lost);
                let elapsed = seconds_between(*since, now);
                if elapsed < TEST_S[0] || (*packets < TEST_PACKETS && elapsed < TEST_S[1]) {
                    return;
                }
                let stays = f64::from(*lost) / f64::from((*packets).max(1));
                let fell = stays < self.inherent + 0.5 * (*loss_before - self.inherent);
                self.smoothed = stays;
                if fell || path.is_standing {
                    self.state = State::Limited { since: now };
                } else {
                    self.inherent = stays.min(MAX_INHERENT);
                    self.open();
                }
            }
            State::Open | State::Limited { .. } => {
                // A single observation far above the inherent loss counts at once, a smaller excess
                // only if it persists.
                let sudden = loss > self.inherent + 0.10 + 3.0 * self.spread();
                if sudden || self.smoothed > self.suspicious() {
                    let (at, bps) = self.tested.unwrap_or_default();
                    let again = bps > 0.0 && seconds_between(at, now) < REPEATED_LOSS_S;
                    if again && sent_bps < 0.85 * bps && !path.is_standing {
                        // The loss returned at a much lower rate, so it is inherent to the link.
                        self.inherent = self.inherent.max(self.smoothed).min(MAX_INHERENT);
                        self.open();
                        return;
                    }
                    self.tested = Some((now, sent_bps));
                    let loss = if sudden { loss } else { self.smoothed };
                    // Not above the receive rate, even if some loss is inherent, because that may
                    // have been misjudged. Not far below the send rate either, because it may be
                    // one long burst.
                    self.limit_bps = (0.95 * arrived_bps).max(MIN_STEP * sent_bps);
                    self.state = State::Testing { since: now, loss, packets: 0, lost: 0 };
                } else {
                    self.inherent += FOLLOW * (self.smoothed - self.inherent).min(0.0);
                }
            }
        }
    }

    fn open(&mut self) {
        self.state = State::Open;
        self.limit_bps = f64::INFINITY;
    }

    /// Raises the limit to the rate that a probe measured.
    pub(super) fn on_probe(&mut self, found_bps: f64) {
        if matches!(self.state, State::Limited { .. }) && found_bps > self.limit_bps {
            self.limit_bps = found_bps;
        }
    }

    /// Whether the loss barely exceeds the inherent loss.
    pub(super) fn is_low(&self) -> bool {
        self.smoothed < self.inherent + LOW
    }

    /// Whether the loss does not exceed the inherent loss.
    pub(super) fn is_calm(&self) -> bool {
        !matches!(self.state, State::Testing { .. }) && self.smoothed < self.suspicious()
    }

    /// Standard deviation of one observation.
    fn spread(&self) -> f64 {
        let expected = (self.inherent * (1.0 - self.inherent)).max(0.02);
        (expected / f64::from(OBSERVE_PACKETS)).max(self.variance).sqrt()
    }

    /// Smoothed loss that starts a test.
    fn suspicious(&self) -> f64 {
        self.inherent + SUSPICIOUS + 0.6 * self.spread()
    }

    fn grow(&mut self, now: Duration, elapsed_s: f64, sent_bps: f64) {
        let State::Limited { since } = self.state else { return };
        if seconds_between(since, now) < HOLD_S {
            return;
        }
        self.limit_bps *= 1.0 + GROWTH * elapsed_s;
        // A limit far above the send rate no longer has an effect.
        if self.limit_bps > 1.5 * sent_bps.max(1e3) {
            self.open();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const PATH: Path = Path { rtt_s: 0.05, is_standing: false };

    /// Sends at the limit, at most 1.5 Mb/s, over a link with `share` random loss and `capacity`
    /// without a queue; returns the mean rate of the last half.
    fn run(share: f64, capacity: f64) -> f64 {
        let mut limit = LossLimit::default();
        let mut rng = Rng::new(3);
        let (mut sum, mut steps) = (0.0, 0.0);
        let mut carry = 0.0;
        for step in 0..1200_u64 {
            let rate = limit.limit_bps().min(1.5e6);
            carry += rate * 0.05 / 8000.0;
            while carry >= 1.0 {
                carry -= 1.0;
                let excess = (1.0 - capacity / rate).max(0.0);
                if rng.unit() < share || rng.unit() < excess {
                    limit.on_lost();
                } else {
                    limit.on_arrived(1000);
                }
            }
            limit.update(Duration::from_millis(50 * step), PATH, rate);
            if step >= 600 {
                sum += rate;
                steps += 1.0;
            }
        }
        sum / steps
    }

    #[test]
    fn random_loss_does_not_lower_the_rate() {
        for share in [0.0, 0.02, 0.05, 0.1] {
            let mean = run(share, 1e9);
            assert!(mean > 1.3e6, "{share}: {mean}");
        }
    }

    #[test]
    fn loss_above_the_capacity_lowers_the_rate() {
        for share in [0.0, 0.05] {
            let mean = run(share, 5e5);
            assert!((3.5e5..7.0e5).contains(&mean), "{share}: {mean}");
        }
    }

    #[test]
    fn losses_of_a_standing_queue_are_not_inherent() {
        let update = |is_standing| {
            let mut limit = LossLimit::default();
            for step in 0..200_u64 {
                for packet in 0..10 {
                    if packet < 3 { limit.on_lost() } else { limit.on_arrived(1000) }
                }
                let path = Path { is_standing, ..PATH };
                limit.update(Duration::from_millis(50 * step), path, 1.6e6);
            }
            limit
        };
        let (standing, random) = (update(true), update(false));
        assert!(standing.inherent() < 0.01 && standing.limit_bps() <= 1.2e6);
        assert!(random.inherent() > 0.25);
    }

    #[test]
    fn one_long_burst_at_most_halves_the_rate() {
        let mut limit = LossLimit::default();
        let mut rng = Rng::new(3);
        for step in 0..600_u64 {
            for _ in 0..10 {
                if step / 6 == 40 || rng.unit() < 0.02 {
                    limit.on_lost();
                } else {
                    limit.on_arrived(1000);
                }
            }
            limit.update(Duration::from_millis(50 * step), PATH, limit.limit_bps().min(1.6e6));
            assert!(limit.limit_bps() >= 0.8e6, "{step}: {}", limit.limit_bps());
        }
        assert!(limit.limit_bps() > 1.6e6);
    }

    #[test]
    fn heavy_loss_always_bounds_the_rate() {
        let mean = run(0.3, 1e9);
        assert!(mean < 6e5, "{mean}");
    }
}
