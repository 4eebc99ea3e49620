//! Statistics of repeated measurements: medians with distribution-free confidence intervals, and
//! means with confidence intervals from Student's t distribution.

pub mod student;

/// A seeded generator (xorshift64*): the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Creates a generator from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns the next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns an index below `count`; 0 if `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.next_u64()) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

/// A figure with its confidence interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The figure itself.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Returns the `share` quantile (0 to 1) of unsorted values, interpolated linearly; `None` without
/// values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, share)
}

/// As [`quantile`], for sorted values.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a slice, clamped to it"
)]
pub fn quantile_of_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (at - below as f64))
}

/// Returns the median of `values`; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Returns the mean; `None` without values.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of measurements")]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the median with an interval between two order statistics that contains the true median
/// with at least `confidence` (0 to 1) for any distribution. With too few values for that
/// confidence the interval is their full range. `None` without values.
///
/// ```
/// use codec_measure::stats::median_interval;
///
/// let times = [10.1, 10.3, 10.2, 10.2, 10.4, 10.2, 14.0, 10.1, 10.3];
/// let estimate = median_interval(&times, 0.95).expect("there are values");
/// assert_eq!(estimate.value, 10.2);
/// assert!(estimate.low >= 10.1 && estimate.high <= 10.4); // the outlier does not matter
/// ```
#[must_use]
pub fn median_interval(values: &[f64], confidence: f64) -> Option<Estimate> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let value = quantile_of_sorted(&sorted, 0.5)?;
    let cut = cut_of_median(sorted.len(), confidence);
    Some(Estimate { value, low: sorted[cut], high: sorted[sorted.len() - 1 - cut] })
}

/// How many values can be excluded at each end: the probability that the median lies outside the
/// rest is twice the binomial tail.
#[expect(clippy::cast_precision_loss, reason = "counts of measurements")]
fn cut_of_median(count: usize, confidence: f64) -> usize {
    let mut term = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let mut tail = 0.0;
    for cut in 0..count / 2 {
        tail += term;
        if 2.0 * tail > 1.0 - confidence {
            return cut.saturating_sub(1);
        }
        term *= (count - cut) as f64 / (cut + 1) as f64;
    }
    (count / 2).saturating_sub(1)
}

/// Returns the ratio of the median of `new` to the median of `old`, with its interval: both are resampled
/// `rounds` times (percentile bootstrap). `None` if one is empty or the median of `old` is not
/// positive.
#[must_use]
pub fn ratio_of_medians(
    new: &[f64],
    old: &[f64],
    confidence: f64,
    rounds: usize,
    seed: u64,
) -> Option<Estimate> {
    let ratio = |new: &[f64], old: &[f64]| Some(median(new)? / median(old).filter(|&m| m > 0.0)?);
    let value = ratio(new, old)?;
    let mut random = Random::new(seed);
    let mut draw = |values: &[f64]| -> Vec<f64> {
        values.iter().map(|_| values[random.below(values.len())]).collect()
    };
    let mut found: Vec<f64> = (0..rounds).filter_map(|_| ratio(&draw(new), &draw(old))).collect();
    found.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let end = |share| quantile_of_sorted(&found, share).unwrap_or(value);
    Some(Estimate { value, low: end(tail), high: end(1.0 - tail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.0), Some(1.0));
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// Tables of the sign test: with 9 values the second smallest and largest bound the median with
    /// 96 %, with 5 even the full range does not (94 %), with 20 the sixth does (96 %).
    #[test]
    fn order_statistics_bound_the_median_as_tables_say() {
        let ascending = |count: u32| (1..=count).map(f64::from).collect::<Vec<_>>();
        let bounds = |count| {
            let found = median_interval(&ascending(count), 0.95).unwrap();
            (found.low, found.high)
        };
        assert_eq!(bounds(5), (1.0, 5.0));
        assert_eq!(bounds(9), (2.0, 8.0));
        assert_eq!(bounds(20), (6.0, 15.0));
        assert_eq!(bounds(1), (1.0, 1.0));
    }

    #[test]
    fn a_known_ratio_is_in_its_interval() {
        let mut random = Random::new(7);
        let mut noisy = |centre: f64| -> Vec<f64> {
            let noise = |step: usize| f64::from(u32::try_from(step).unwrap()) / 1000.0 - 0.05;
            (0..15).map(|_| centre * (1.0 + noise(random.below(100)))).collect()
        };
        let held = (0..100).filter(|&seed| {
            let found = ratio_of_medians(&noisy(12.0), &noisy(10.0), 0.95, 1000, seed).unwrap();
            (found.low..=found.high).contains(&1.2)
        });
        let held = held.count();
        assert!(held >= 88, "{held} of 100");
        let same = ratio_of_medians(&[2.0; 5], &[2.0; 5], 0.95, 100, 1).unwrap();
        assert_eq!((same.value, same.low, same.high), (1.0, 1.0, 1.0));
        assert_eq!(ratio_of_medians(&[1.0], &[], 0.95, 100, 1), None);
        assert_eq!(ratio_of_medians(&[1.0], &[0.0], 0.95, 100, 1), None);
    }
}
