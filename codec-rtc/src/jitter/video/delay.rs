//! Adaptive playout delay: how long frames are buffered so that most arrive before their render
//! time.

use std::time::Duration;

use crate::extension::PlayoutDelay;

/// Width of a bucket of lateness.
const BUCKET: Duration = Duration::from_millis(2);
/// Number of buckets, for lateness up to a second.
const BUCKETS: usize = 500;
/// Decay of the weights per frame: half-life of 115 frames, 4 s at 30 frames per second.
const DECAY: f64 = 0.994;

/// Histogram of frame lateness with exponential decay.
#[derive(Clone, Debug)]
struct Histogram {
    weights: Vec<f64>,
    total: f64,
}

impl Histogram {
    fn new() -> Self {
        Self { weights: vec![0.0; BUCKETS], total: 0.0 }
    }

    fn decay(&mut self) {
        self.weights.iter_mut().for_each(|weight| *weight *= DECAY);
        self.total *= DECAY;
    }

    fn add(&mut self, lateness: Duration) {
        let bucket = lateness.as_nanos() / BUCKET.as_nanos();
        let bucket = usize::try_from(bucket).unwrap_or(BUCKETS).min(BUCKETS - 1);
        if let Some(weight) = self.weights.get_mut(bucket) {
            *weight += 1.0;
            self.total += 1.0;
        }
    }

    /// Upper edge of the bucket at the given quantile; 0 if empty.
    fn quantile(&self, quantile: f64) -> Duration {
        let wanted = self.total * quantile;
        let mut sum = 0.0;
        if self.total <= f64::EPSILON {
            return Duration::ZERO;
        }
        for (upper, weight) in (1_u32..).zip(&self.weights) {
            sum += weight;
            if sum >= wanted {
                return BUCKET * upper;
            }
        }
        BUCKET * 500
    }
}

/// Minimum of the last 5 to 10 s.
#[derive(Clone, Copy, Debug)]
struct WindowedMin {
    since: Duration,
    current: i128,
    before: i128,
}

impl WindowedMin {
    const HALF: Duration = Duration::from_secs(5);

    fn push(&mut self, now: Duration, value: i128) {
        if now.saturating_sub(self.since) >= Self::HALF {
            (self.since, self.before, self.current) = (now, self.current, value);
        }
        self.current = self.current.min(value);
    }

    fn get(&self) -> i128 {
        self.current.min(self.before)
    }
}

/// Settings of the playout delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayConfig {
    /// Bounds, unless the sender sends its own; default 0 to 1 s. Both 0: render on arrival.
    pub bounds: PlayoutDelay,
    /// Share of frames that arrive in time, excluding recovered ones: 0.5..=0.999, default 0.95.
    pub quantile: f64,
    /// Share of the recovery time included in the delay, so that recovered frames are not late:
    /// 0..=1, default 0.5. With 0, a recovered frame is late and the next ones catch up.
    pub recovery_share: f64,
    /// Maximum decrease of the delay in seconds per second, 0.001..=1, default 0.03; it increases
    /// at once.
    pub max_decrease: f64,
}

impl Default for DelayConfig {
    fn default() -> Self {
        let bounds = PlayoutDelay { min: Duration::ZERO, max: Duration::from_secs(1) };
        Self { bounds, quantile: 0.95, recovery_share: 0.5, max_decrease: 0.03 }
    }
}

/// Estimator of the playout delay.
#[derive(Clone, Debug)]
pub(super) struct PlayoutDelayEstimator {
    config: DelayConfig,
    /// Minimum of arrival time minus media time, in nanoseconds.
    base: Option<WindowedMin>,
    clean: Histogram,
    recovered: Histogram,
    /// Share of recent frames that were recovered.
    recovered_share: f64,
    /// Recent maximum lateness of recovered frames, limited to one retransmission; decays slowly.
    guard: Duration,
    /// Lateness caused by one retransmission.
    recovery_time: Duration,
    current: Duration,
    updated: Duration,
    /// Recent maximum decode time.
    decode: Duration,
    last_render: Duration,
}

