//! How the quality of sampled parts of an input and the quality of the whole input are related.

use crate::settings::goal::TargetMetric;

/// Limits of the ratio of the losses of quality, beyond which the samples say too little.
const RATIOS: [f64; 2] = [0.25, 4.0];

/// The means of a metric over the samples and over the whole input, both of fast encodes at the same quality.
///
/// The scenes of an input differ more from each other than a scene coded fast differs from the same scene coded well, so
/// the ratio of the losses (the distance from the best value of the metric) is nearly the same at each speed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relation {
    /// The best value of the metric, or `None` if it is unlimited.
    best: Option<f64>,
    samples: f64,
    whole: f64,
}

impl Relation {
    /// The relation of fast encodes with these means.
    pub(super) fn new(metric: TargetMetric, samples: f64, whole: f64) -> Self {
        Self { best: metric.best(), samples, whole }
    }

    /// The expected mean over the whole input, if the mean over the samples is `value`.
    pub(super) fn expected(&self, value: f64) -> f64 {
        let difference = value + self.whole - self.samples;
        match self.best {
            Some(best) if self.samples < best => {
                let ratio = (best - self.whole) / (best - self.samples);
                best - (best - value) * ratio.clamp(RATIOS[0], RATIOS[1])
            }
            _ => difference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_keep_their_ratio_and_decibels_their_difference() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        // The whole input loses half as much as the samples.
        let relation = Relation::new(TargetMetric::Vmaf, 80.0, 90.0);
        assert!(near(relation.expected(88.0), 94.0) && near(relation.expected(100.0), 100.0));
        let relation = Relation::new(TargetMetric::Ssim, 0.98, 0.96);
        assert!(near(relation.expected(0.99), 0.98));
        let relation = Relation::new(TargetMetric::Psnr, 38.0, 36.5);
        assert!(near(relation.expected(42.0), 40.5));
    }

    #[test]
    fn samples_without_losses_have_no_ratio() {
        let relation = Relation::new(TargetMetric::Vmaf, 100.0, 99.0);
        assert!((relation.expected(100.0) - 99.0).abs() < 1e-9);
        let relation = Relation::new(TargetMetric::Vmaf, 99.999, 80.0);
        assert!((relation.expected(95.0) - 80.0).abs() < 1e-9);
    }
}
