//! Searches for the quality setting of the encoder at which a metric has a given value.

/// Finest step of the search, in 256ths of a quality.
pub(super) const FINEST_Q8: u32 = 8;
/// The best quality, in 256ths.
pub(in crate::session) const BEST_Q8: u32 = 100 << 8;
/// Farthest step beyond the qualities that were tried, in 256ths.
const FARTHEST_Q8: u32 = 24 << 8;
/// Distance of two qualities above which the next trial is half-way to their middle, in 256ths.
const WIDE_Q8: u32 = 12 << 8;
/// Qualities of usual values, in 256ths.
const USUAL_Q8: [u32; 2] = [20 << 8, 70 << 8];
/// Range of the first trial, in 256ths.
const FIRST_Q8: [f64; 2] = [2560.0, 23040.0];
/// Distance of two qualities below which their values say little about the gain, in 256ths: metrics of encodes at almost the same
/// quality differ by chance.
const NARROW_Q8: f64 = 2048.0;
/// Maximum number of values that are tried.
const MAX_TRIALS: usize = 9;

/// A quality in 256ths, and its value.
pub(super) type Trial = (u32, f64);

/// Values tried so far, sorted by quality.
#[derive(Clone, Debug)]
pub(super) struct Search {
    target: f64,
    /// Distance from the target at which the search ends.
    near: f64,
    /// The first quality to try, in 256ths, and the gain for each 256th of a quality until two values are known.
    first: f64,
    gain: f64,
    /// Qualities are multiples of this, in 256ths.
    step_q8: u32,
    trials: Vec<Trial>,
}

impl Search {
    /// Searches for `target` in steps of `step_q8`; `usual`: expected values at the qualities 20 and 70.
    pub(super) fn new(target: f64, near: f64, usual: [f64; 2], step_q8: u32) -> Self {
        let [low, high] = USUAL_Q8.map(f64::from);
        let gain = (usual[1] - usual[0]) / (high - low);
        let first = (low + (target - usual[0]) / gain).clamp(FIRST_Q8[0], FIRST_Q8[1]);
        Self { target, near, first, gain, step_q8, trials: Vec::new() }
    }

    /// Searches with other samples from the result of this search on, up to the distance `near` from the target.
    pub(super) fn continued(&self, near: f64) -> Self {
        let (first, gain) = (f64::from(self.best()), self.steady_gain());
        Self { near, first, gain, trials: Vec::new(), ..*self }
    }

    /// Number of values tried.
    #[cfg(test)]
    fn trials(&self) -> usize {
        self.trials.len()
    }

    /// Adds the value of a quality.
    pub(super) fn add(&mut self, quality_q8: u32, value: f64) {
        let at = self.trials.partition_point(|&(quality, _)| quality < quality_q8);
        self.trials.insert(at, (quality_q8, value));
    }

    /// The next quality to try; `None` at the end of the search.
    pub(super) fn next(&self) -> Option<u32> {
        if self.trials.is_empty() {
            return Some(self.rounded(self.first));
        }
        let is_near = self.trials.iter().any(|(_, value)| (value - self.target).abs() <= self.near);
        if is_near || self.trials.len() >= MAX_TRIALS {
            return None;
        }
        let guess = self.rounded(self.estimate(self.target));
        let is_new = |quality: &u32| self.trials.iter().all(|(tried, _)| tried != quality);
        let (below, above) = self.bracket();
        match (below, above) {
            (Some((low, _)), Some((high, _))) => {
                // Interpolation may creep along one end: stay inside by an eighth of the way.
                let margin = (high - low) / 8 / self.step_q8 * self.step_q8;
                let middle = self.rounded(f64::from(low + high) / 2.0);
                // Metrics saturate: a straight line over a wide range is a poor guess.
                let guess = if high - low > WIDE_Q8 { guess.midpoint(middle) } else { guess };
                let guess = self.rounded(f64::from(guess.clamp(low + margin, high - margin)));
                [guess, middle].into_iter().find(is_new)
            }
            _ => {
                let ends = [self.trials.first(), self.trials.last()];
                let [worst, best] = ends.map(|end| end.map_or(0, |end| end.0));
                Some(guess.clamp(worst.saturating_sub(FARTHEST_Q8), best + FARTHEST_Q8))
                    .filter(is_new)
            }
        }
    }

