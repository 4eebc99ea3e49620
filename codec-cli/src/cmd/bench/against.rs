//! Compares samples with those of before, so that noise does not look like a slowdown.

use codec_measure::stats::{self, Estimate};

use super::record::{Baseline, Series};
use crate::Env;
use crate::args::bench::RecordArgs;
use crate::failure::{Failure, Kind, Result};

/// Probability that no interval of a comparison misses the true ratio.
const CONFIDENCE: f64 = 0.95;

/// One thing, then and now.
#[derive(Clone, Debug)]
struct Verdict {
    name: String,
    /// Now by then, in units of the yardstick where both have one.
    ratio: Estimate,
    /// The same in nanoseconds.
    raw: f64,
    /// The part of a frame that takes most longer: name, nanoseconds more, ratio.
    part: Option<(String, f64, f64)>,
    is_slower: bool,
}

/// Reads the baseline that `args` name, and refuses one of other settings or machines.
pub(super) fn baseline(
    args: &RecordArgs,
    kind: &str,
    config: &[(String, String)],
    env: Env,
) -> Result<Option<Baseline>> {
    let Some(path) = &args.against else { return Ok(None) };
    let baseline = Baseline::read(path)?;
    let differences = baseline.differences(kind, config);
    if !differences.is_empty() {
        let text = format!("{} is of something else: {}", baseline.name, differences.join("; "));
        if !args.force {
            return Err(Failure::usage(format!("{text}. --force compares all the same")));
        }
        env.console.warn(text);
    }
    Ok(Some(baseline))
}

/// Tells how `points` compare with the baseline; fails where one is slower by more than the
/// threshold, and that for certain. Less than `least_ns` is no difference.
pub(super) fn check(
    baseline: &Baseline,
    points: &[Series],
    least_ns: f64,
    args: &RecordArgs,
    env: Env,
) -> Result<()> {
    let pairs: Vec<_> = points
        .iter()
        .filter_map(|now| Some((now, baseline.points.iter().find(|then| then.name == now.name)?)))
        .collect();
    if pairs.is_empty() {
        let message = format!("{}: nothing in it was measured this time", baseline.name);
        return Err(Failure::usage(message));
    }
    let same = baseline.has_same_yardstick();
    #[expect(clippy::cast_precision_loss, reason = "a number of points")]
    let confidence = 1.0 - (1.0 - CONFIDENCE) / pairs.len() as f64;
    let mut slower = Vec::new();
    for (now, then) in &pairs {
        let limit = Limit { threshold: args.threshold, least_ns };
        let Some(verdict) = judge(now, then, same, confidence, limit) else {
            env.console.warn(format!("{}: no samples to compare", now.name));
            continue;
        };
        let text = describe(&verdict);
        if verdict.is_slower {
            slower.push(text);
        } else {
            env.console.note(format!("{} against {}: {text}", then.name, baseline.name));
        }
    }
    let new = points.len() - pairs.len();
    if new > 0 {
        env.console.note(format!("{new} of {} are not in {}", points.len(), baseline.name));
    }
    if slower.is_empty() {
        return Ok(());
    }
    let limit = args.threshold * 100.0;
    let message =
        format!("slower than {} by more than {limit:.1} %: {}", baseline.name, slower.join("; "));
    Err(Failure::new(Kind::Check, message))
}

/// From where on something counts as slower.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Share of the time of before.
    threshold: f64,
    /// Nanoseconds more.
    least_ns: f64,
}

/// `None` without samples.
fn judge(
    now: &Series,
    then: &Series,
    same_yardstick: bool,
    confidence: f64,
    limit: Limit,
) -> Option<Verdict> {
    let (now_ns, then_ns) = (stats::median(&now.samples)?, stats::median(&then.samples)?);
    let scaled = now.by_yardstick().zip(then.by_yardstick()).filter(|_| same_yardstick);
    let (new, old) = scaled.unwrap_or_else(|| (now.samples.clone(), then.samples.clone()));
    let ratio = stats::ratio_of_medians(&new, &old, confidence, ROUNDS, SEED)?;
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
            && (ratio.value - 1.0) * then_ns > limit.least_ns,
    })
}

/// Equal samples give equal verdicts.
const SEED: u64 = 1;
/// Draws for the interval of a ratio.
const ROUNDS: usize = 4000;

/// `clip encode avx2 1 thread +23.1 % (between +20.4 and +25.0 %; in nanoseconds +30.2 %)`.
fn describe(verdict: &Verdict) -> String {
    let Verdict { name, ratio: Estimate { value, low, high }, raw, part, is_slower } = verdict;
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let mut text = format!(
        "{name} {:+.1} % (between {:+.1} and {:+.1} %; in nanoseconds {:+.1} %)",
        percent(*value),
        percent(*low),
        percent(*high),
        percent(*raw),
    );
    if let Some((part, more, by)) = part.as_ref().filter(|_| *is_slower) {
        text.push_str(&format!(
            ", most of it in {part}: {:+.3} ms a frame, {:+.1} %",
            more / 1e6,
            percent(*by)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: Limit = Limit { threshold: 0.1, least_ns: 0.0 };

    /// Samples of a machine that is now and then slowed down by others: `speed` is how fast it is
    /// on the whole, `work` what a frame takes.
    fn measured(work: f64, speed: f64, seed: u32) -> Series {
        let mut state = seed;
        let mut unit = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24)
        };
        let mut series = Series { name: "clip".to_owned(), ..Series::default() };
        for _ in 0..9 {
            // Others slow the frame and the yardstick down alike, but not quite.
            let others = speed * (1.0 + if unit() < 0.2 { 0.6 * unit() } else { 0.05 * unit() });
            series.samples.push(work * others * (1.0 + 0.04 * (unit() - 0.5)));
            series.yardstick.push(3e5 * others * (1.0 + 0.04 * (unit() - 0.5)));
        }
        series
    }

    #[test]
    fn noise_and_a_slower_machine_are_no_slowdown() {
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

    #[test]
    fn without_a_common_yardstick_nanoseconds_are_compared() {
        let then = measured(4e6, 1.0, 1);
        let now = measured(4e6, 1.6, 2);
        assert!(judge(&now, &then, false, 0.95, TENTH).unwrap().is_slower);
        let coarse = Limit { least_ns: 4e6, ..TENTH };
        assert!(!judge(&now, &then, false, 0.95, coarse).unwrap().is_slower);
        let bare = Series { yardstick: Vec::new(), ..now };
        assert!(judge(&bare, &then, true, 0.95, TENTH).unwrap().is_slower);
        assert!(judge(&Series::default(), &then, true, 0.95, TENTH).is_none());
    }
}
