//! Compares results with a baseline; the comparison is robust to noise.

use codec_measure::stats::{self, Estimate};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};

use super::options::RecordOptions;
use super::record::{Baseline, Series};

/// Probability that all intervals of a comparison contain the true ratio.
const CONFIDENCE: f64 = 0.95;
/// How often an apparent slowdown is measured again.
const AGAIN: u32 = 3;
/// Fraction of the samples that are assumed to be undisturbed. Other load only makes work slower,
/// so a real slowdown also shows in the fast samples.
const QUIET: f64 = 0.2;

/// One measurement in the baseline and in this run.
#[derive(Clone, Debug)]
struct Verdict {
    name: String,
    /// The new time divided by the earlier one, in units of the calibration workload if both have
    /// it.
    ratio: Estimate,
    /// The ratio of the times in nanoseconds.
    raw: f64,
    /// The stage of a frame with the largest increase: name, nanoseconds more, ratio.
    part: Option<(String, f64, f64)>,
    is_slower: bool,
}

/// Reads the baseline of `args`; rejects a baseline with other settings or from another machine.
pub(super) fn baseline(
    args: &RecordOptions,
    kind: &str,
    config: &[(String, String)],
    env: &Env,
) -> Result<Option<Baseline>> {
    let Some(path) = &args.against else { return Ok(None) };
    let baseline = Baseline::read(path)?;
    let differences = baseline.differences(kind, config);
    if !differences.is_empty() {
        let text = format!("cannot compare with {}: {}", baseline.name, differences.join("; "));
        if !args.force {
            return Err(Failure::usage(format!("{text}\nhelp: compare anyway with --force")));
        }
        env.events.warn(text);
    }
    Ok(Some(baseline))
}

/// Reports how `points` compare with the baseline; fails if the slowdown of a point is
/// statistically significant and above the threshold. Differences below `min_ns` are ignored.
/// Before an apparent slowdown counts, `again` measures it again; `again` receives the names of the
/// points.
pub(super) fn check(
    baseline: &Baseline,
    mut points: Vec<Series>,
    min_ns: f64,
    args: &RecordOptions,
    mut again: impl FnMut(&[&str]) -> Result<Vec<Series>>,
    env: &Env,
) -> Result<()> {
    let all = points.len();
    points.retain(|now| baseline.find(&now.name).is_some());
    if points.is_empty() {
        let message = format!("{} has no measurement in common with this run", baseline.name);
        return Err(Failure::usage(message));
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of points")]
    let confidence = 1.0 - (1.0 - CONFIDENCE) / points.len() as f64;
    let limit = Limit { threshold: args.threshold, min_ns };
    let same = baseline.has_same_calibration();
    let judged = |now: &Series| {
        baseline.find(&now.name).and_then(|then| judge(now, then, same, confidence, limit))
    };
    let is_slower = |now: &Series| judged(now).is_some_and(|verdict| verdict.is_slower);
    for _ in 0..AGAIN {
        let names: Vec<&str> =
            points.iter().filter(|now| is_slower(now)).map(|now| now.name.as_str()).collect();
        if names.is_empty() {
            break;
        }
        env.events.note(format!("repeating apparent slowdowns: {}", names.join(", ")));
        let more = again(&names)?;
        if env.stop.is_requested() {
            let message = "interrupted while repeating apparent slowdowns";
            return Err(Failure::new(Kind::Interrupted, message));
        }
        points.iter_mut().for_each(|now| now.take_over(&more));
    }
    let mut slower = Vec::new();
    for now in &points {
        let Some(verdict) = judged(now) else {
            env.events.warn(format!(
                "{}: not compared, because one of the runs has no times for it",
                now.name
            ));
            continue;
        };
        let text = describe(&verdict);
        if verdict.is_slower {
            slower.push(text);
        } else {
            env.events.note(format!("{} compared with {}: {text}", now.name, baseline.name));
        }
    }
    if all > points.len() {
        let new = all - points.len();
        env.events.note(format!("{new} of {all} measurements are not in {}", baseline.name));
    }
    if slower.is_empty() {
        return Ok(());
    }
    let limit = args.threshold * 100.0;
    let message =
        format!("slower than {} by more than {limit:.1} %: {}", baseline.name, slower.join("; "));
    Err(Failure::new(Kind::Check, message))
}

/// The threshold above which something counts as slower.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Limit relative to the earlier time.
    threshold: f64,
    /// Absolute limit in nanoseconds.
    min_ns: f64,
}

/// Compares two series; `None` without samples.
fn judge(
    now: &Series,
    then: &Series,
    same_calibration: bool,
    confidence: f64,
    limit: Limit,
) -> Option<Verdict> {
    let (now_ns, then_ns) = (stats::median(&now.samples)?, stats::median(&then.samples)?);
    let scaled = now.by_calibration().zip(then.by_calibration()).filter(|_| same_calibration);
    let (new, old) = scaled.unwrap_or_else(|| (now.samples.clone(), then.samples.clone()));
    let ratio = stats::ratio_of_medians(&new, &old, confidence, ROUNDS, SEED)?;
    let quiet = stats::quantile(&new, QUIET)? / stats::quantile(&old, QUIET)?;
    let longer = now.parts.iter().filter_map(|(name, ns)| {
        let (_, before) = then.parts.iter().find(|(known, _)| known == name)?;
        Some((name.clone(), ns - before, ns / before))
    });
    Some(Verdict {
        name: now.name.clone(),
        ratio,
        raw: now_ns / then_ns,
        part: longer.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, more, _)| *more > 0.0),
        is_slower: ratio.low > 1.0 + limit.threshold
            && quiet > 1.0 + limit.threshold
            && (ratio.value - 1.0) * then_ns > limit.min_ns,
    })
}