    /// The best quality known to be too low, and the worst one known to be too high.
    fn bracket(&self) -> (Option<Trial>, Option<Trial>) {
        let below = self.trials.iter().rev().find(|(_, value)| *value < self.target);
        let above = self.trials.iter().find(|(_, value)| *value >= self.target);
        let is_sorted = below.zip(above).is_none_or(|(below, above)| below.0 < above.0);
        if is_sorted { (below.copied(), above.copied()) } else { (None, None) }
    }

    /// The quality at which the metric has `value`, interpolated between the nearest trials, or
    /// extrapolated from one of them.
    pub(super) fn estimate(&self, value: f64) -> f64 {
        let Some((quality, found)) = self.nearest(value) else { return 0.0 };
        f64::from(quality) + (value - found) / self.gain_near(value)
    }

    /// The gain for each 256th of a quality around a value.
    fn gain_near(&self, value: f64) -> f64 {
        let gain = self
            .pair_near(value)
            .map_or(self.gain, |[low, high]| (high.1 - low.1) / f64::from(high.0 - low.0));
        // A flat part of the curve would lead too far.
        gain.max(self.gain / 4.0)
    }

    /// The gain around the target, on which trials at almost the same quality have little influence.
    fn steady_gain(&self) -> f64 {
        let gain = self.pair_near(self.target).map_or(self.gain, |[low, high]| {
            gain_of(high.1 - low.1, f64::from(high.0 - low.0), self.gain)
        });
        gain.max(self.gain / 4.0)
    }

