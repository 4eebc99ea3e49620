//! Student's t distribution: confidence intervals and tests of a mean over few values.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::mean;

/// Bisection steps for a quantile: to the last bit of an `f64`.
const HALVINGS: u32 = 60;

/// The mean of a sample and its uncertainty.
///
/// ```
/// use codec_measure::stats::student::MeanTest;
///
/// let test = MeanTest::new(&[-3.0, -2.0, -4.0, -3.0]).expect("at least two values");
/// assert_eq!((test.mean, test.freedom), (-3.0, 3));
/// assert!(test.half_width(0.95) < 3.0); // the mean differs from 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanTest {
    /// The mean of the sample.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Degrees of freedom: number of values minus one.
    pub freedom: u32,
}

impl MeanTest {
    /// Describes `values`, drawn independently. `None` with fewer than two values, because one
    /// value gives no information about the spread.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of measurements")]
    pub fn new(values: &[f64]) -> Option<Self> {
        let freedom = u32::try_from(values.len()).ok()?.checked_sub(1).filter(|&free| free > 0)?;
        let mean = mean(values)?;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / f64::from(freedom) / values.len() as f64).sqrt();
        Some(Self { mean, error, freedom })
    }

    /// Half the width of the interval around the mean that contains the population's mean with
    /// `confidence` (0 to 1). Exact for normally distributed values.
    #[must_use]
    pub fn half_width(&self, confidence: f64) -> f64 {
        if self.error > 0.0 { quantile(confidence, self.freedom) * self.error } else { 0.0 }
    }

    /// Probability of a mean at least this far from `centre` if `centre` is the population's mean
    /// (two-sided). 1 if there is neither spread nor difference, 0 if there is a difference without
    /// any spread.
    #[must_use]
    pub fn probability(&self, centre: f64) -> f64 {
        let distance = (self.mean - centre).abs();
        if distance == 0.0 {
            return 1.0;
        }
        if self.error > 0.0 { 1.0 - within(distance / self.error, self.freedom) } else { 0.0 }
    }
}

/// Returns the t for which a share `confidence` (0 to 1) of the distribution lies between -t and t.
#[must_use]
pub fn quantile(confidence: f64, freedom: u32) -> f64 {
    let scale = f64::from(freedom).sqrt();
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..HALVINGS {
        let angle = f64::midpoint(low, high);
        if within(scale * angle.tan(), freedom) < confidence {
            low = angle;
        } else {
            high = angle;
        }
    }
    scale * low.tan()
}

/// Probability that a value lies between -t and t (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn within(t: f64, freedom: u32) -> f64 {
    let angle = (t / f64::from(freedom).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = freedom % 2 == 1;
    // The first term, and the factor from each term to the next.
    let mut term = match (freedom, is_odd) {
        (1, _) => 0.0,
        (_, true) => cosine,
        (_, false) => 1.0,
    };
    let mut sum = term;
    let mut factor = if is_odd { 2.0 } else { 1.0 };
    for _ in 1..freedom / 2 {
        term *= cosine * cosine * factor / (factor + 1.0);
        sum += term;
        factor += 2.0;
    }
    if is_odd { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// Decides which of the hypotheses with these probabilities to reject, so that the probability of
/// rejecting any true one is at most 1 - `level` (Holm, 1979). NaN values are never rejected.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of comparisons")]
pub fn holm(probabilities: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut rejected = vec![false; probabilities.len()];
    for (rank, &index) in order.iter().enumerate() {
        let fits = probabilities[index] <= level / (order.len() - rank) as f64;
        if !fits {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided quantiles of the printed tables.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (confidence, freedom, wanted) in [
            (0.95, 1, 12.706_2),
            (0.95, 2, 4.302_65),
            (0.95, 3, 3.182_45),
            (0.95, 4, 2.776_45),
            (0.95, 9, 2.262_16),
            (0.95, 30, 2.042_27),
            (0.99, 1, 63.656_7),
            (0.99, 5, 4.032_14),
            (0.999, 10, 4.586_89),
            (0.95, 1000, 1.962_34),
        ] {
            let found = quantile(confidence, freedom);
            assert!((found - wanted).abs() < 1e-4 * wanted, "{confidence} {freedom}: {found}");
        }
    }

    #[test]
    fn a_sample_has_its_mean_error_and_probability() {
        let found = MeanTest::new(&[1.0, 2.0, 3.0]).unwrap();
        assert!(
            (found.mean - 2.0).abs() < 1e-12 && (found.error - 1.0 / 3_f64.sqrt()).abs() < 1e-12
        );
        assert!((found.half_width(0.95) - 4.302_65 / 3_f64.sqrt()).abs() < 1e-4);
        // At the end of the interval the probability is the remainder.
        assert!((found.probability(2.0 + found.half_width(0.95)) - 0.05).abs() < 1e-9);
        assert!((found.probability(2.0) - 1.0).abs() < 1e-12);
        assert_eq!((MeanTest::new(&[1.0]), MeanTest::new(&[])), (None, None));
        let sure = MeanTest::new(&[0.0, 0.0]).unwrap();
        assert_eq!(
            (sure.half_width(0.95), sure.probability(0.0), sure.probability(1.0)),
            (0.0, 1.0, 0.0)
        );
    }

    #[test]
    fn holm_rejects_in_steps() {
        assert_eq!(holm(&[0.04, 0.01, 0.03], 0.05), [false, true, false]);
        assert_eq!(holm(&[0.024, 0.01, 0.05], 0.05), [true, true, true]);
        assert_eq!(holm(&[f64::NAN, 0.02], 0.05), [false, true]);
        assert!(holm(&[], 0.05).is_empty());
    }
}
