//! Encodes to a mean quality.

use super::super::{Finished, Session};
use super::samples::{Samples, has_fractions, mean};
use super::search::{BEST_Q8, FINEST_Q8, Search};
use super::{check_files, media_of};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::Media;
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;

/// Most encodes of the whole input.
const MAX_ENCODES: u32 = 3;

/// Encodes `media` such that the mean over all frames is near `target`.
pub(super) fn encode(
    settings: &Encoding,
    target: TargetQuality,
    media: Media,
    env: &Env,
) -> Result<()> {
    check_files(settings, "--target")?;
    settings.encoder.check_quality()?;
    let TargetQuality { metric, value: wanted } = target;
    let samples = Samples::read(settings, env)?;
    let step_q8 = if has_fractions(settings) { FINEST_Q8 } else { 1 << 8 };
    let mut search = Search::new(wanted, metric.tolerance() / 4.0, metric.gain(), step_q8);
    let Some(source) = &media.video else { return Err(Failure::internal("no video")) };
    let frame_rate = source.stream_info().frame_rate;
    let mut progress = env.events.progress(Some(samples.frames()), frame_rate);
    while let Some(quality_q8) = search.next() {
        let value =
            samples.measure(&settings.at_quality(quality_q8), target, &mut progress, env)?;
        env.events.detail(format!(
            "trial encode, quality {}: {} {}",
            shown(quality_q8),
            metric.name(),
            metric.format(value)
        ));
        search.add(quality_q8, value);
    }
    drop(progress);
    let (sampled, total) = (samples.frames(), samples.total);
    drop(samples);
    env.events.note(format!(
        "target {target}: quality {}, by {} of {sampled} of {}",
        shown(search.best()),
        counted(search.trials() as u64, "trial encode"),
        counted(total.max(sampled), "frame"),
    ));
    let mut media = Some(media);
    let mut quality_q8 = search.best();
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
        let is_better = best
            .as_ref()
            .is_none_or(|(before, _)| (reached - wanted).abs() < (before - wanted).abs());
        if is_better {
            best = Some((reached, finished));
        }
        let next = search.corrected(quality_q8, reached);
        if (reached - wanted).abs() <= metric.tolerance() || next == quality_q8 || was_cut {
            break;
        }
        if number < MAX_ENCODES {
            env.events.warn(format!(
                "{} {} is too far from the target: encoding again at quality {}",
                metric.name(),
                metric.format(reached),
                shown(next)
            ));
        }
        quality_q8 = next;
    }
    let Some((reached, finished)) = best else { return Err(Failure::internal("no encode")) };
    keep(target, reached, finished, env)
}

/// Keeps the result and reports what it reached.
fn keep(target: TargetQuality, reached: f64, mut finished: Finished, env: &Env) -> Result<()> {
    let TargetQuality { metric, value: wanted } = target;
    let (name, value) = (metric.name(), metric.format(reached));
    let missed = reached < wanted - metric.tolerance() && finished.end.is_ok();
    if missed {
        let message = format!(
            "cannot reach {target}: the nearest result, which is kept, has {name} {value}\n\
             help: use a lower --speed, no --qp limits, or another codec"
        );
        finished.end = Err(Failure::new(Kind::Check, message));
    } else if finished.end.is_ok() {
        env.events.note(format!("target {target}: reached {name} {value}"));
    }
    finished.add_to_summary(|summary| {
        summary
            .text("target_metric", name)
            .float("target", wanted)
            .float("reached", reached)
            .raw("target_met", (reached - wanted).abs() <= metric.tolerance())
    });
    finished.keep()
}

/// A quality for messages.
fn shown(quality_q8: u32) -> String {
    format!("{:.2}", f64::from(quality_q8.min(BEST_Q8)) / 256.0)
}