    /// The successive trials nearest to a value.
    fn pair_near(&self, value: f64) -> Option<[Trial; 2]> {
        let pairs = self.trials.windows(2).filter_map(|pair| match *pair {
            [low, high] if high.1 > low.1 => Some([low, high]),
            _ => None,
        });
        let distance = |pair: &[Trial; 2]| (pair[0].1 - value).abs() + (pair[1].1 - value).abs();
        pairs.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The result: the quality whose value is nearest to the target.
    pub(super) fn best(&self) -> u32 {
        self.nearest(self.target).map_or(BEST_Q8, |(quality, _)| quality)
    }

    /// The trial whose value is nearest to `value`.
    fn nearest(&self, value: f64) -> Option<Trial> {
        let distance = |trial: &Trial| (trial.1 - value).abs();
        self.trials.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The quality at which the target is expected, if the search has ended near it.
    pub(super) fn refined(&self) -> u32 {
        match self.nearest(self.target) {
            Some((quality, value)) if (value - self.target).abs() <= self.near => {
                let distance = (self.target - value) / self.steady_gain();
                self.rounded(f64::from(quality) + distance)
            }
            _ => self.best(),
        }
    }

    /// The best quality after results of the whole input, the last of which differs too much from the target.
    /// The gain is the gain between the last two results, or, after only one result, the gain of the samples.
    pub(super) fn corrected(&self, results: &[Trial]) -> u32 {
        let Some(&(quality, value)) = results.last() else { return self.best() };
        let of_samples = self.steady_gain();
        let gain = match results {
            [.., (quality_before, value_before), _] => {
                let distance = f64::from(quality) - f64::from(*quality_before);
                let gain =
                    gain_of((value - value_before) * distance.signum(), distance.abs(), of_samples);
                // Noise of the metric has no influence on a gain within these limits.
                gain.clamp(of_samples / 4.0, of_samples * 4.0)
            }
            _ => of_samples,
        };
        self.rounded(f64::from(quality) + (self.target - value) / gain)
    }

    /// A better quality than the best one of the results of the whole input, all of which are below the target: the
    /// quality of a trial that was above the target, otherwise the quality at which twice the missing value is
    /// expected, and at least one step more.
    pub(super) fn better(&self, results: &[Trial]) -> u32 {
        let ends = results.iter().copied().max_by(|a, b| a.0.cmp(&b.0));
        let Some((quality, value)) = ends else { return self.best() };
        let above =
            self.trials.iter().find(|&&(tried, found)| tried > quality && found >= self.target);
        if let Some((tried, _)) = above {
            return *tried;
        }
        let distance = 2.0 * (self.target - value) / self.steady_gain();
        self.rounded(f64::from(quality) + distance.max(256.0)).max(quality + 1).min(BEST_Q8)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of qualities"
    )]
    fn rounded(&self, quality_q8: f64) -> u32 {
        let step = f64::from(self.step_q8);
        ((quality_q8 / step).round() * step).clamp(0.0, f64::from(BEST_Q8)) as u32
    }
}

/// The gain for each 256th of a quality of two values that differ by `difference` at a distance of qualities. The rest of a narrow
/// distance has the `usual` gain.
fn gain_of(difference: f64, distance: f64, usual: f64) -> f64 {
    let rest = (NARROW_Q8 - distance).max(0.0);
    (difference + rest * usual) / (distance + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches on a curve; returns the result and the number of trials.
    fn found(target: f64, near: f64, step_q8: u32, curve: impl Fn(f64) -> f64) -> (f64, usize) {
        let mut search = Search::new(target, near, [30.0, 65.0], step_q8);
        while let Some(quality) = search.next() {
            search.add(quality, curve(f64::from(quality) / 256.0));
        }
        (curve(f64::from(search.best()) / 256.0), search.trials())
    }

    #[test]
    fn curves_of_usual_shapes_are_met_in_a_few_trials() {
        // Saturating like VMAF, straight like PSNR, and steep at one end.
        let saturating = |quality: f64| 100.0 - 80.0 * (-quality / 25.0).exp();
        let straight = |quality: f64| 20.0 + quality * 0.7;
        let steep = |quality: f64| 100.0 * (quality / 100.0).powi(4);
        for target in [40.0, 70.0, 88.0] {
            for curve in [&saturating as &dyn Fn(f64) -> f64, &straight, &steep] {
                let (value, trials) = found(target, 0.1, FINEST_Q8, curve);
                assert!((value - target).abs() <= 0.1, "{target}: {value}");
                assert!(trials <= 8, "{target}: {trials}");
            }
        }
    }

    #[test]
    fn a_target_outside_the_curve_ends_at_its_end() {
        let (value, _) = found(99.0, 0.1, FINEST_Q8, |quality| quality / 2.0);
        assert!((value - 50.0).abs() < 1e-9, "{value}");
        let (value, _) = found(5.0, 0.1, FINEST_Q8, |quality| 40.0 + quality / 2.0);
        assert!((value - 40.0).abs() < 1e-9, "{value}");
    }

    #[test]
    fn whole_qualities_end_at_the_nearest() {
        let (value, trials) = found(61.3, 0.1, 256, |quality| quality);
        assert!((value - 61.0).abs() < 1e-9 && trials <= 7, "{value}, {trials}");
    }

    #[test]
    fn a_curve_that_is_not_sorted_ends() {
        let (_, trials) =
            found(50.0, 0.01, FINEST_Q8, |quality| 50.0 + 9.0 * (quality * 3.0).sin());
        assert!(trials <= MAX_TRIALS);
    }

    #[test]
    fn a_search_with_other_samples_continues_with_the_result_and_the_gain() {
        let mut coarse = Search::new(90.0, 0.6, [75.0, 95.0], FINEST_Q8);
        coarse.add(60 << 8, 88.0);
        coarse.add(70 << 8, 90.2);
        let mut fine = coarse.continued(0.3);
        assert_eq!(fine.next(), Some(70 << 8));
        fine.add(70 << 8, 92.2);
        // The coarse gain is 0.22 for each step of the quality.
        assert_eq!(fine.next(), Some(60 << 8));
        fine.add(60 << 8, 90.25);
        assert_eq!(fine.next(), None);
        // The result is between both, where the target is expected.
        assert!((58 << 8..59 << 8).contains(&fine.refined()), "{}", fine.refined());
    }

    #[test]
    fn close_qualities_say_little_about_the_gain() {
        let usual = 0.4 / 256.0;
        let of_one_step = gain_of(0.05, 256.0, usual) * 256.0;
        assert!((0.35..0.4).contains(&of_one_step), "{of_one_step}");
        let of_many = gain_of(0.8, 16.0 * 256.0, usual) * 256.0;
        assert!((of_many - 0.05).abs() < 1e-9, "{of_many}");
    }

    #[test]
    fn a_correction_follows_the_slope() {
        let mut search = Search::new(90.0, 0.1, [75.0, 95.0], FINEST_Q8);
        search.add(60 << 8, 88.0);
        search.add(70 << 8, 93.0);
        assert_eq!(search.corrected(&[(64 << 8, 89.5)]), 65 << 8);
        // The whole input gains half as much.
        assert_eq!(search.corrected(&[(64 << 8, 88.0), (66 << 8, 89.0)]), 68 << 8);
        // A result that is no better with a better quality leads away from the target nevertheless.
        assert!(search.corrected(&[(64 << 8, 89.0), (65 << 8, 88.9)]) > 65 << 8);
    }
}