/// Larger lateness means that the timeline restarted, in nanoseconds.
const RESTART: i128 = 5_000_000_000;
/// Share of recovered frames below which no delay is added for them, and above which all of it is.
const REPAIRED_SHARES: (f64, f64) = (0.01, 0.05);

/// Converts ticks of 90 kHz to nanoseconds.
pub(super) fn media_nanos(ticks: i64) -> i128 {
    i128::from(ticks) * 100_000 / 9
}

/// Lateness below the threshold of a freeze (150 ms above the average).
const UNSEEN: Duration = Duration::from_millis(125);
/// Decay of the lateness of recovered frames, in seconds per second.
const GUARD_SHRINK: f64 = 0.004;

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 4)
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

impl PlayoutDelayEstimator {
    pub(super) fn new(mut config: DelayConfig) -> Self {
        config.quantile = config.quantile.clamp(0.5, 0.999);
        config.recovery_share = config.recovery_share.clamp(0.0, 1.0);
        config.max_decrease = config.max_decrease.clamp(0.001, 1.0);
        Self {
            config,
            base: None,
            clean: Histogram::new(),
            recovered: Histogram::new(),
            recovered_share: 0.0,
            guard: Duration::ZERO,
            recovery_time: Duration::ZERO,
            current: Duration::ZERO,
            updated: Duration::ZERO,
            decode: Duration::ZERO,
            last_render: Duration::ZERO,
        }
    }

    pub(super) fn set_bounds(&mut self, bounds: PlayoutDelay) {
        self.config.bounds = bounds;
    }

    /// Sets the lateness caused by one retransmission.
    pub(super) fn set_recovery_time(&mut self, repair_time: Duration) {
        self.recovery_time = repair_time;
    }

    /// Whether frames are rendered on arrival.
    pub(super) fn is_immediate(&self) -> bool {
        self.config.bounds.max.is_zero()
    }

    /// Records a frame completed at `arrived`.
    pub(super) fn arrived(&mut self, arrived: Duration, ticks: i64, repaired: bool) {
        let difference = nanos(arrived) - media_nanos(ticks);
        if self.base.is_some_and(|base| difference - base.get() > RESTART) {
            (self.base, self.last_render) = (None, Duration::ZERO);
        }
        let new = WindowedMin { since: arrived, current: difference, before: difference };
        let base = self.base.get_or_insert(new);
        // Recovered frames say nothing about the network delay.
        if !repaired {
            base.push(arrived, difference);
        }
        let lateness = duration(difference - base.get());
        self.clean.decay();
        self.recovered.decay();
        self.recovered_share *= 0.99;
        if repaired {
            self.recovered.add(lateness);
            self.recovered_share += 0.01;
            self.guard = self.guard.max(lateness.min(self.recovery_time));
        } else {
            self.clean.add(lateness);
        }
        self.update(arrived);
    }

    /// Records a decode time.
    pub(super) fn decoded(&mut self, took: Duration) {
        self.decode = took.min(Duration::from_millis(200)).max(self.decode * 63 / 64);
    }

    fn update(&mut self, now: Duration) {
        let clean = self.clean.quantile(self.config.quantile);
        let (none, all) = REPAIRED_SHARES;
        let ramp = ((self.recovered_share - none) / (all - none)).clamp(0.0, 1.0);
        let repair = self.recovered.quantile(0.5).saturating_sub(clean);
        let wanted = clean + repair.mul_f64(self.config.recovery_share * ramp);
        let elapsed = now.saturating_sub(self.updated).min(Duration::from_secs(1));
        self.guard = self.guard.saturating_sub(elapsed.mul_f64(GUARD_SHRINK));
        let wanted = wanted.max(self.guard.saturating_sub(UNSEEN));
        let shrunk = self.current.saturating_sub(elapsed.mul_f64(self.config.max_decrease));
        (self.current, self.updated) = (wanted.max(shrunk), now);
    }

    /// Target delay relative to the fastest frame.
    pub(super) fn target(&self) -> Duration {
        let PlayoutDelay { min, max } = self.config.bounds;
        (self.current + self.decode).max(min).min(max)
    }

