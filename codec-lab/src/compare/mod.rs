//! `codec compare`: rate-distortion curves, speed and rate control of several encoders in one
//! report.

mod against;
mod arm;
mod audio_clip;
mod audio_encoder;
mod audio_score;
mod chrome;
mod clips;
mod contents;
mod encode;
mod environment;
mod measuring;
mod media;
mod metric;
pub mod options;
mod peers;
mod pictures;
mod places;
mod plan;
mod point;
mod points;
mod programs;
mod publish;
mod remaining;
pub mod remote;
mod schedule;
mod score;
mod session;
mod shape;
mod sizes;
mod store;
mod stream;
mod study;
mod task;
mod template;
mod ticker;
pub mod worker;

use std::path::{Path, PathBuf};

use codec_measure::report;
use codec_measure::results::{Point, Results};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::OutputRules;

use self::against::{Baseline, Changes};
use self::arm::{Arm, arms_of, is_named_encoder};
use self::clips::{Clip, clips_of};
use self::media::media_of;
use self::options::{CompareOptions, EncodeGrammar};
use self::plan::Plan;
use self::point::name_of;
use self::remote::Remote;
use self::shape::Media;
use self::store::Store;
use self::study::Study;

/// Runs a study and writes its report.
///
/// # Errors
/// If an arm, a clip or the report folder is rejected, or points have no results.
pub fn run(args: &CompareOptions, grammar: &dyn EncodeGrammar, env: &Env) -> Result<()> {
    compare(args, grammar, None, env)
}

/// Runs a study whose points other machines measure, and writes its report here.
///
/// # Errors
/// The errors of [`run`] and of `remote`.
pub fn run_on(
    remote: &dyn Remote,
    args: &CompareOptions,
    grammar: &dyn EncodeGrammar,
    env: &Env,
) -> Result<()> {
    compare(args, grammar, Some(remote), env)
}

/// Describes this machine: processor, cores, instruction set and system. Times of machines with different
/// descriptions are not comparable.
#[must_use]
pub fn machine(env: &Env) -> String {
    environment::host(env)
}

fn compare(
    args: &CompareOptions,
    grammar: &dyn EncodeGrammar,
    remote: Option<&dyn Remote>,
    env: &Env,
) -> Result<()> {
    let baseline = Baseline::read(args)?;
    check_clips(&args.clips)?;
    let study = Study::new(args)?;
    let arms = arms_of(&study, grammar)?;
    let anchor = anchor_of(&study, &arms)?;
    let media = media_of(&study, &arms, env)?;
    if let Some(path) = &args.save_study {
        let rules = OutputRules { overwrite: args.yes, ..OutputRules::default() };
        study.save(path, &rules)?;
    }
    let store = Store::open(&args.output, args.yes)?;
    env.stop.handle_requests();
    let clips = clips_of(&study, media, &store, env)?;
    if let Some(baseline) = &baseline {
        let names = arms.iter().map(|arm| arm.name.as_str());
        let digests = clips.iter().map(|clip| clip.digest.as_str());
        let metrics = study.metrics(media)?;
        let metrics = metrics.iter().map(|metric| metric.id());
        baseline.check(names, digests, metrics, (&anchor, study.timing()))?;
    }
    let outcome = carry_out(
        (&study, media),
        &arms,
        &clips,
        (anchor, args),
        (&store, remote),
        env,
        baseline.as_ref(),
    );
    let Outcome { results, changes, work_goes_on } =
        outcome.map_err(|failure| kept(&failure, remote.is_some()))?;
    report(&results, work_goes_on.as_ref(), &args.output, env)?;
    for line in &changes.lines {
        env.events.text(&format!("{line}\n"))?;
    }
    baseline.map_or(Ok(()), |baseline| baseline.judge(&changes))
}

/// Rejects encoders that are given as clips.
fn check_clips(clips: &[PathBuf]) -> Result<()> {
    let is_encoder = |path: &&Path| !path.exists() && path.to_str().is_some_and(is_named_encoder);
    let Some(found) = clips.iter().map(PathBuf::as_path).find(is_encoder) else {
        return Ok(());
    };
    let name = found.display();
    let message = format!("{name} is an encoder, and there is no file of this name");
    Err(Failure::usage(format!("{message}\nhelp: add it with --arm {name}")))
}

