//! Encodes to a target mean quality.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::Session;
use super::relation::Relation;
use super::samples::{Samples, has_fractions, mean, measure_whole};
use super::search::{BEST_Q8, FINEST_Q8, Search, Trial};
use super::{check_files, media_of};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::Media;
use crate::json::Object;
use crate::progress::Now;
use crate::settings::encoding::Encoding;
use crate::settings::goal::{Goal, TargetQuality};

/// Maximum number of encodes of the whole input at corrected qualities.
const MAX_ENCODES: usize = 3;
/// Maximum number of further encodes at better qualities, if all of [`MAX_ENCODES`] are below the target.
const MAX_BETTER: usize = 3;
/// Share of the tolerance at which the search ends, if the samples are the whole input.
const ALLOWED_OF_WHOLE: f64 = 0.5;
/// Share of the tolerance at which a search on some of the samples ends.
const ALLOWED_OF_SOME: f64 = 2.0;
/// Distance of the parts on which the search begins, if there are several ones.
const COARSE_STEP: usize = 2;
/// Speed of the trial encode of the whole input.
const FAST: u8 = 10;
/// The highest speed of an encode for which this trial encode is worthwhile.
const SLOW: u8 = 6;

/// A search for a quality, on sampled parts of an input.
pub(in crate::session) struct QualitySearch {
    search: Search,
    /// The quality that was found, in 256ths.
    quality_q8: u32,
    target: TargetQuality,
    /// Frames of the whole input.
    frames: u64,
}

/// An encode of the whole input.
pub(in crate::session) struct Attempt<T> {
    /// The encode.
    pub(in crate::session) result: T,
    /// The mean of the metric.
    pub(in crate::session) reached: f64,
    /// Why it ended early.
    pub(in crate::session) end: Result<()>,
}

/// Why a result can be above the target by more than the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Excess {
    /// It is the result of quality 0.
    LowestQuality,
    /// The results that are nearer to the target are below it.
    NearerIsBelow,
    /// The search has ended without a nearer result.
    SearchEnded,
    /// The search among the trial encodes of shots has ended without a nearer combination.
    Shots,
    /// A plan has found the quality on samples.
    Sampled,
}

impl Excess {
    /// The reason for messages.
    fn reason(self) -> &'static str {
        match self {
            Self::LowestQuality => "the encoder has no lower quality",
            Self::NearerIsBelow => "all results nearer to the target are below it",
            Self::SearchEnded => "the search found no nearer result",
            Self::Shots => "the search found no nearer combination of qualities of the shots",
            Self::Sampled => "the plan found the quality on short sections of the input",
        }
    }
}

impl QualitySearch {
    /// Searches for the quality at which the metric of `target` has its value.
    pub(in crate::session) fn run(
        settings: &Encoding,
        target: TargetQuality,
        env: &Env,
    ) -> Result<Self> {
        settings.encoder.check_quality()?;
        let TargetQuality { metric, value: wanted, .. } = target;
        let samples = Samples::read(settings, env)?;
        let frames = samples.total.max(samples.frames());
        let step_q8 = if has_fractions(settings) { FINEST_Q8 } else { 1 << 8 };
        let near = metric.tolerance();
        let search = |share| Search::new(wanted, near * share, metric.usual(), step_q8);
        let measured = if samples.are_whole() { target } else { target.of_trials(frames) };
        let mut trials = Trials::new(settings, measured, &samples, env);
        let (search, quality_q8) = if samples.are_whole() {
            let search = trials.run(search(ALLOWED_OF_WHOLE), 1, None)?;
            let best = search.best();
            (search, best)
        } else {
            let coarse = trials.run(search(ALLOWED_OF_SOME), COARSE_STEP, None)?;
            let relation = trials.relation(coarse.best())?;
            let search = trials.run(coarse.continued(near), 1, relation)?;
            let refined = search.refined();
            (search, refined)
        };
        env.events.note(format!(
            "target {target}: quality {}, found by {} on {} of {}",
            shown(quality_q8),
            counted(trials.count, "trial encode"),
            samples.frames(),
            counted(frames, "frame"),
        ));
        Ok(Self { search, quality_q8, target, frames })
    }

