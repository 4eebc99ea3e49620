//! Encodes to a mean quality.

use super::super::Session;
use super::samples::{Samples, has_fractions, mean};
use super::search::{BEST_Q8, FINEST_Q8, Search};
use super::{check_files, media_of};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::Media;
use crate::json::Object;
use crate::settings::encoding::Encoding;
use crate::settings::goal::{Goal, TargetQuality};

/// Most encodes of the whole input.
const MAX_ENCODES: u32 = 3;
/// Shares of the tolerance at which the search ends: if the samples are the whole input, and otherwise.
const ALLOWED: [f64; 2] = [0.5, 0.3];

/// A search for a quality, on sampled parts of an input.
pub(in crate::session) struct QualitySearch {
    search: Search,
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
        let step_q8 = if has_fractions(settings) { FINEST_Q8 } else { 1 << 8 };
        // Samples differ from the whole input.
        let share = if samples.are_whole() { ALLOWED[0] } else { ALLOWED[1] };
        let near = metric.tolerance() * share;
        let mut search = Search::new(wanted, near, metric.usual(), step_q8);
        let mut progress = env.events.progress(Some(samples.frames()), samples.frame_rate);
        while let Some(quality_q8) = search.next() {
            let attempt = settings.at_quality(quality_q8);
            let value = samples.measure(&attempt, target, &mut progress, env)?;
            env.events.detail(format!(
                "trial encode, quality {}: {} {}",
                shown(quality_q8),
                metric.name(),
                metric.format(value)
            ));
            search.add(quality_q8, value);
        }
        drop(progress);
        let sampled = samples.frames();
        env.events.note(format!(
            "target {target}: quality {}, by {} of {sampled} of {}",
            shown(search.best()),
            counted(search.trials() as u64, "trial encode"),
            counted(samples.total.max(sampled), "frame"),
        ));
        Ok(Self { search, target, frames: samples.total.max(sampled) })
    }

    /// The quality of the first encode of the whole input, in 256ths.
    pub(in crate::session) fn quality_q8(&self) -> u32 {
        self.search.best()
    }

    /// Encodes the whole input at the quality that was found, and at a corrected one while the mean is too far from the
    /// target. Returns the nearest attempt, or, after an attempt that ended early, an earlier one with that end if
    /// there is one.
    pub(in crate::session) fn nearest<T>(
        &self,
        env: &Env,
        mut encode: impl FnMut(u32) -> Result<Attempt<T>>,
    ) -> Result<Attempt<T>> {
        let TargetQuality { metric, value: wanted, .. } = self.target;
        let distance = |reached: f64| (reached - wanted).abs();
        let mut quality_q8 = self.quality_q8();
        let mut best: Option<Attempt<T>> = None;
        let mut results = Vec::new();
        for number in 1..=MAX_ENCODES {
            let attempt = encode(quality_q8)?;
            if attempt.end.is_err() {
                return Ok(match best {
                    Some(before) => Attempt { end: attempt.end, ..before },
                    None => attempt,
                });
            }
            let reached = attempt.reached;
            if best.as_ref().is_none_or(|before| distance(reached) < distance(before.reached)) {
                best = Some(attempt);
            }
            results.push((quality_q8, reached));
            let next = self.search.corrected(&results);
            if distance(reached) <= metric.tolerance()
                || next == quality_q8
                || number == MAX_ENCODES
            {
                break;
            }
            env.events.warn(format!(
                "{} {} is too far from the target: encoding again at quality {}",
                metric.name(),
                metric.format(reached),
                shown(next)
            ));
            quality_q8 = next;
        }
        best.ok_or_else(|| Failure::internal("no encode"))
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
    let target = target.sampled(search.frames);
    let settings = &Encoding { goal: Some(Goal::Quality(target)), ..settings.clone() };
    let mut media = Some(media);
    let Attempt { result: mut finished, reached, end } = search.nearest(env, |quality_q8| {
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
    finished.end = end.and_then(|()| judge(target, reached, env));
    finished.add_to_summary(|summary| summarise(target, reached, summary));
    finished.keep()
}

/// Reports what an encode of the whole input has reached.
///
/// # Errors
/// [`Kind::Check`] if its quality is too low.
pub(in crate::session) fn judge(target: TargetQuality, reached: f64, env: &Env) -> Result<()> {
    let TargetQuality { metric, value: wanted, .. } = target;
    let (name, value) = (metric.name(), metric.format(reached));
    if reached < wanted - metric.tolerance() {
        let message = format!(
            "cannot reach {target}: the nearest result, which is kept, has {name} {value}\n\
             help: use a lower --speed, another codec, or a lower target"
        );
        return Err(Failure::new(Kind::Check, message));
    }
    let measured = match target.every {
        1 => String::new(),
        every => format!(", measured in one of {every} frames"),
    };
    env.events.note(format!("target {target}: reached {name} {value}{measured}"));
    Ok(())
}

/// Adds a target and what was reached to a summary.
pub(in crate::session) fn summarise(target: TargetQuality, reached: f64, to: Object) -> Object {
    let TargetQuality { metric, value: wanted, .. } = target;
    to.text("target_metric", metric.name())
        .float("target", wanted)
        .float("reached", reached)
        .raw("measured_every", target.every)
        .raw("target_met", (reached - wanted).abs() <= metric.tolerance())
}

/// A quality for messages.
fn shown(quality_q8: u32) -> String {
    format!("{:.2}", f64::from(quality_q8.min(BEST_Q8)) / 256.0)
}
