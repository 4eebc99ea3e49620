//! Statistics of a stream: delays, statistics lines, and the progress line.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::events::Events;
use crate::failure::{Failure, Kind, Result};
use crate::io::output::OutputRules;
use crate::json::{self, Object};
use crate::progress::{LayerProgress, LiveCounts, LiveProgress};
/// Interval of log lines.
const EVERY: Duration = Duration::from_secs(1);
/// Maximum number of delays kept; beyond it every other one is dropped.
const MAX_DELAYS: usize = 1 << 16;

/// Delays of a run, and those since the last report.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    kept_us: Vec<u32>,
    /// One of every `stride` delays is kept.
    stride: u64,
    count: u64,
    sum_us: u128,
    max_us: u32,
    recent_us: Vec<u32>,
}

/// Percentiles of delays, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DelayStats {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Delays {
    pub(crate) fn push(&mut self, delay: Duration) {
        let us = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX);
        let stride = self.stride.max(1);
        if self.count.is_multiple_of(stride) {
            self.kept_us.push(us);
        }
        if self.kept_us.len() >= MAX_DELAYS {
            let mut is_odd = false;
            self.kept_us.retain(|_| {
                is_odd = !is_odd;
                is_odd
            });
            self.stride = 2 * stride;
        }
        self.count += 1;
        self.sum_us += u128::from(us);
        self.max_us = self.max_us.max(us);
        if self.recent_us.len() < 1000 {
            self.recent_us.push(us);
        }
    }

    /// Percentiles over the whole run.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(crate) fn statistics(&self) -> Option<DelayStats> {
        let mut sorted = self.kept_us.clone();
        sorted.sort_unstable();
        let at = |pct: usize| {
            let rank = (sorted.len() * pct).div_ceil(100).saturating_sub(1);
            Some(f64::from(*sorted.get(rank)?) / 1000.0)
        };
        Some(DelayStats {
            count: self.count,
            mean: self.sum_us as f64 / self.count.max(1) as f64 / 1000.0,
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
            max: f64::from(self.max_us) / 1000.0,
        })
    }

    /// The mean since the last call, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn recent(&mut self) -> Option<f64> {
        let sum: u64 = self.recent_us.iter().map(|&us| u64::from(us)).sum();
        let mean = sum as f64 / self.recent_us.len().max(1) as f64 / 1000.0;
        let known = !self.recent_us.is_empty();
        self.recent_us.clear();
        known.then_some(mean)
    }
}

impl DelayStats {
    pub(crate) fn json(self) -> String {
        Object::new()
            .raw("count", self.count)
            .float("mean", self.mean)
            .float("p50", self.p50)
            .float("p95", self.p95)
            .float("p99", self.p99)
            .float("max", self.max)
            .finish()
    }

    pub(crate) fn text(self) -> String {
        let Self { mean, p95, max, .. } = self;
        format!("delay {mean:.1} ms, p95 {p95:.1}, max {max:.1}")
    }
}

/// Reports statistics once a second: a progress event, and a line in a file.
pub(crate) struct StatsReporter {
    events: Events,
    file: Option<(File, String)>,
    begun: Instant,
    last_report: Instant,
    before: LiveCounts,
    pub(crate) delays: Delays,
}

impl StatsReporter {
    pub(crate) fn new(events: Events, path: Option<&Path>, overwrite: bool) -> Result<Self> {
        let file = match path {
            None => None,
            Some(path) => {
                let rules = OutputRules { overwrite, terminal: true, ..OutputRules::default() };
                rules.check(path)?;
                let name = path.display().to_string();
                let file = File::create(path).map_err(|error| Failure::output(&name, error))?;
                Some((file, name))
            }
        };
        let now = Instant::now();
        Ok(Self {
            events,
            file,
            begun: now,
            last_report: now,
            before: LiveCounts::default(),
            delays: Delays::default(),
        })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether a second has passed.
    pub(crate) fn is_due(&self) -> bool {
        self.last_report.elapsed() >= EVERY
    }

    /// Reports the last second; `stats` are objects with getStats names.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(crate) fn report(&mut self, now: &LiveCounts, stats: &[Object]) -> Result<()> {
        let passed = self.last_report.elapsed().as_secs_f64().max(1e-3);
        self.last_report = Instant::now();
        let fps_of = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed;
        let kbps_of = |now: u64, before: u64| 8.0 * fps_of(now, before) / 1000.0;
        let fps = fps_of(now.frames, self.before.frames);
        let kbps = kbps_of(now.bytes, self.before.bytes);
        let layers = now.layers.iter().zip(self.before.layers).filter_map(|(layer, before)| {
            let (totals, before) = ((*layer)?, before.unwrap_or_default());
            let fps = fps_of(totals.frames, before.frames);
            Some(LayerProgress { totals, fps, kbps: kbps_of(totals.bytes, before.bytes) })
        });
        let layers = layers.collect();
        self.before = *now;
        let delay = self.delays.recent();
        let delay = delay.or(now.delay.map(|delay| delay.as_secs_f64() * 1000.0));
        self.write(stats)?;
        self.events.live(&LiveProgress { totals: *now, fps, kbps, delay_ms: delay, layers });
        Ok(())
    }

    /// A line of the file.
    pub(crate) fn write(&mut self, stats: &[Object]) -> Result<()> {
        let Some((file, name)) = &mut self.file else { return Ok(()) };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let objects = json::array(stats.iter().map(|object| object.clone().finish()));
        let object = Object::new()
            .float("timestamp", unix.as_secs_f64() * 1000.0)
            .raw("stats", objects)
            .finish();
        let written = writeln!(file, "{object}");
        written.map_err(|error| Failure::new(Kind::Output, format!("cannot write {name}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_summarised_in_bounded_memory() {
        let mut delays = Delays::default();
        assert_eq!(delays.statistics(), None);
        for us in 0..200_000_u32 {
            delays.push(Duration::from_micros(us.into()));
        }
        assert!(delays.kept_us.len() < MAX_DELAYS);
        let statistics = delays.statistics().unwrap();
        assert_eq!((statistics.count, statistics.max), (200_000, 199.999));
        assert!((statistics.p50 - 100.0).abs() < 0.1 && (statistics.p95 - 190.0).abs() < 0.1);
        assert!(delays.recent().is_some());
        assert_eq!(delays.recent(), None);
    }
}