/// Outcome of a study.
struct Outcome {
    results: Results,
    changes: Changes,
    /// Says after an interrupt that other machines go on with the study.
    work_goes_on: Option<Failure>,
}

fn carry_out(
    (study, media): (&Study, Media),
    arms: &[Arm],
    clips: &[Clip],
    (anchor, args): (String, &CompareOptions),
    (store, remote): (&Store, Option<&dyn Remote>),
    env: &Env,
    baseline: Option<&Baseline>,
) -> Result<Outcome> {
    let host = match remote {
        Some(remote) if study.timing() => remote.machine()?,
        _ => environment::host(env),
    };
    let place = (anchor, args.output.as_path());
    let mut plan = Plan::new((study, media), arms, clips, place, (store, &host), env)?;
    let fetched = remote.map_or(Ok(()), |remote| plan.fetch(remote, env));
    let (measured, work_goes_on) = match fetched {
        Ok(()) => (plan.measure(env)?, None),
        Err(failure) => (plan.known_after(failure.clone())?, Some(failure)),
    };
    let mut results = plan.results(measured, env);
    let changes = baseline.map(|baseline| baseline.changes(&results, study.interpolation()));
    let changes = changes.unwrap_or_default();
    let lines = changes.lines.iter().map(|line| format!("against the earlier results: {line}"));
    results.notes.extend(lines);
    // An interrupted study does not read the clips again.
    let pictures = match &results.partial {
        Some(_) => Vec::new(),
        None => plan.pictures(&mut results, store, env)?,
    };
    publish::publish(&args.output, &results, pictures)?;
    let rules = OutputRules { overwrite: true, ..OutputRules::default() };
    study.save(&args.output.join("study.toml"), &rules)?;
    Ok(Outcome { results, changes, work_goes_on })
}

/// Adds to a failure's message that the results measured before the failure are kept.
fn kept(failure: &Failure, is_remote: bool) -> Failure {
    let message = match failure.kind {
        // The work of other machines goes on.
        Kind::Interrupted if is_remote => failure.message.clone(),
        Kind::Interrupted => {
            "interrupted: results are kept\nhelp: run the same command again to continue".to_owned()
        }
        _ => format!("{} (results so far are kept)", failure.message),
    };
    Failure::new(failure.kind, message)
}

/// Prints the table; fails if the study was interrupted, or points have no results.
fn report(
    results: &Results,
    work_goes_on: Option<&Failure>,
    folder: &Path,
    env: &Env,
) -> Result<()> {
    use std::io::IsTerminal;
    let terminal = std::io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let width = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    env.events.text(&report::table(results, width, colour))?;
    env.events.note(format!("report: {}", folder.join("index.html").display()));
    if let Some(partial) = &results.partial {
        let rest = work_goes_on.and_then(|failure| failure.message.strip_prefix("interrupted: "));
        let end = rest.map_or_else(
            || "\nhelp: run the same command again to continue".to_owned(),
            |rest| format!("; {rest}"),
        );
        let message = format!("interrupted: the report is partial: {partial}{end}");
        return Err(Failure::new(Kind::Interrupted, message));
    }
    let failures: Vec<&Point> =
        results.points.iter().filter(|point| point.failure.is_some()).collect();
    let Some(first) = failures.first() else { return Ok(()) };
    let why = first.failure.as_deref().unwrap_or_default();
    Err(Failure::new(
        Kind::Check,
        format!(
            "{} of {} points failed; the first: {} on {} at {}: {why}",
            failures.len(),
            results.points.len(),
            first.arm,
            first.clip,
            name_of(first)
        ),
    ))
}

/// Name of the anchor: the first arm, unless another is named.
fn anchor_of(study: &Study, arms: &[Arm]) -> Result<String> {
    let names = || arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match &study.anchor {
        None => arms.first(),
        Some(name) => arms.iter().find(|arm| arm.name == *name),
    };
    found.map(|arm| arm.name.clone()).ok_or_else(|| {
        let name = study.anchor.as_deref().unwrap_or_default();
        Failure::usage(format!("unknown --anchor {name}: expected one of {}", names()))
    })
}
