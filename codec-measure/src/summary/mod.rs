//! Compares each arm of a study (encoder with its settings) with the anchor (the arm that the
//! others are compared with).

use crate::bd::{BdError, CurveError, Interpolation, RatePoint, bd_metric, bd_rate};
use crate::frontier::{Choice, pareto};
use crate::hull::upper_hull;
use crate::results::{
    ClipComparison, Comparison, Figure, FrontierPoint, Interval, Metric, Point, Results, Sample,
};
use crate::stats::mean;
use crate::stats::student::{MeanTest, holm};

/// Confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// Maximum share of studies of equal encoders in which any figure is reported as different. It is
/// below the 5 % of a single interval, because a reader looks at all figures of a study.
const WRONG_CALLS: f64 = 0.02;
/// Lowest BD-rate in percent: no encoder saves more than all bits.
const MIN_BD_RATE: f64 = -100.0;

/// A figure before the test, with its probability if the arm equals the anchor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untested {
    pub(crate) figure: Figure,
    pub(crate) probability: Option<f64>,
}

impl Untested {
    /// Returns the mean of `values`, tested against 0; `None` without values.
    pub(crate) fn new(values: &[f64], over: Sample) -> Option<Self> {
        let value = mean(values)?;
        let test = MeanTest::new(values);
        let interval = test.map(|test| {
            let half = test.half_width(CONFIDENCE);
            Interval { low: value - half, high: value + half, over, count: test.freedom + 1 }
        });
        let figure = Figure { value, interval, differs: None };
        Some(Self { figure, probability: test.map(|test| test.probability(0.0)) })
    }

    /// Maps the value and its interval by a monotonic function.
    pub(crate) fn map(mut self, change: impl Fn(f64) -> f64) -> Self {
        self.figure.value = change(self.figure.value);
        if let Some(interval) = &mut self.figure.interval {
            (interval.low, interval.high) = (change(interval.low), change(interval.high));
        }
        self
    }
}

impl Results {
    /// Computes the comparisons with the anchor and the frontier from the points.
    pub fn compare(&mut self, interpolation: Interpolation) {
        self.mark_hulls();
        let (mut comparisons, mut probabilities) = (Vec::new(), Vec::new());
        for metric in &self.metrics {
            for arm in self.arms.iter().filter(|arm| arm.name != self.anchor) {
                let (found, probability) = self.comparison(&arm.name, metric, interpolation);
                comparisons.push(found);
                probabilities.push(probability);
            }
        }
        self.comparisons = comparisons;
        let (frontier, of_speed): (Vec<_>, Vec<_>) = self.speed_and_rate().into_iter().unzip();
        self.frontier = frontier;
        probabilities.extend(of_speed);
        self.answer(&probabilities);
    }

    /// Decides which figures differ from the anchor's, given the probability of each if its arm
    /// equals the anchor: first the figures of the comparisons, then the CPU times of the frontier.
    fn answer(&mut self, probabilities: &[Option<f64>]) {
        let known: Vec<f64> = probabilities.iter().flatten().copied().collect();
        let mut answers = holm(&known, WRONG_CALLS).into_iter();
        let mut answers =
            probabilities.iter().map(|one| one.and_then(|_| answers.next())).collect::<Vec<_>>();
        let of_speed = answers.split_off(self.comparisons.len());
        for (comparison, answer) in self.comparisons.iter_mut().zip(answers) {
            let Some(figure) = &mut comparison.bd_rate else { continue };
            figure.differs = answer;
            let first = self.metrics.first().is_some_and(|metric| metric.id == comparison.metric);
            let places = self.frontier.iter_mut().filter(|place| place.arm == comparison.arm);
            places.filter(|_| first).for_each(|place| place.bd_rate.differs = answer);
        }
        for (place, answer) in self.frontier.iter_mut().zip(of_speed) {
            place.cpu_ratio.differs = answer;
        }
    }

