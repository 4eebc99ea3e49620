//! What the points of a study say of its arms: each against the anchor.

use crate::bd::{Interpolation, RatePoint, bd_metric, bd_rate};
use crate::frontier::{Choice, pareto};
use crate::results::{ClipComparison, Comparison, FrontierPoint, Metric, Point, Results};
use crate::stats::{Estimate, bootstrap, mean};

const CONFIDENCE: f64 = 0.95;
const ROUNDS: usize = 2000;
const SEED: u64 = 5;

impl Results {
    /// Fills in the comparisons with the anchor and the frontier, from the points.
    pub fn compare(&mut self, interpolation: Interpolation) {
        let mut comparisons = Vec::new();
        for metric in &self.metrics {
            for arm in self.arms.iter().filter(|arm| arm.name != self.anchor) {
                comparisons.push(self.comparison(&arm.name, metric, interpolation));
            }
        }
        self.comparisons = comparisons;
        self.frontier = self.speed_and_rate();
    }

    fn comparison(&self, arm: &str, metric: &Metric, interpolation: Interpolation) -> Comparison {
        let on_clip = |clip: &str| {
            let (anchor, test) =
                (self.curve(&self.anchor, clip, metric), self.curve(arm, clip, metric));
            let rate = bd_rate(&anchor, &test, interpolation);
            let quality = bd_metric(&anchor, &test, interpolation);
            let refused = rate.as_ref().err().or(quality.as_ref().err()).map(ToString::to_string);
            let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
            let quality = quality.ok().map(|mut found| {
                found.value *= sign;
                found
            });
            let rate = rate.ok().map(|mut found| {
                let (from, to) = (found.from * sign, found.to * sign);
                (found.from, found.to) = (from.min(to), from.max(to));
                found
            });
            ClipComparison { clip: clip.to_owned(), bd_rate: rate, bd_metric: quality, refused }
        };
        let clips: Vec<_> = self.clips.iter().map(|clip| on_clip(&clip.name)).collect();
        let over_clips = |values: Vec<f64>| bootstrap(&values, CONFIDENCE, ROUNDS, SEED, mean);
        let values = |pick: fn(&ClipComparison) -> Option<f64>| clips.iter().filter_map(pick);
        Comparison {
            arm: arm.to_owned(),
            metric: metric.id.clone(),
            interpolation,
            bd_rate: over_clips(values(|clip| clip.bd_rate.map(|bd| bd.value)).collect()),
            bd_metric: over_clips(values(|clip| clip.bd_metric.map(|bd| bd.value)).collect()),
            clips,
        }
    }

    /// Bitrates with the quality that they buy; more is better whatever the metric.
    fn curve(&self, arm: &str, clip: &str, metric: &Metric) -> Vec<RatePoint> {
        let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
        let point = |point: &Point| {
            let quality = sign * point.quality.get(&metric.id)?.mean;
            Some(RatePoint { kbps: point.kbps, quality })
        };
        self.points_of(arm, clip).filter_map(point).collect()
    }

    /// The points of an arm on a clip that have figures.
    pub fn points_of<'a>(&'a self, arm: &'a str, clip: &'a str) -> impl Iterator<Item = &'a Point> {
        self.points
            .iter()
            .filter(move |point| point.arm == arm && point.clip == clip)
            .filter(|point| point.failure.is_none())
    }

    /// CPU time against BD-rate by the first metric. Nothing where times were not taken.
    fn speed_and_rate(&self) -> Vec<FrontierPoint> {
        let Some(metric) = self.metrics.first().filter(|_| self.environment.timing) else {
            return Vec::new();
        };
        let one = Estimate { value: 1.0, low: 1.0, high: 1.0 };
        let place = |arm: &str| {
            let (cpu_ratio, bd_rate) = if arm == self.anchor {
                (one, Estimate::default())
            } else {
                let found = |one: &&Comparison| one.arm == arm && one.metric == metric.id;
                (self.cpu_ratio(arm)?, self.comparisons.iter().find(found)?.bd_rate?)
            };
            Some(FrontierPoint { arm: arm.to_owned(), cpu_ratio, bd_rate, on_frontier: false })
        };
        let mut places: Vec<_> = self.arms.iter().filter_map(|arm| place(&arm.name)).collect();
        let choice =
            |one: &FrontierPoint| Choice { time: one.cpu_ratio.value, bd_rate: one.bd_rate.value };
        let on_frontier = pareto(&places.iter().map(choice).collect::<Vec<_>>());
        for (place, on_frontier) in places.iter_mut().zip(on_frontier) {
            place.on_frontier = on_frontier;
        }
        places
    }

    /// Geometric mean, over the points that both have, of CPU time as a ratio to the anchor's.
    fn cpu_ratio(&self, arm: &str) -> Option<Estimate> {
        let on_clip = |clip: &str| {
            let ratio = |point: &Point| {
                let twin = self.points_of(&self.anchor, clip).find(|a| a.target == point.target)?;
                let ratio = point.speed.cpu_ms_per_frame / twin.speed.cpu_ms_per_frame;
                (ratio.is_finite() && ratio > 0.0).then(|| ratio.ln())
            };
            mean(&self.points_of(arm, clip).filter_map(ratio).collect::<Vec<_>>())
        };
        let logs: Vec<f64> = self.clips.iter().filter_map(|clip| on_clip(&clip.name)).collect();
        bootstrap(&logs, CONFIDENCE, ROUNDS, SEED, |logs| mean(logs).map(f64::exp))
    }
}

#[cfg(test)]
mod tests;
