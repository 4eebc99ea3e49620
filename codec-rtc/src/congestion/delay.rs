//! Round trips and the time that packets wait in queues.

use std::collections::VecDeque;
use std::time::Duration;

use super::units::seconds_between;

/// The least delay is looked for in so many pieces of time, each of [`PIECE_S`].
const PIECES: usize = 12;
const PIECE_S: f64 = 5.0;
/// A queue that never falls below the first is not ours alone after the second, in seconds: ours
/// are emptied after each decrease.
const STANDING_S: f64 = 0.06;
const CONTESTED_S: f64 = 5.0;
/// Round trips that are believed.
const MAX_RTT: Duration = Duration::from_secs(10);

/// The least of what was measured over the last minute.
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
        self.least().unwrap_or(value)
    }

    fn least(&self) -> Option<f64> {
        self.pieces.iter().map(|&(_, least)| least).reduce(f64::min)
    }
}

/// Round-trip time and queueing delay.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    least_rtt: WindowedMin,
    smoothed_rtt_s: Option<f64>,
    least_one_way: WindowedMin,
    queueing_s: f64,
    /// Since when it has been above [`STANDING_S`].
    standing: Option<Duration>,
}

impl Delays {
    /// A round trip, as measured.
    pub(super) fn on_rtt(&mut self, now: Duration, rtt: Duration) {
        let rtt_s = rtt.min(MAX_RTT).as_secs_f64();
        self.least_rtt.push(now, rtt_s);
        let before = self.smoothed_rtt_s.unwrap_or(rtt_s);
        self.smoothed_rtt_s = Some(before + (rtt_s - before) / 8.0);
    }

    /// The packets of one report, by arrival: when each was sent and arrived, by two clocks.
    pub(super) fn on_arrivals(&mut self, now: Duration, packets: &[(Duration, Duration)]) {
        // The last few tell of the queue as it is; the least of them has the least jitter.
        let last = packets.iter().rev().take(4);
        let newest = last.map(|&(sent, at)| seconds_between(sent, at)).reduce(f64::min);
        let all = packets.iter().map(|&(sent, at)| seconds_between(sent, at)).reduce(f64::min);
        if let (Some(newest), Some(least)) = (newest, all) {
            let least = self.least_one_way.push(now, least);
            self.queueing_s = (newest - least).clamp(0.0, 60.0);
            if self.queueing_s < STANDING_S {
                self.standing = None;
            } else {
                self.standing.get_or_insert(now);
            }
        }
    }

    /// Whether the queue has stood for so long that others must be filling it.
    pub(super) fn is_contested(&self, now: Duration) -> bool {
        self.standing.is_some_and(|since| seconds_between(since, now) > CONTESTED_S)
    }

    /// The smoothed round trip, 100 ms while none is known.
    pub(super) fn rtt_s(&self) -> f64 {
        self.smoothed_rtt_s.unwrap_or(0.1)
    }

    /// The shortest round trip of the last minute.
    pub(super) fn least_rtt_s(&self) -> f64 {
        self.least_rtt.least().unwrap_or(0.1)
    }

    /// Time in queues on the way there, beyond the least of the last minute.
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
    fn queueing_is_beyond_the_least_delay_whatever_the_clocks_say() {
        let mut delays = Delays::default();
        // The receiver's clock is 5 s behind.
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
    fn round_trips_are_smoothed_and_the_least_is_kept() {
        let mut delays = Delays::default();
        for rtt in [100, 180, 60] {
            delays.on_rtt(ms(0), ms(rtt));
        }
        assert!((delays.least_rtt_s() - 0.06).abs() < 1e-9);
        assert!((delays.rtt_s() - 0.10375).abs() < 1e-9);
    }
}