/// A fixed seed, so that equal samples give equal verdicts.
const SEED: u64 = 1;
/// Bootstrap rounds for the interval of a ratio.
const ROUNDS: usize = 4000;

/// Formats `clip encode avx2 1 thread +23.1 % (confidence interval +20.4 to +25.0 %; uncalibrated +30.2 %)`.
fn describe(verdict: &Verdict) -> String {
    let Verdict { name, ratio: Estimate { value, low, high }, raw, part, is_slower } = verdict;
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let mut text = format!(
        "{name} {:+.1} % (confidence interval {:+.1} to {:+.1} %; uncalibrated {:+.1} %)",
        percent(*value),
        percent(*low),
        percent(*high),
        percent(*raw),
    );
    if let Some((part, more, by)) = part.as_ref().filter(|_| *is_slower) {
        text.push_str(&format!(
            ", mostly in {part}: {:+.3} ms a frame, {:+.1} %",
            more / 1e6,
            percent(*by)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: Limit = Limit { threshold: 0.1, min_ns: 0.0 };

    /// Simulates samples of a machine that other load sometimes slows down: `speed` is its average
    /// speed, `work` the time of a frame.
    fn measured(work: f64, speed: f64, seed: u32) -> Series {
        let mut state = seed;
        let mut unit = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24)
        };
        let mut series = Series { name: "clip".to_owned(), ..Series::default() };
        for _ in 0..9 {
            // Other load slows the frame and the calibration workload down by about the same factor.
            let others = speed * (1.0 + if unit() < 0.2 { 0.6 * unit() } else { 0.05 * unit() });
            series.samples.push(work * others * (1.0 + 0.04 * (unit() - 0.5)));
            series.calibration.push(3e5 * others * (1.0 + 0.04 * (unit() - 0.5)));
        }
        series
    }

    #[test]
    fn noise_and_a_slower_machine_are_not_slowdowns() {
        for seed in 0..200 {
            for speed in [0.7, 1.0, 1.6] {
                let then = measured(4e6, 1.0, 2 * seed);
                let now = measured(4e6, speed, 2 * seed + 1);
                let verdict = judge(&now, &then, true, 0.95, TENTH).unwrap();
                assert!(!verdict.is_slower, "{seed}, {speed}: {verdict:?}");
            }
        }
    }

    #[test]
    fn a_slowdown_by_a_fifth_is_found_and_named() {
        for seed in 0..200 {
            for speed in [0.7, 1.0, 1.6] {
                let mut then = measured(4e6, 1.0, 2 * seed);
                let mut now = measured(4.8e6, speed, 2 * seed + 1);
                then.parts = vec![("analysis".to_owned(), 5e5), ("loop filter".to_owned(), 3e5)];
                now.parts = vec![("analysis".to_owned(), 5e5), ("loop filter".to_owned(), 11e5)];
                let verdict = judge(&now, &then, true, 0.95, TENTH).unwrap();
                assert!(verdict.is_slower, "{seed}, {speed}: {verdict:?}");
                let text = describe(&verdict);
                assert!(text.starts_with("clip +") && text.contains("in loop filter"), "{text}");
            }
        }
    }

    /// Another process uses the core's other hardware thread for most of a run, which the
    /// calibration workload does not show.
    #[test]
    fn a_run_with_some_samples_as_fast_as_before_is_not_a_slowdown() {
        let then = measured(4e6, 1.0, 1);
        let mut now = measured(4e6, 1.0, 2);
        now.samples.iter_mut().skip(2).for_each(|sample| *sample *= 1.9);
        assert!(!judge(&now, &then, true, 0.95, TENTH).unwrap().is_slower);
        now.samples.iter_mut().take(2).for_each(|sample| *sample *= 1.9);
        assert!(judge(&now, &then, true, 0.95, TENTH).unwrap().is_slower);
    }

    #[test]
    fn samples_of_the_same_name_are_merged() {
        let mut now = measured(4e6, 1.0, 1);
        let (more, other) =
            (measured(4e6, 1.0, 2), Series { name: "x".into(), ..measured(1.0, 1.0, 3) });
        now.take_over(&[more, other]);
        assert_eq!((now.samples.len(), now.calibration.len()), (18, 18));
    }

    #[test]
    fn without_a_common_calibration_nanoseconds_are_compared() {
        let then = measured(4e6, 1.0, 1);
        let now = measured(4e6, 1.6, 2);
        assert!(judge(&now, &then, false, 0.95, TENTH).unwrap().is_slower);
        let coarse = Limit { min_ns: 4e6, ..TENTH };
        assert!(!judge(&now, &then, false, 0.95, coarse).unwrap().is_slower);
        let bare = Series { calibration: Vec::new(), ..now };
        assert!(judge(&bare, &then, true, 0.95, TENTH).unwrap().is_slower);
        assert!(judge(&Series::default(), &then, true, 0.95, TENTH).is_none());
    }
}
