//! Round-trip time and queueing delay.

use std::collections::VecDeque;
use std::time::Duration;

use super::units::seconds_between;

/// Number of intervals in the sliding minimum.
const PIECES: usize = 12;
/// Length of an interval of the sliding minimum, in seconds.
const PIECE_S: f64 = 5.0;
/// Queueing delay, in seconds, above which the queue counts as standing.
const STANDING_S: f64 = 0.06;
/// After this time in seconds above [`STANDING_S`], competing flows cause the queue, because our own queue is drained
/// after each decrease.
const CONTESTED_S: f64 = 5.0;
/// After this time in seconds above [`STANDING_S`], losses are caused by a full queue.
const FULL_S: f64 = 0.4;
/// After this time in seconds above [`STANDING_S`], the queue is in the link: an endpoint that was busy for a moment
/// delays packets for less.
const LASTING_S: f64 = 0.2;
/// Maximum round-trip time accepted.
const MAX_RTT: Duration = Duration::from_secs(10);

/// Minimum over the last minute.
#[derive(Clone, Debug, Default)]
struct WindowedMin {
    pieces: VecDeque<(Duration, f64)>,
}

impl WindowedMin {
    fn push(&mut self, now: Duration, value: f64) -> f64 {
        match self.pieces.back_mut() {
            Some((begins, least)) if seconds_between(*begins, now) < PIECE_S => {
                *least = least.min(value);
            }
            _ => self.pieces.push_back((now, value)),
        }
        if self.pieces.len() > PIECES {
            self.pieces.pop_front();
        }
        self.min().unwrap_or(value)
    }

    fn min(&self) -> Option<f64> {
        self.pieces.iter().map(|&(_, least)| least).reduce(f64::min)
    }
}

/// Round-trip time and queueing delay of the path.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    min_rtt: WindowedMin,
    smoothed_rtt_s: Option<f64>,
    min_one_way: WindowedMin,
    queueing_s: f64,
    /// Since when the queueing delay has been above [`STANDING_S`].
    standing: Option<Duration>,
}

impl Delays {
    /// Records a measured round-trip time.
    pub(super) fn on_rtt(&mut self, now: Duration, rtt: Duration) {
        let rtt_s = rtt.min(MAX_RTT).as_secs_f64();
        self.min_rtt.push(now, rtt_s);
        let before = self.smoothed_rtt_s.unwrap_or(rtt_s);
        self.smoothed_rtt_s = Some(before + (rtt_s - before) / 8.0);
    }

    /// Records the packets of one feedback message, sorted by arrival: send and arrival time, each
    /// by its own clock.
    pub(super) fn on_arrivals(&mut self, now: Duration, packets: &[(Duration, Duration)]) {
        // The last packets show the current queue; their minimum has the least jitter.
        let last = packets.iter().rev().take(4);
        let newest = last.map(|&(sent, at)| seconds_between(sent, at)).reduce(f64::min);
        let all = packets.iter().map(|&(sent, at)| seconds_between(sent, at)).reduce(f64::min);
        if let (Some(newest), Some(least)) = (newest, all) {
            let least = self.min_one_way.push(now, least);
            self.queueing_s = (newest - least).clamp(0.0, 60.0);
            if self.queueing_s < STANDING_S {
                self.standing = None;
            } else {
                self.standing.get_or_insert(now);
            }
        }
    }

    /// Records that the queue is empty.
    pub(super) fn on_empty_queue(&mut self) {
        self.queueing_s = 0.0;
        self.standing = None;
    }

    /// Whether the queue has persisted for so long that competing flows must be filling it.
    pub(super) fn is_contested(&self, now: Duration) -> bool {
        self.standing.is_some_and(|since| seconds_between(since, now) > CONTESTED_S)
    }

    /// Whether the queue has persisted for so long that it may be full: losses are then caused by the rate.
    pub(super) fn is_standing(&self, now: Duration) -> bool {
        self.standing.is_some_and(|since| seconds_between(since, now) > FULL_S)
    }

    /// Whether the queue lasts for longer than a busy endpoint explains.
    pub(super) fn is_lasting(&self, now: Duration) -> bool {
        self.standing.is_some_and(|since| seconds_between(since, now) >= LASTING_S)
    }

    /// Smoothed round-trip time; 100 ms if unknown.
    pub(super) fn rtt_s(&self) -> f64 {
        self.smoothed_rtt_s.unwrap_or(0.1)
    }

    /// Minimum round-trip time of the last minute; 100 ms if unknown.
    pub(super) fn min_rtt_s(&self) -> f64 {
        self.min_rtt.min().unwrap_or(0.1)
    }

    /// Minimum one-way delay of the last minute, including the offset between the clocks of sender
    /// and receiver.
    pub(super) fn min_one_way_s(&self) -> Option<f64> {
        self.min_one_way.min()
    }

    /// Queueing delay of the forward path: one-way delay above the minimum of the last minute.
    pub(super) fn queueing_s(&self) -> f64 {
        self.queueing_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn queueing_delay_is_independent_of_clock_offset() {
        let mut delays = Delays::default();
        // The clock of the receiver is 5 s behind.
        delays.on_arrivals(ms(6000), &[(ms(5900), ms(950)), (ms(5910), ms(970))]);
        assert!((delays.queueing_s()).abs() < 1e-9);
        delays.on_arrivals(ms(6100), &[(ms(6000), ms(1100)), (ms(6010), ms(1130))]);
        assert!((delays.queueing_s() - 0.05).abs() < 1e-9);
        for at in 0..20 {
            let now = ms(7000 + 5000 * at);
            delays.on_arrivals(now, &[(now, now + ms(80))]);
        }
        assert!(delays.queueing_s().abs() < 1e-9, "a new route is the base after a minute");
    }

    #[test]
    fn round_trip_is_smoothed_and_its_minimum_kept() {
        let mut delays = Delays::default();
        for rtt in [100, 180, 60] {
            delays.on_rtt(ms(0), ms(rtt));
        }
        assert!((delays.min_rtt_s() - 0.06).abs() < 1e-9);
        assert!((delays.rtt_s() - 0.10375).abs() < 1e-9);
    }
}
