//! Arrival statistics: the delay of packets relative to the fastest one, and the target delay that
//! lets most of them arrive in time.

use std::collections::VecDeque;
use std::time::Duration;

/// Width of a histogram bin in microseconds.
const STEP_US: i64 = 5_000;

/// Number of histogram bins, which cover 4 s.
const STEPS: usize = 800;

/// Packets that arrive within this interval count once, with the delay of the slowest: a network
/// stall is one event, however many packets it delays.
const INTERVAL_US: i64 = 100_000;

/// Weight of the history per interval; gives a memory of ten seconds.
const KEEP: f64 = 0.99;

/// Window of the minimum delay.
const BASE_SPAN_US: i64 = 5_000_000;

/// Resolution of that window.
const BASE_PART_US: i64 = 500_000;

/// Margin for one output block and the scheduling jitter of the reader.
const MARGIN_US: i64 = 10_000;

/// Packet delays relative to the fastest packet of the last seconds, and the resulting target
/// delay. Media and arrival times are in microseconds, each since its own epoch.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// Distribution of the slowest packet per interval; sums to 1.
    histogram: Vec<f64>,
    quantile: f64,
    intervals: u32,
    /// Start of the current interval and its slowest packet.
    current: Option<(i64, i64)>,
    base: WindowMin,
    peaks: Peaks,
    /// Delay at the quantile.
    wanted_us: i64,
}

impl Arrivals {
    pub(super) fn new(start_delay: Duration, quantile: f64) -> Self {
        let mut histogram = vec![0.0; STEPS];
        let wanted_us = micros(start_delay);
        // The initial delay counts as one observed interval.
        let step = step_of(wanted_us - MARGIN_US);
        if let Some(share) = histogram.get_mut(step) {
            *share = 1.0;
        }
        Self {
            histogram,
            quantile,
            intervals: 1,
            current: None,
            base: WindowMin::default(),
            peaks: Peaks::default(),
            wanted_us,
        }
    }

    /// Records that media with timestamp `media_us` became available at `now_us`.
    pub(super) fn available(&mut self, now_us: i64, media_us: i64) {
        let transit = now_us.saturating_sub(media_us);
        self.base.push(now_us, transit);
        let late = self.lateness(transit);
        match &mut self.current {
            Some((since, worst)) if now_us.saturating_sub(*since) < INTERVAL_US => {
                *worst = (*worst).max(late);
            }
            current => {
                let done = current.replace((now_us, late));
                if let Some((since, worst)) = done {
                    self.count(since, worst);
                }
            }
        }
    }

    /// Handles a jump of the timestamps: keeps the statistics, but resets the minimum.
    pub(super) fn restart(&mut self) {
        self.base = WindowMin::default();
        self.current = None;
    }

    /// Arrival time minus media time of the fastest packet of the last seconds.
    pub(super) fn base_us(&self) -> Option<i64> {
        self.base.min
    }

    /// Target delay in microseconds: the quantile or recurring peaks, plus the margin.
    pub(super) fn target_us(&self, now_us: i64) -> i64 {
        self.wanted_us.max(self.peaks.height_us(now_us).map_or(0, |peak| peak + MARGIN_US))
    }

    fn lateness(&self, transit: i64) -> i64 {
        self.base.min.map_or(0, |base| transit.saturating_sub(base).max(0))
    }

    fn count(&mut self, at_us: i64, late_us: i64) {
        self.peaks.push(at_us, late_us, self.wanted_us);
        self.intervals = self.intervals.saturating_add(1);
        let keep = KEEP.min(1.0 - 1.0 / f64::from(self.intervals));
        let step = step_of(late_us);
        for (index, share) in self.histogram.iter_mut().enumerate() {
            *share = *share * keep + if index == step { 1.0 - keep } else { 0.0 };
        }
        let mut sum = 0.0;
        let reached = self.histogram.iter().position(|share| {
            sum += share;
            sum >= self.quantile
        });
        let step = i64::try_from(reached.unwrap_or(STEPS)).unwrap_or(0);
        self.wanted_us = step * STEP_US + MARGIN_US;
    }
}

/// Histogram bin of a delay, rounded up.
fn step_of(late_us: i64) -> usize {
    let step = late_us.max(0).saturating_add(STEP_US - 1) / STEP_US;
    usize::try_from(step).unwrap_or(0).min(STEPS - 1)
}

/// Converts a duration to microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Sliding minimum over the last seconds.
#[derive(Debug, Default)]
struct WindowMin {
    /// Index and minimum of each part of the window.
    parts: VecDeque<(i64, i64)>,
    min: Option<i64>,
}

impl WindowMin {
    fn push(&mut self, now_us: i64, value: i64) {
        let part = now_us.div_euclid(BASE_PART_US);
        match self.parts.back_mut() {
            Some((last, least)) if *last >= part => *least = (*least).min(value),
            _ => self.parts.push_back((part, value)),
        }
        let oldest = part - BASE_SPAN_US / BASE_PART_US;
        while self.parts.front().is_some_and(|&(first, _)| first < oldest) {
            self.parts.pop_front();
        }
        self.min = self.parts.iter().map(|&(_, least)| least).min();
    }
}