    /// The quality of the first encode of the whole input, in 256ths.
    pub(in crate::session) fn quality_q8(&self) -> u32 {
        self.quality_q8
    }

    /// Encodes the whole input at the quality that was found, and repeats this at a corrected quality while the mean is
    /// too far from the target. Returns the best attempt, as `is_better` ranks them, and the reason why it can be far
    /// above the target. If an attempt ends early, returns its error with the best earlier attempt, or with itself if
    /// it is the first.
    pub(in crate::session) fn nearest<T>(
        &self,
        env: &Env,
        mut encode: impl FnMut(u32) -> Result<Attempt<T>>,
    ) -> Result<(Attempt<T>, Excess)> {
        let target = self.target;
        let mut quality_q8 = self.quality_q8();
        let mut best: Option<Attempt<T>> = None;
        let mut best_q8 = quality_q8;
        let mut results = Vec::new();
        loop {
            let attempt = encode(quality_q8)?;
            if attempt.end.is_err() {
                let attempt = match best {
                    Some(before) => Attempt { end: attempt.end, ..before },
                    None => attempt,
                };
                return Ok((attempt, Excess::SearchEnded));
            }
            let reached = attempt.reached;
            results.push((quality_q8, reached));
            if best.as_ref().is_none_or(|before| is_better(target, reached, before.reached)) {
                best = Some(attempt);
                best_q8 = quality_q8;
            }
            let Some(next) = next_quality(&self.search, target, &results) else { break };
            env.events.warn(format!(
                "{} {} is too far from the target: encoding again at quality {}",
                target.metric.name(),
                target.metric.format(reached),
                shown(next)
            ));
            quality_q8 = next;
        }
        let best = best.ok_or_else(|| Failure::internal("no encode"))?;
        let excess = excess_of(target, (best_q8, best.reached), &results);
        Ok((best, excess))
    }
}

/// Whether a result is better than another one: within the tolerance, else above the target, and as near as possible.
fn is_better(target: TargetQuality, reached: f64, other: f64) -> bool {
    let rank = |value: f64| {
        let distance = (value - target.value).abs();
        let class = match value {
            _ if distance <= target.metric.tolerance() => 0,
            above if above > target.value => 1,
            _ => 2,
        };
        (class, distance)
    };
    rank(reached) < rank(other)
}

/// Why the best of these results can be far above the target.
fn excess_of(target: TargetQuality, (quality_q8, reached): Trial, results: &[Trial]) -> Excess {
    let wanted = target.value;
    let is_below = |value: f64| value < wanted && wanted - value < reached - wanted;
    match quality_q8 {
        0 => Excess::LowestQuality,
        _ if results.iter().any(|(_, value)| is_below(*value)) => Excess::NearerIsBelow,
        _ => Excess::SearchEnded,
    }
}

/// The quality of the next encode of the whole input after these results; `None` if no further one is worthwhile.
///
/// Steps of the quality can be coarser than the tolerance. While all results are below the target, better qualities are tried, the
/// last of which is the best one: only if that is below the target, too, it cannot be reached.
fn next_quality(search: &Search, target: TargetQuality, results: &[Trial]) -> Option<u32> {
    let (wanted, tolerance) = (target.value, target.metric.tolerance());
    if results.iter().any(|(_, reached)| (reached - wanted).abs() <= tolerance) {
        return None;
    }
    if results.len() < MAX_ENCODES {
        let next = search.corrected(results);
        if results.iter().all(|(tried, _)| *tried != next) {
            return Some(next);
        }
    }
    let is_above = results.iter().any(|(_, reached)| *reached > wanted);
    let tried = results.iter().map(|(quality_q8, _)| *quality_q8).max()?;
    if is_above || tried >= BEST_Q8 {
        return None;
    }
    let is_last = results.len() + 1 >= MAX_ENCODES + MAX_BETTER;
    Some(if is_last { BEST_Q8 } else { search.better(results) })
}

