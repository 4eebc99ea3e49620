//! Encodes to a mean quality.

use super::super::{Finished, Session};
use super::samples::{Samples, has_fractions, mean};
use super::search::{BEST_Q8, FINEST_Q8, Search};
use super::{check_files, media_of};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::Media;
use crate::json::Object;
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;

/// Most encodes of the whole input.
pub(in crate::session) const MAX_ENCODES: u32 = 3;

/// The outcome of a search on sampled parts of an input.
pub(in crate::session) struct Chosen {
    search: Search,
    target: TargetQuality,
}

impl Chosen {
    /// Searches for the quality at which the metric of `target` has its value.
    pub(in crate::session) fn search(
        settings: &Encoding,
        target: TargetQuality,
        env: &Env,
    ) -> Result<Self> {
        settings.encoder.check_quality()?;
        let TargetQuality { metric, value: wanted } = target;
        let samples = Samples::read(settings, env)?;
        let step_q8 = if has_fractions(settings) { FINEST_Q8 } else { 1 << 8 };
        let mut search = Search::new(wanted, metric.tolerance() / 4.0, metric.gain(), step_q8);
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
        Ok(Self { search, target })
    }

    /// The quality of the first encode of the whole input, in 256ths.
    pub(in crate::session) fn quality_q8(&self) -> u32 {
        self.search.best()
    }

    /// The quality of another encode, in 256ths, after one at `quality_q8` has reached a value that is too far from
    /// the target; `None` if another quality would not help.
    pub(in crate::session) fn corrected(&self, quality_q8: u32, reached: f64) -> Option<u32> {
        let TargetQuality { metric, value: wanted } = self.target;
        let is_near = (reached - wanted).abs() <= metric.tolerance();
        let next = self.search.corrected(quality_q8, reached);
        (!is_near && next != quality_q8).then_some(next)
    }

    /// Warns that the input is encoded again at quality `next_q8`.
    pub(in crate::session) fn warn_of_repetition(&self, reached: f64, next_q8: u32, env: &Env) {
        let metric = self.target.metric;
        env.events.warn(format!(
            "{} {} is too far from the target: encoding again at quality {}",
            metric.name(),
            metric.format(reached),
            shown(next_q8)
        ));
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
    let chosen = Chosen::search(settings, target, env)?;
    let mut media = Some(media);
    let mut quality_q8 = chosen.quality_q8();
    let mut best: Option<(f64, Finished)> = None;
    for number in 1..=MAX_ENCODES {
        let attempt = settings.at_quality(quality_q8);
        let attempt_media = media_of(&mut media, settings, env)?;
        let Some(mut source) = attempt_media.video else {
            return Err(Failure::new(Kind::Input, "the input has no video"));
        };
        let session = Session::new(&attempt, &*source, attempt_media.audio, env)?;
        let finished = session.encode_all(&attempt, &mut *source)?;
        let reached = mean(&finished.values);
        let was_cut = finished.end.is_err();
        let is_better = best.as_ref().is_none_or(|(before, _)| is_nearer(target, reached, *before));
        if is_better {
            best = Some((reached, finished));
        }
        let next = chosen.corrected(quality_q8, reached).filter(|_| !was_cut);
        let Some(next) = next.filter(|_| number < MAX_ENCODES) else { break };
        chosen.warn_of_repetition(reached, next, env);
        quality_q8 = next;
    }
    let Some((reached, finished)) = best else { return Err(Failure::internal("no encode")) };
    keep(target, reached, finished, env)
}

/// Whether `reached` is nearer to the target than `before`.
pub(in crate::session) fn is_nearer(target: TargetQuality, reached: f64, before: f64) -> bool {
    (reached - target.value).abs() < (before - target.value).abs()
}

/// Keeps the result and reports what it reached.
fn keep(target: TargetQuality, reached: f64, mut finished: Finished, env: &Env) -> Result<()> {
    if finished.end.is_ok() {
        finished.end = judge(target, reached, env);
    }
    finished.add_to_summary(|summary| summarise(target, reached, summary));
    finished.keep()
}

/// Reports what an encode of the whole input has reached.
///
/// # Errors
/// [`Kind::Check`] if its quality is too low.
pub(in crate::session) fn judge(target: TargetQuality, reached: f64, env: &Env) -> Result<()> {
    let TargetQuality { metric, value: wanted } = target;
    let (name, value) = (metric.name(), metric.format(reached));
    if reached < wanted - metric.tolerance() {
        let message = format!(
            "cannot reach {target}: the nearest result, which is kept, has {name} {value}\n\
             help: use a lower --speed, another codec, or a lower target"
        );
        return Err(Failure::new(Kind::Check, message));
    }
    env.events.note(format!("target {target}: reached {name} {value}"));
    Ok(())
}

/// Adds a target and what was reached to a summary.
pub(in crate::session) fn summarise(target: TargetQuality, reached: f64, to: Object) -> Object {
    let TargetQuality { metric, value: wanted } = target;
    to.text("target_metric", metric.name())
        .float("target", wanted)
        .float("reached", reached)
        .raw("target_met", (reached - wanted).abs() <= metric.tolerance())
}

/// A quality for messages.
fn shown(quality_q8: u32) -> String {
    format!("{:.2}", f64::from(quality_q8.min(BEST_Q8)) / 256.0)
}