    /// Returns the comparison of an arm with the anchor, and the probability of its BD-rate if the
    /// arm equals the anchor.
    fn comparison(
        &self,
        arm: &str,
        metric: &Metric,
        interpolation: Interpolation,
    ) -> (Comparison, Option<f64>) {
        let on_clip = |clip: &str| {
            let (anchor, test) =
                (self.curve(&self.anchor, clip, metric), self.curve(arm, clip, metric));
            let rate = bd_rate(&anchor, &test, interpolation);
            let quality = bd_metric(&anchor, &test, interpolation);
            let refused = rate.as_ref().err().or(quality.as_ref().err());
            let refused = refused.map(|error| self.reason(*error, arm, clip));
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
        let over_clips = |pick: fn(&ClipComparison) -> Option<f64>| {
            Untested::new(&clips.iter().filter_map(pick).collect::<Vec<_>>(), Sample::Clips)
        };
        let rate = over_clips(|clip| clip.bd_rate.map(|bd| bd.value))
            .map(|rate| rate.map(|percent| percent.max(MIN_BD_RATE)));
        let quality = over_clips(|clip| clip.bd_metric.map(|bd| bd.value));
        let found = Comparison {
            arm: arm.to_owned(),
            metric: metric.id.clone(),
            interpolation,
            bd_rate: rate.map(|rate| rate.figure),
            bd_metric: quality.map(|quality| quality.figure),
            clips,
        };
        (found, rate.and_then(|rate| rate.probability))
    }

    /// Why an arm has no difference from the anchor on a clip, with the number of failed points if too few are left.
    fn reason(&self, error: BdError, arm: &str, clip: &str) -> String {
        let arm_of_curve = match error {
            BdError::Anchor(CurveError::TooFewPoints(_)) => Some(self.anchor.as_str()),
            BdError::Test(CurveError::TooFewPoints(_)) => Some(arm),
            _ => None,
        };
        let failed = self.points.iter().filter(|point| {
            Some(point.arm.as_str()) == arm_of_curve
                && point.clip == clip
                && point.failure.is_some()
        });
        let text = error.named(&self.anchor, arm);
        match failed.count() {
            0 => text,
            count => format!("{text} ({count} failed)"),
        }
    }

    /// Returns the bitrates with their quality, which is negated if lower is better.
    fn curve(&self, arm: &str, clip: &str, metric: &Metric) -> Vec<RatePoint> {
        let on_curve = self.points_of(arm, clip).filter(|point| point.is_on_curve(&metric.id));
        on_curve.filter_map(|point| rate_point(point, metric)).collect()
    }

    /// Marks the points of several sizes that are on the convex hulls.
    fn mark_hulls(&mut self) {
        for point in &mut self.points {
            point.hull.clear();
        }
        for arm in &self.arms {
            for clip in &self.clips {
                for metric in &self.metrics {
                    let is_sized = |point: &Point| {
                        point.arm == arm.name && point.clip == clip.name && point.size.is_some()
                    };
                    let points = self.points.iter().enumerate();
                    let (places, curve): (Vec<usize>, Vec<RatePoint>) = points
                        .filter(|(_, point)| point.failure.is_none() && is_sized(point))
                        .filter_map(|(at, point)| Some((at, rate_point(point, metric)?)))
                        .unzip();
                    let on_hull = places.into_iter().zip(upper_hull(&curve));
                    for (at, _) in on_hull.filter(|(_, is_on_hull)| *is_on_hull) {
                        self.points[at].hull.push(metric.id.clone());
                    }
                }
            }
        }
    }

    /// The points of an arm on a clip that have figures.
    pub fn points_of<'a>(&'a self, arm: &'a str, clip: &'a str) -> impl Iterator<Item = &'a Point> {
        self.points
            .iter()
            .filter(move |point| point.arm == arm && point.clip == clip)
            .filter(|point| point.failure.is_none())
    }

    /// Returns CPU time against BD-rate by the first metric for each arm, with the probability of
    /// the CPU time if the arm equals the anchor. Empty if times were not measured.
    fn speed_and_rate(&self) -> Vec<(FrontierPoint, Option<f64>)> {
        let Some(metric) = self.metrics.first().filter(|_| self.environment.timing) else {
            return Vec::new();
        };
        let place = |arm: &str| {
            let place = |cpu_ratio, cpu_noise_percent, bd_rate| FrontierPoint {
                arm: arm.to_owned(),
                cpu_ratio,
                cpu_noise_percent,
                bd_rate,
                on_frontier: false,
            };
            if arm == self.anchor {
                return Some((place(Figure::exact(1.0), None, Figure::exact(0.0)), None));
            }
            let found = |one: &&Comparison| one.arm == arm && one.metric == metric.id;
            let cpu = self.cpu_ratio(arm)?;
            let bd_rate = self.comparisons.iter().find(found)?.bd_rate?;
            Some((place(cpu.ratio.figure, cpu.noise_percent, bd_rate), cpu.ratio.probability))
        };
        let mut places: Vec<_> = self.arms.iter().filter_map(|arm| place(&arm.name)).collect();
        let choice = |(one, _): &(FrontierPoint, _)| Choice {
            time: one.cpu_ratio.value,
            bd_rate: one.bd_rate.value,
        };
        let on_frontier = pareto(&places.iter().map(choice).collect::<Vec<_>>());
        for ((place, _), on_frontier) in places.iter_mut().zip(on_frontier) {
            place.on_frontier = on_frontier;
        }
        places
    }
}

/// The bitrate of a point with its quality, which is negated if lower is better.
fn rate_point(point: &Point, metric: &Metric) -> Option<RatePoint> {
    let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
    let quality = sign * point.quality.get(&metric.id)?.mean;
    Some(RatePoint { kbps: point.kbps, quality })
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