/// Trial encodes of samples.
struct Trials<'a> {
    settings: &'a Encoding,
    target: TargetQuality,
    samples: &'a Samples,
    /// Values of the parts that were encoded, by quality in 256ths and part.
    values: BTreeMap<(u32, usize), Vec<f64>>,
    /// Number of trial encodes.
    count: u64,
    env: &'a Env,
}

impl<'a> Trials<'a> {
    fn new(
        settings: &'a Encoding,
        target: TargetQuality,
        samples: &'a Samples,
        env: &'a Env,
    ) -> Self {
        Self { settings, target, samples, values: BTreeMap::new(), count: 0, env }
    }

    /// Runs a search on every `step`th part to its end; its values are those that the `relation` expects.
    fn run(
        &mut self,
        mut search: Search,
        step: usize,
        relation: Option<Relation>,
    ) -> Result<Search> {
        let metric = self.target.metric;
        while let Some(quality_q8) = search.next() {
            let value = self.measure(quality_q8, step)?;
            let expected = relation.map_or(value, |relation| relation.expected(value));
            self.env.events.detail(format!(
                "trial encode, quality {}: {} {}, expected on all frames {}",
                shown(quality_q8),
                metric.name(),
                metric.format(value),
                metric.format(expected)
            ));
            search.add(quality_q8, expected);
        }
        Ok(search)
    }

    /// Encodes the whole input fast at a quality, and returns the relation of the mean over the samples to that over all
    /// frames; `None` if the encode itself is almost as fast.
    fn relation(&mut self, quality_q8: u32) -> Result<Option<Relation>> {
        let Self { settings, samples, target, env, .. } = *self;
        if settings.encoder.speed() > SLOW {
            return Ok(None);
        }
        let fast = settings.at_quality(quality_q8).at_speed(FAST);
        let mut progress = env.events.progress(Some(samples.total), samples.frame_rate);
        let values = measure_whole(&fast, target, &mut progress, env)?;
        self.count += 1;
        let parts = (0..samples.parts()).map(|part| samples.values_of_part(part, &values));
        let (parts, whole) = (mean(&parts.collect::<Vec<_>>().concat()), mean(&values));
        let metric = target.metric;
        env.events.detail(format!(
            "fast trial encode, quality {}: {} {} on the short sections, {} on all frames",
            shown(quality_q8),
            metric.name(),
            metric.format(parts),
            metric.format(whole)
        ));
        Ok(Some(Relation::new(metric, parts, whole)))
    }

    /// Encodes every `step`th part at a quality, unless it is already, and returns the mean of the metric.
    fn measure(&mut self, quality_q8: u32, step: usize) -> Result<f64> {
        let Self { settings, samples, target, env, .. } = *self;
        self.count += 1;
        let settings = settings.at_quality(quality_q8);
        let mut progress = env.events.progress(Some(samples.frames()), samples.frame_rate);
        let mut all = Vec::new();
        for part in (0..samples.parts()).step_by(step) {
            let values = match self.values.entry((quality_q8, part)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(samples.measure(part, &settings, target, env)?),
            };
            all.extend_from_slice(values);
            progress.update(&Now { frames: all.len() as u64, ..Now::default() });
        }
        if all.is_empty() {
            return Err(Failure::internal("no section of the input was decoded"));
        }
        Ok(mean(&all))
    }
}

/// Encodes `media` such that the mean over all frames is near `target`.
pub(super) fn encode(
    settings: &Encoding,
    target: TargetQuality,
    media: Media,
    env: &Env,
) -> Result<()> {
    check_files(settings, "--target")?;
    let search = QualitySearch::run(settings, target, env)?;
    let target = target.of_result(search.frames);
    let settings = &Encoding { goal: Some(Goal::Quality(target)), ..settings.clone() };
    let mut media = Some(media);
    let (attempt, excess) = search.nearest(env, |quality_q8| {
        let attempt = settings.at_quality(quality_q8);
        let attempt_media = media_of(&mut media, settings, env)?;
        let Some(mut source) = attempt_media.video else {
            return Err(Failure::new(Kind::Input, "the input has no video"));
        };
        let session = Session::new(&attempt, &*source, attempt_media.audio, env)?;
        let finished = session.encode_all(&attempt, &mut *source)?;
        let (reached, end) = (mean(&finished.values), finished.end.clone());
        Ok(Attempt { result: finished, reached, end })
    })?;
    let Attempt { result: mut finished, reached, end } = attempt;
    finished.end = end.and_then(|()| judge(target, reached, excess, env));
    finished.add_to_summary(|summary| summarise(target, reached, summary));
    finished.keep()
}

