//! Pooling: combines values of frames into values of a clip.

use crate::metrics::{PERFECT_DB, Pooling};
use crate::results::Pooled;
use crate::stats;

/// Times closer than this are equal, in seconds.
const EPSILON_S: f64 = 1e-6;

/// Pools `values`, one for each of the ascending `times_s`. The worst second is taken over windows
/// of one second that begin at any frame and lie completely inside the clip; a shorter clip is its
/// own worst second. Percentiles count from the worse end: `p1` is the 99th percentile
/// if lower is better. `None` without values, or if a value is not a number.
#[must_use]
pub fn pool(how: Pooling, values: &[f64], times_s: &[f64]) -> Option<Pooled> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mean = stats::mean(values)?;
    // Negates values for metrics in which higher is better, so that worse is less.
    let sign = if how.higher_is_better { 1.0 } else { -1.0 };
    let mut sorted: Vec<f64> = values.iter().map(|value| sign * value).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |share| stats::quantile_of_sorted(&sorted, share).map(|value| sign * value);
    Some(Pooled {
        mean: global(how, values).unwrap_or(mean),
        harmonic: harmonic(values),
        worst: quantile(0.0)?,
        p1: quantile(0.01)?,
        p5: quantile(0.05)?,
        p50: quantile(0.5)?,
        worst_second: worst_second(how, values, times_s)?,
    })
}

/// The harmonic mean; `None` if a value is not above 0.
#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn harmonic(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().map(|value| value.recip()).sum();
    (!values.is_empty() && values.iter().all(|&value| value > 0.0))
        .then(|| values.len() as f64 / sum)
}

/// The mean of a global metric, computed from errors instead of decibels; `None` for other metrics.
fn global(how: Pooling, values: &[f64]) -> Option<f64> {
    let decibels_per_decade = how.decibels_per_decade?;
    let errors: Vec<f64> = values
        .iter()
        .map(
            |&value| {
                if value >= PERFECT_DB { 0.0 } else { 10_f64.powf(-value / decibels_per_decade) }
            },
        )
        .collect();
    let error = stats::mean(&errors)?;
    Some((-decibels_per_decade * error.log10()).min(PERFECT_DB))
}

fn worst_second(how: Pooling, values: &[f64], times_s: &[f64]) -> Option<f64> {
    let last = times_s.last()?;
    let gap = times_s.len().checked_sub(2).map_or(0.0, |before| last - times_s[before]);
    let pooled = |range: &[f64]| global(how, range).or_else(|| stats::mean(range));
    let mut worst: Option<f64> = None;
    let mut end = 0;
    for (begin, &from) in times_s.iter().enumerate() {
        if from + 1.0 > last + gap + EPSILON_S {
            break;
        }
        while times_s.get(end).is_some_and(|&time| time < from + 1.0 - EPSILON_S) {
            end += 1;
        }
        let here = pooled(values.get(begin..end)?)?;
        let is_worse = |so_far: f64| (here < so_far) == how.higher_is_better;
        if worst.is_none_or(is_worse) {
            worst = Some(here);
        }
    }
    worst.or_else(|| pooled(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricId;

    fn times(count: u32, fps: f64) -> Vec<f64> {
        (0..count).map(|n| f64::from(n) / fps).collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn one_bad_second_is_found_wherever_it_begins() {
        let mut values = vec![40.0; 100];
        values[37..67].fill(20.0);
        let found = pool(MetricId::PsnrY.pooling(), &values, &times(100, 30.0)).unwrap();
        assert!(near(found.worst_second, 20.0), "{found:?}");
        assert!(near(found.mean, 34.0) && near(found.worst, 20.0) && near(found.p50, 40.0));
        assert!(near(found.harmonic.unwrap(), 100.0 / (70.0 / 40.0 + 30.0 / 20.0)));
    }

    #[test]
    fn percentiles_are_reversed_if_lower_is_better() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let found = pool(MetricId::Butteraugli.pooling(), &values, &times(101, 10.0)).unwrap();
        assert!(near(found.worst, 100.0) && near(found.p1, 99.0) && near(found.p5, 95.0));
        assert!(near(found.worst_second, 95.5), "{found:?}");
        assert!(found.harmonic.is_none());
    }

    #[test]
    fn a_clip_below_a_second_is_its_own_worst_second() {
        let found = pool(MetricId::Ssim.pooling(), &[0.5, 1.0], &times(2, 30.0)).unwrap();
        assert!(near(found.worst_second, 0.75));
        assert!(pool(MetricId::Ssim.pooling(), &[], &[]).is_none());
        assert!(pool(MetricId::Ssim.pooling(), &[f64::NAN], &[0.0]).is_none());
        assert!(near(pool(MetricId::Ssim.pooling(), &[0.5], &[0.0]).unwrap().worst_second, 0.5));
    }

    #[test]
    fn global_psnr_is_that_of_the_mean_squared_error() {
        // Errors of 1 and 0.01 of the peak squared.
        let found = pool(MetricId::PsnrYGlobal.pooling(), &[0.0, 20.0], &times(2, 30.0)).unwrap();
        assert!(near(found.mean, -10.0 * (1.01_f64 / 2.0).log10()), "{found:?}");
        let perfect =
            pool(MetricId::PsnrYGlobal.pooling(), &[100.0, 100.0], &times(2, 30.0)).unwrap();
        assert!(near(perfect.mean, 100.0));
        let roots = pool(MetricId::XpsnrYGlobal.pooling(), &[0.0, 20.0], &times(2, 30.0)).unwrap();
        assert!(near(roots.mean, -20.0 * (1.1_f64 / 2.0).log10()), "{roots:?}");
    }

    #[test]
    fn seconds_of_a_variable_frame_rate_are_seconds() {
        let times = [0.0, 0.1, 0.2, 1.2, 1.25, 2.25];
        let values = [10.0, 20.0, 30.0, 40.0, 2.0, 60.0];
        let found = pool(MetricId::PsnrY.pooling(), &values, &times).unwrap();
        // The window from 1.25 on contains only frame 4.
        assert!(near(found.worst_second, 2.0), "{found:?}");
    }
}
