//! Detects other load on the machine during time measurements, and produces the notes on the
//! reliability of times in the report.

use crate::results::{Load, Point, Results, Speed};
use crate::stats::{median, quantile};

/// Elapsed time as a multiple of CPU time above which an encoder has waited too much.
const WALL_OVER_CPU: f64 = 1.25;
/// Difference between repeats of the same encoding, in percent, above which they were disturbed.
const SPREAD_PERCENT: f64 = 10.0;
/// Slowdown of the calibration workload, in percent, above which the machine was busy.
const CALIBRATION_PERCENT: f64 = 15.0;
/// Differences below this are ignored: process clocks may tick in steps, and programs take time to
/// start.
const MIN_S: f64 = 0.01;
/// Share of the calibration workload's times that counts as its best.
const BEST_SHARE: f64 = 0.05;
/// Uncertainty of a CPU time ratio, in percent, above which the reader is warned.
const NARROW_PERCENT: f64 = 2.0;

impl Results {
    /// Looks for signs of other work on the machine in the times of the points, and records them in
    /// [`Speed::load`], [`crate::results::Latency::disturbed`] and
    /// [`crate::results::Environment::busy`].
    pub fn mark_busy(&mut self) {
        let calibration: Vec<f64> = self
            .points
            .iter()
            .flat_map(|point| point.speed.calibration_ns.iter().copied())
            .collect();
        let best = quantile(&calibration, BEST_SHARE).filter(|&best| best > 0.0);
        for point in self.points.iter_mut().filter(|point| point.failure.is_none()) {
            point.speed.load = load(&point.speed, best);
            if let Some(latency) = &mut point.latency {
                latency.disturbed = point.speed.load.busy;
            }
        }
        self.environment.busy = self.signs();
    }

    /// Returns one sentence for each kind of sign of load.
    fn signs(&self) -> Vec<String> {
        let timed: Vec<&Load> = self.timed().map(|point| &point.speed.load).collect();
        let all = timed.len();
        let sign = |pick: fn(&Load) -> Option<f64>,
                    limit: f64,
                    text: &dyn Fn(usize, f64) -> String| {
            let beyond: Vec<f64> =
                timed.iter().filter_map(|load| pick(load)).filter(|&found| found > limit).collect();
            (!beyond.is_empty())
                .then(|| text(beyond.len(), beyond.iter().copied().fold(f64::MIN, f64::max)))
        };
        let signs = [
            sign(|load| load.wall_over_cpu, WALL_OVER_CPU, &|count, most| {
                format!(
                    "{count} of {all} points took up to {most:.1} times as long as their CPU time"
                )
            }),
            sign(|load| load.cpu_spread_percent, SPREAD_PERCENT, &|count, most| {
                format!(
                    "the repeats of {count} of {all} points differ by up to {most:.0} % of CPU time"
                )
            }),
            sign(|load| load.calibration_percent, CALIBRATION_PERCENT, &|count, most| {
                format!(
                    "a fixed workload took up to {most:.0} % longer than its shortest time at {count} \
                     of {all} points"
                )
            }),
        ];
        signs.into_iter().flatten().collect()
    }

    /// Points that have times.
    fn timed(&self) -> impl Iterator<Item = &Point> {
        let has_times = |point: &&Point| point.failure.is_none() && !point.speed.cpu_s.is_empty();
        self.points.iter().filter(has_times)
    }

    /// Notes for the reader about the times, one sentence each: that the machine was busy, that the
    /// repeats leave a wide interval, that times cannot be compared. Call after [`Self::mark_busy`]
    /// and [`Self::compare`].
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let mut cautions = Vec::new();
        if !self.environment.busy.is_empty() {
            let busy = self.timed().filter(|point| point.speed.load.busy).count();
            cautions.push(format!(
                "the machine was busy during {busy} of {} points: {}; their p99, longest frame and \
                 missed deadlines are omitted",
                self.timed().count(),
                self.environment.busy.join("; ")
            ));
        }
        for place in self.frontier.iter().filter(|place| place.arm != self.anchor) {
            match place.cpu_noise_percent {
                Some(percent) if percent <= NARROW_PERCENT => {}
                Some(percent) => cautions.push(format!(
                    "CPU time of {} is uncertain by ±{percent:.1} %; --until 2% repeats until it is \
                     precise",
                    place.arm
                )),
                None => cautions.push(format!(
                    "CPU time of {} is of unknown precision: each point was encoded once; --repeat 3 \
                     shows how much times vary",
                    place.arm
                )),
            }
            if place.cpu_ratio.differs.is_none() && place.cpu_ratio.interval.is_some() {
                cautions.push(format!(
                    "the encodes of {} were not interleaved with those of {}: their CPU times cannot be compared",
                    place.arm, self.anchor
                ));
            }
        }
        cautions
    }
}