/// Reports what an encode of the whole input has reached; `excess`: why it can be far above the target.
///
/// # Errors
/// [`Kind::Check`] if its quality is too low.
pub(in crate::session) fn judge(
    target: TargetQuality,
    reached: f64,
    excess: Excess,
    env: &Env,
) -> Result<()> {
    if is_met(target, reached) {
        report(target, reached, excess, env);
        return Ok(());
    }
    let (name, value) = (target.metric.name(), target.metric.format(reached));
    let message = format!(
        "cannot reach {target}: the nearest result, which is kept, has {name} {value}\n\
         help: use a lower --speed, another codec, or a lower target"
    );
    Err(Failure::new(Kind::Check, message))
}

/// As [`judge`], for an encode at a quality in 256ths that was found on samples only.
///
/// # Errors
/// [`Kind::Check`] if its quality is too low.
pub(in crate::session) fn judge_planned(
    target: TargetQuality,
    (reached, quality_q8): (f64, u32),
    env: &Env,
) -> Result<()> {
    let excess = if quality_q8 == 0 { Excess::LowestQuality } else { Excess::Sampled };
    if is_met(target, reached) || quality_q8 >= BEST_Q8 {
        return judge(target, reached, excess, env);
    }
    let metric = target.metric;
    let (name, value) = (metric.name(), metric.format(reached));
    let corrected = target.value + (target.value - reached);
    let plan = match metric.best() {
        Some(best) if corrected >= best => String::new(),
        _ => format!("plan again with --target {name}={}, or ", metric.format(corrected)),
    };
    let message = format!(
        "the chunks have {name} {value}, below the target {target}: the plan found their quality {} on \
         short sections of the input\nhelp: {plan}use --chunked, which encodes again at a corrected quality",
        shown(quality_q8)
    );
    Err(Failure::new(Kind::Check, message))
}

/// Whether a result is not below the target, except for the tolerance.
fn is_met(target: TargetQuality, reached: f64) -> bool {
    reached >= target.value - target.metric.tolerance()
}

/// Notes the quality of a result that meets the target; `excess`: why it can be far above it.
fn report(target: TargetQuality, reached: f64, excess: Excess, env: &Env) {
    let metric = target.metric;
    let (name, value, tolerance) = (metric.name(), metric.format(reached), metric.tolerance());
    let measured = match target.every {
        1 => String::new(),
        every => format!(", measured in one of {every} frames"),
    };
    let above = match reached - target.value > tolerance {
        true => format!(", more than {tolerance} above it: {}", excess.reason()),
        false => String::new(),
    };
    env.events.note(format!("target {target}: reached {name} {value}{measured}{above}"));
}

/// Adds a target and what was reached to a summary.
pub(in crate::session) fn summarise(target: TargetQuality, reached: f64, to: Object) -> Object {
    let TargetQuality { metric, value: wanted, .. } = target;
    to.text("target_metric", metric.name())
        .float("target", wanted)
        .float("reached", reached)
        .raw("measured_every", target.every)
        .raw("target_met", is_met(target, reached))
}