    /// Render deadline of a frame; 0 before the first.
    pub(super) fn due(&self, ticks: i64) -> Duration {
        let base = self.base.map_or(i128::MIN / 4, |base| base.get());
        duration(media_nanos(ticks) + base).saturating_add(self.target())
    }

    /// Render time of a frame that is decodable at `now`.
    pub(super) fn render_at(&mut self, now: Duration, ticks: i64) -> Duration {
        if self.is_immediate() {
            return now;
        }
        let target = self.target();
        // Regardless of timestamps, no frame is held longer than the delay.
        let latest = now.saturating_add(target);
        self.last_render = self.due(ticks).min(latest).max(self.last_render);
        self.last_render
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Frames at 30 per second that arrive `late` ms after the fastest; returns the target after
    /// each.
    fn run(it: &mut PlayoutDelayEstimator, from: i64, late: &[u64]) -> Vec<Duration> {
        let mut targets = Vec::new();
        for (frame, late) in (from..).zip(late) {
            let sent = duration(media_nanos(frame * 3000));
            it.arrived(sent + ms(100) + ms(*late), frame * 3000, false);
            targets.push(it.target());
        }
        targets
    }

    #[test]
    fn delay_covers_the_quantile_grows_at_once_and_shrinks_slowly() {
        let mut it = PlayoutDelayEstimator::new(DelayConfig::default());
        let late: Vec<u64> = (0..300).map(|frame| if frame % 10 == 9 { 30 } else { 3 }).collect();
        let steady = *run(&mut it, 0, &late).last().unwrap();
        // 27 ms later than the fastest.
        assert_eq!(steady, ms(28));
        let worse = run(&mut it, 300, &[60; 30]);
        assert!(*worse.last().unwrap() >= ms(56));
        let better = run(&mut it, 330, &[0; 600]);
        assert!(better[30] >= ms(52), "{:?}", better[30]);
        assert!(better[599] <= ms(10), "{:?}", better[599]);
        let steepest = better.windows(2).map(|pair| pair[0].saturating_sub(pair[1])).max();
        assert!(steepest <= Some(ms(2)));
    }

    #[test]
    fn recovered_frames_add_part_of_their_lateness() {
        let mut it = PlayoutDelayEstimator::new(DelayConfig::default());
        for frame in 0..300_i64 {
            let sent = duration(media_nanos(frame * 3000));
            let repaired = frame % 4 == 0 && frame > 0;
            it.arrived(sent + ms(if repaired { 80 } else { 20 }), frame * 3000, repaired);
        }
        assert!(it.target() >= ms(30) && it.target() <= ms(36), "{:?}", it.target());
    }

    #[test]
    fn render_times_are_even_monotonic_and_bounded() {
        let mut it = PlayoutDelayEstimator::new(DelayConfig::default());
        run(&mut it, 0, &[0, 20, 0, 20, 0, 20, 0, 20]);
        let start = duration(media_nanos(24_000)) + ms(100);
        let first = it.render_at(start, 24_000);
        let second = it.render_at(start + ms(33) + ms(10), 27_000);
        assert_eq!((second - first).as_millis(), 33);
        let back = it.render_at(start + ms(80), 0);
        assert!(back >= second);
        let jump = it.render_at(start + ms(100), i64::MAX);
        assert!(jump <= start + ms(100) + it.target());
    }

    #[test]
    fn bounds_apply_and_zero_renders_on_arrival() {
        let mut it = PlayoutDelayEstimator::new(DelayConfig::default());
        it.set_bounds(PlayoutDelay { min: ms(80), max: ms(90) });
        run(&mut it, 0, &[0; 10]);
        assert_eq!(it.target(), ms(80));
        run(&mut it, 10, &[300; 10]);
        assert_eq!(it.target(), ms(90));
        it.set_bounds(PlayoutDelay { min: ms(0), max: ms(0) });
        assert_eq!(it.render_at(ms(777), 5), ms(777));
    }
}