fn load(speed: &Speed, best_calibration: Option<f64>) -> Load {
    let pairs = || speed.wall_s.iter().zip(&speed.cpu_s);
    let ratios: Vec<f64> = pairs().map(|(wall, cpu)| wall / cpu).collect();
    let waits: Vec<f64> = pairs().map(|(wall, cpu)| wall - cpu).collect();
    let wall_over_cpu = median(&ratios).filter(|ratio| ratio.is_finite());
    let waited = median(&waits).is_some_and(|wait| wait > MIN_S);
    let end = |share| quantile(&speed.cpu_s, share).filter(|_| speed.cpu_s.len() > 1);
    let ends = end(0.1).zip(end(0.9)).filter(|(low, _)| *low > 0.0);
    let cpu_spread_percent =
        ends.map(|(low, high)| if high - low > MIN_S { 100.0 * (high / low - 1.0) } else { 0.0 });
    let calibration_percent = median(&speed.calibration_ns)
        .zip(best_calibration)
        .map(|(found, best)| 100.0 * (found / best - 1.0));
    let is_beyond = |found: Option<f64>, limit: f64| found.is_some_and(|found| found > limit);
    let wall_over_cpu =
        if waited { wall_over_cpu } else { wall_over_cpu.map(|ratio| ratio.min(1.0)) };
    Load {
        wall_over_cpu,
        cpu_spread_percent,
        calibration_percent,
        busy: is_beyond(wall_over_cpu, WALL_OVER_CPU)
            || is_beyond(cpu_spread_percent, SPREAD_PERCENT)
            || is_beyond(calibration_percent, CALIBRATION_PERCENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Figure, FrontierPoint, Interval, Sample};

    fn speed(cpu_s: &[f64], wall_s: &[f64], calibration_ns: &[f64]) -> Speed {
        Speed {
            cpu_s: cpu_s.to_vec(),
            wall_s: wall_s.to_vec(),
            calibration_ns: calibration_ns.to_vec(),
            ..Speed::default()
        }
    }

    #[test]
    fn an_idle_machine_shows_no_load() {
        let found = load(&speed(&[1.0, 1.01, 1.03], &[1.02, 1.03, 1.05], &[3e5, 3.1e5]), Some(3e5));
        assert!(!found.busy, "{found:?}");
        // Threads shorten elapsed time; starting a program takes a while.
        assert!(!load(&speed(&[2.0, 2.0], &[1.1, 1.1], &[]), None).busy);
        assert!(!load(&speed(&[0.004, 0.006], &[0.009, 0.009], &[]), None).busy);
        assert_eq!(load(&Speed::default(), None), Load::default());
    }

    #[test]
    fn waiting_spread_and_a_slow_calibration_are_signs() {
        let waited = load(&speed(&[1.0, 1.0], &[1.6, 1.7], &[]), None);
        assert!(waited.busy && waited.wall_over_cpu.is_some_and(|ratio| ratio > 1.5), "{waited:?}");
        let spread = load(&speed(&[1.0, 1.0, 1.4], &[1.0, 1.0, 1.4], &[]), None);
        assert!(spread.busy && spread.cpu_spread_percent.is_some_and(|p| p > 20.0), "{spread:?}");
        let slow = load(&speed(&[1.0], &[1.0], &[4e5]), Some(3e5));
        assert!(slow.busy && slow.calibration_percent.is_some_and(|p| p > 30.0), "{slow:?}");
    }

    #[test]
    fn unreliable_times_are_reported() {
        let figure = |differs| Figure {
            value: 1.0,
            interval: Some(Interval { low: 0.9, high: 1.1, over: Sample::Clips, count: 3 }),
            differs,
        };
        let place = |arm: &str, cpu_noise_percent, differs| FrontierPoint {
            arm: arm.to_owned(),
            cpu_ratio: figure(differs),
            cpu_noise_percent,
            ..FrontierPoint::default()
        };
        let mut results = Results {
            anchor: "a".to_owned(),
            frontier: vec![
                place("a", None, None),
                place("narrow", Some(1.0), Some(false)),
                place("wide", Some(7.5), Some(false)),
                place("late", Some(1.0), None),
            ],
            ..Results::default()
        };
        let found = results.cautions();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("wide") && found[0].contains("±7.5 %"), "{found:?}");
        assert!(found[1].contains("late were not interleaved"), "{found:?}");
        results.environment.busy = vec!["x".to_owned()];
        assert!(results.cautions()[0].starts_with("the machine was busy"));
    }
}