/// A quality for messages.
fn shown(quality_q8: u32) -> String {
    format!("{:.2}", f64::from(quality_q8.min(BEST_Q8)) / 256.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of encodes of the whole input, whose value is `curve` of the quality, 0 to 100: the qualities that were
    /// tried, the value of the kept one, and why it can be far above the target.
    fn encodes_with_excess(
        target: &str,
        first: u32,
        curve: impl Fn(f64) -> f64,
    ) -> (Vec<u32>, f64, Excess) {
        let target: TargetQuality = target.parse().unwrap();
        let mut search = Search::new(target.value, 0.1, target.metric.usual(), FINEST_Q8);
        search.add(first << 8, target.value);
        let quality_search = QualitySearch { search, quality_q8: first << 8, target, frames: 60 };
        let env = Env::new(crate::events::Events::none());
        let mut tried = Vec::new();
        let kept = quality_search.nearest(&env, |quality_q8| {
            tried.push(quality_q8);
            let reached = curve(f64::from(quality_q8) / 256.0);
            Ok(Attempt { result: (), reached, end: Ok(()) })
        });
        let (kept, excess) = kept.unwrap();
        (tried, kept.reached, excess)
    }

    /// [`encodes_with_excess`] without the last result.
    fn encodes(target: &str, first: u32, curve: impl Fn(f64) -> f64) -> (Vec<u32>, f64) {
        let (tried, reached, _) = encodes_with_excess(target, first, curve);
        (tried, reached)
    }

    #[test]
    fn a_result_far_above_the_target_has_its_reason() {
        let excess = |target: &str, first: u32, curve: fn(f64) -> f64| {
            encodes_with_excess(target, first, curve).2
        };
        assert_eq!(excess("psnr=20", 0, |quality| 33.0 + quality / 10.0), Excess::LowestQuality);
        let step = |quality: f64| if quality < 50.0 { 39.5 } else { 41.0 };
        assert_eq!(excess("psnr=40", 50, step), Excess::NearerIsBelow);
        let target: TargetQuality = "psnr=40".parse().unwrap();
        assert_eq!(excess_of(target, (1, 41.0), &[(1, 41.0)]), Excess::SearchEnded);
        assert_eq!(excess_of(target, (1, 41.0), &[(1, 41.0), (0, 38.0)]), Excess::SearchEnded);
    }

    #[test]
    fn a_result_above_the_target_is_better_than_one_below() {
        // Steps of 1.1 dB: nothing is within the tolerance of 0.1 dB.
        let stairs = |quality: f64| 30.3 + 1.1 * (quality / 7.0).floor();
        for first in [20, 45, 60, 62, 90] {
            let (tried, reached) = encodes("psnr=40", first, stairs);
            assert!(tried.len() <= MAX_ENCODES + MAX_BETTER, "{tried:?}");
            assert!((40.0..41.4).contains(&reached), "{first}: {reached}, {tried:?}");
        }
        let target: TargetQuality = "psnr=40".parse().unwrap();
        assert!(is_better(target, 40.9, 39.8) && !is_better(target, 39.8, 40.9));
        assert!(is_better(target, 39.95, 40.2) && is_better(target, 40.2, 40.9));
        assert!(is_better(target, 39.8, 39.5));
    }

    #[test]
    fn a_target_cannot_be_reached_only_if_the_best_quality_misses_it() {
        let (tried, reached) = encodes("psnr=60", 50, |quality| 30.0 + quality / 10.0);
        assert_eq!(tried.last(), Some(&BEST_Q8));
        assert!((reached - 40.0).abs() < 1e-9 && !is_met("psnr=60".parse().unwrap(), reached));
        // The best quality alone is good enough.
        let flat = |quality: f64| if quality > 99.0 { 41.0 } else { 35.0 };
        assert!((encodes("psnr=40", 50, flat).1 - 41.0).abs() < 1e-9);
    }

    #[test]
    fn chunks_of_a_plan_that_miss_the_target_name_a_corrected_one() {
        let env = Env::new(crate::events::Events::none());
        let missed = |target: &str, found: (f64, u32)| {
            judge_planned(target.parse().unwrap(), found, &env).unwrap_err().message
        };
        let message = missed("psnr=36", (35.71, 50 << 8));
        assert!(message.contains("psnr 35.71, below the target psnr 36"), "{message}");
        assert!(
            message.contains("plan again with --target psnr=36.29, or use --chunked"),
            "{message}"
        );
        assert!(!missed("vmaf=99", (95.0, 50 << 8)).contains("plan again"));
        assert!(missed("psnr=36", (35.0, BEST_Q8)).starts_with("cannot reach psnr 36"));
    }
}