/// Recurring delay peaks, for example from Wi-Fi scanning: too rare for the quantile, but regular
/// enough to wait for.
#[derive(Debug, Default)]
struct Peaks {
    /// Time and delay of the last [`Self::MAX_PEAKS`] peaks.
    seen: VecDeque<(i64, i64)>,
}

impl Peaks {
    /// Maximum number of peaks kept.
    const MAX_PEAKS: usize = 8;
    /// Number of peaks that counts as recurring.
    const MIN_PEAKS: usize = 3;
    /// Minimum height of a peak above the target.
    const MIN_EXCESS_US: i64 = 60_000;
    /// Maximum distance between peaks.
    const MAX_INTERVAL_US: i64 = 20_000_000;
    /// Higher delays are outages, not peaks.
    const MAX_US: i64 = 1_000_000;

    fn push(&mut self, at_us: i64, late_us: i64, wanted_us: i64) {
        let above = late_us.saturating_sub(wanted_us);
        // While the buffer waits for peaks, they still count although they arrive in time.
        if above < Self::MIN_EXCESS_US || late_us > Self::MAX_US {
            return;
        }
        if let Some(&(last, _)) = self.seen.back()
            && at_us - last > Self::MAX_INTERVAL_US
        {
            self.seen.clear();
        }
        if self.seen.len() == Self::MAX_PEAKS {
            self.seen.pop_front();
        }
        self.seen.push_back((at_us, late_us));
    }

    /// Highest of the peaks, if they are recurring and recent.
    fn height_us(&self, now_us: i64) -> Option<i64> {
        if self.seen.len() < Self::MIN_PEAKS {
            return None;
        }
        let times = self.seen.iter().map(|&(at, _)| at);
        let gaps = times.clone().zip(times.skip(1)).map(|(a, b)| b - a);
        let longest = gaps.max()?;
        let &(last, _) = self.seen.back()?;
        let lasts = now_us - last <= (2 * longest).min(Self::MAX_INTERVAL_US);
        lasts.then(|| self.seen.iter().map(|&(_, late)| late).max()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Pushes packets of 20 ms with delay `delay(packet)` in ms; returns the target in ms.
    fn run(
        arrivals: &mut Arrivals,
        from: i64,
        packets: i64,
        mut delay: impl FnMut(i64) -> i64,
    ) -> i64 {
        let mut times: Vec<_> = (from..from + packets)
            .map(|packet| (packet * 20_000 + delay(packet) * 1000, packet * 20_000))
            .collect();
        times.sort_unstable();
        for &(now, media) in &times {
            arrivals.available(now, media);
        }
        let now = times.last().map_or(0, |&(now, _)| now);
        arrivals.target_us(now) / 1000
    }

    fn fresh() -> Arrivals {
        Arrivals::new(Duration::from_millis(40), 0.95)
    }

    #[test]
    fn without_jitter_the_target_is_the_margin() {
        let mut arrivals = fresh();
        assert_eq!(arrivals.target_us(0), 40_000);
        assert_eq!(run(&mut arrivals, 0, 500, |_| 50), 10);
    }

    #[test]
    fn target_covers_jitter_and_decays_within_half_a_minute() {
        let mut arrivals = fresh();
        let mut rng = Rng::new(1);
        let target = run(&mut arrivals, 0, 1000, |_| i64::try_from(rng.below(60)).unwrap());
        assert!((60..=75).contains(&target), "{target}");
        let target = run(&mut arrivals, 1000, 2000, |_| 0);
        assert!(target <= 20, "{target}");
    }

    #[test]
    fn recurring_peaks_raise_the_target_and_a_single_stall_does_not() {
        let mut arrivals = fresh();
        let stalls = |every: i64| move |packet: i64| (200 - packet % every * 20).max(0);
        let target = run(&mut arrivals, 0, 500, |_| 0);
        assert_eq!(target, 10);
        let target = run(&mut arrivals, 500, 400, stalls(500));
        assert!(target < 30, "{target}");
        let target = run(&mut arrivals, 1000, 2000, stalls(250));
        assert!((190..=240).contains(&target), "{target}");
        let target = run(&mut arrivals, 3000, 3000, |_| 0);
        assert!(target < 30, "{target}");
    }

    #[test]
    fn longer_path_counts_as_jitter_for_a_few_seconds_only() {
        let mut arrivals = fresh();
        assert_eq!(run(&mut arrivals, 0, 500, |_| 20), 10);
        let target = run(&mut arrivals, 500, 200, |_| 120);
        assert!((100..=120).contains(&target), "{target}");
        assert!(run(&mut arrivals, 700, 3000, |_| 120) <= 20);
        // A shorter path is noticed immediately.
        run(&mut arrivals, 3700, 1, |_| 10);
        assert_eq!(arrivals.base_us(), Some(10_000));
    }
}
