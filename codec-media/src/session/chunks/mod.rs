//! Encodes an input in chunks (parts of about 10 seconds that begin at scene cuts or, for compressed inputs, at key
//! frames if possible), in parallel on one machine or on several (ADR 0056).
//!
//! [`plan`] divides the input, if possible without decoding it (`coded`, `raw`; `scan` decodes all frames).
//! [`run_chunk`] encodes one chunk into a file of a folder; it can run anywhere where the input and the folder can
//! be reached, in any order and more than once. [`join`] writes the packets of all chunks and the audio of the input
//! to the output. [`encode`] does all of it on one machine. The bytes of the output depend neither on the number of
//! workers nor on their processors.
//!
//! A chunk is identified by its [`Key`], which is the name of its result. The key follows from the version of this
//! library, the settings, and the times and content of the frames (of their packets, or of pieces of an uncompressed
//! file), so that results of another input, of other settings or of another version are never joined.
//!
//! Chunks are encoded at a constant quality and not at a bitrate, because an encoder does not know how many bits the
//! other chunks take.

mod coded;
mod damage;
mod entries;
mod file;
mod identity;
mod input;
mod join;
mod key;
mod plan;
mod raw;
mod run;
mod scan;
mod shots;
mod source;
mod split;
mod target;
mod watch;
mod windows;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub use identity::check_settings;
pub use key::Key;
pub use plan::{ChunkPlan, PlannedChunk};
pub use run::{Ran, incomplete, run_chunk};

use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::{self, MediaSelection};
use crate::io::names::is_pipe;
use crate::io::output::{remove_temporaries, temporary_folder};
use crate::settings::encoder::Preset;
use crate::settings::encoding::Encoding;
use crate::settings::goal::{Goal, TargetQuality};
use crate::stop;

use super::goal::quality::{Attempt, Excess, QualitySearch, judge, judge_planned};
use identity::{check_input, identify};
use join::{Joining, missing, report};
use run::{Board, file_of, is_done, run_all};
use split::Parts;

/// The version of this library, on which the bytes of chunks depend.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The quality of chunks if none is set, 0 to 100.
const DEFAULT_QUALITY: u8 = 60;

/// The settings of chunks: the settings of an encode, at a constant quality.
///
/// # Errors
/// [`Kind::Usage`] if a setting cannot be used with chunks.
pub fn settings_of(settings: &Encoding, env: &Env) -> Result<Encoding> {
    let refused = [
        (settings.encoder.preset == Preset::Rtc, "--preset rtc"),
        (matches!(settings.goal, Some(Goal::Size(_))), "--size"),
        (settings.passes.is_some(), "--passes"),
        (settings.report.is_some(), "--report"),
        (settings.measure_psnr || settings.measure_ssim, "--metrics"),
        (settings.skip > 0, "--skip"),
        (settings.encoder.spatial_layers() > 1, "a mode of --layers with spatial layers"),
    ];
    if let Some((_, flag)) = refused.into_iter().find(|(is_set, _)| *is_set) {
        return Err(Failure::usage(format!("{flag} cannot be used with chunks")));
    }
    let input = &settings.input;
    // A missing file has an error of its own.
    if !input.is_file() && (is_pipe(&input.path) || input.path.exists()) {
        let name = settings.input.name();
        let message = format!("{name}: chunks require a file as input: it is read several times");
        return Err(Failure::usage(message));
    }
    if settings.target().is_some() {
        settings.encoder.check_quality()?;
        return Ok(settings.clone());
    }
    if !settings.encoder.is_bitrate() {
        return Ok(settings.clone());
    }
    if !settings.encoder.is_rate_guessed() {
        return Err(Failure::usage(
            "chunks are encoded at a constant quality, not at a bitrate\nhelp: replace -b by -q or --qp",
        ));
    }
    settings.encoder.check_quality()?;
    env.events.note(format!("no -q or --qp given: using quality {DEFAULT_QUALITY} of 100"));
    Ok(settings.at_quality(u32::from(DEFAULT_QUALITY) << 8))
}

/// Divides the input into chunks. `settings` come from [`settings_of`]. With a target, the quality is searched for on
/// sampled parts first.
///
/// # Errors
/// If the input cannot be read.
pub fn plan(settings: &Encoding, env: &Env) -> Result<ChunkPlan> {
    env.stop.handle_requests();
    // Names the tracks and the metadata that are not used, which the scan of the frames does not.
    let audio = settings.audio.is_some() && settings.audio_from.is_none();
    let wants = MediaSelection { video: true, audio };
    drop(media::open(&settings.input, wants, &settings.decode_options(), env)?);
    let found = match settings.target() {
        Some(target) => Some(QualitySearch::run(settings, target, env)?.quality_q8()),
        None => None,
    };
    let mut plan = plan_at(settings, found, true, env)?;
    plan.input = Some(identify(settings, plan.naming, env)?);
    Ok(plan)
}

/// Divides the input into chunks of a quality, or of the quality of `settings`. A plan that is not stored has no
/// digests, unless all frames must be decoded for it.
fn plan_at(
    settings: &Encoding,
    quality_q8: Option<u32>,
    is_stored: bool,
    env: &Env,
) -> Result<ChunkPlan> {
    let at_quality = quality_q8.map(|quality| settings.at_quality(quality));
    let settings = at_quality.as_ref().unwrap_or(settings);
    let mut plan = scan::divide(settings, is_stored, env)?;
    report_plan(settings, &plan, Parts::Chunks, env);
    plan.quality_q8 = quality_q8;
    Ok(plan)
}

/// Notes what a plan has.
fn report_plan(settings: &Encoding, plan: &ChunkPlan, parts: Parts, env: &Env) {
    env.events.note(format!(
        "{}: {} in {}",
        settings.input.name(),
        counted(plan.frames(), "frame"),
        counted(plan.chunks().len() as u64, parts.name())
    ));
    if let Some(error) = &plan.input_error {
        env.events
            .warn(format!("the input is damaged, and the plan ends before the damage: {error}"));
    }
}

/// Encodes each shot at the quality at which all shots together reach `target` with few bytes.
fn run_shots(
    settings: &Encoding,
    target: TargetQuality,
    folder: &Path,
    env: &Env,
) -> Result<(ChunkPlan, Part)> {
    let quality_q8 = QualitySearch::run(settings, target, env)?.quality_q8();
    let (mut plan, frames) = scan::scan(&settings.at_quality(quality_q8), Parts::Shots, env)?;
    plan.quality_q8 = Some(quality_q8);
    report_plan(settings, &plan, Parts::Shots, env);
    let plan = shots::search(settings, (&plan, &frames), (target, quality_q8), folder, env)?;
    // The chosen trial encodes are complete.
    let part = run_part(settings, &plan, folder, env)?;
    Ok((plan, Part { excess: Excess::Shots, ..part }))
}

/// Encodes all chunks of a plan that have no result in `folder` yet, in parallel on the threads of `settings`.
///
/// # Errors
/// The errors of [`run_chunk`].
pub fn run(settings: &Encoding, plan: &ChunkPlan, folder: &Path, env: &Env) -> Result<Ran> {
    env.stop.handle_requests();
    let board = Arc::new(Board::new(plan, env));
    run_all(settings, plan, folder, &board, env).map_err(|failure| stopped(failure, plan, folder))
}

/// Encodes the chunks with these numbers, one after another.
///
/// # Errors
/// The errors of [`run_chunk`].
pub fn run_several(
    settings: &Encoding,
    plan: &ChunkPlan,
    numbers: &[usize],
    folder: &Path,
    env: &Env,
) -> Result<Ran> {
    env.stop.handle_requests();
    let mut ran = Ran::default();
    for &index in numbers {
        let is_encoded = run_chunk(settings, plan, index, folder, env)
            .map_err(|failure| stopped(failure, plan, folder))?;
        ran.encoded += usize::from(is_encoded);
        ran.skipped += usize::from(!is_encoded);
    }
    Ok(ran)
}

/// The error of a run of chunks; the error of an interrupt says how many results there are.
fn stopped(failure: Failure, plan: &ChunkPlan, folder: &Path) -> Failure {
    if failure.kind != Kind::Interrupted {
        return failure;
    }
    let chunks = plan.chunks();
    let done = chunks.iter().filter(|chunk| file_of(folder, &chunk.key).exists()).count();
    let total = counted(chunks.len() as u64, "chunk");
    Failure::new(
        Kind::Interrupted,
        format!(
            "interrupted: {done} of {total} are complete in {}\nhelp: run the same command again to continue",
            folder.display()
        ),
    )
}

/// Joins the results of all chunks to the output of `settings`, and removes the temporary files of workers that
/// were killed.
///
/// # Errors
/// If a result is missing or damaged, the input or the settings differ from the plan, the input cannot be read, or the
/// output cannot be written. If the input is
/// damaged, the output holds the part before the damage, as of [`crate::session::transcode`]. [`Kind::Check`] if the
/// chunks have not reached their target; the output is kept.
pub fn join(settings: &Encoding, plan: &ChunkPlan, folder: &Path, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let started = Instant::now();
    settings.rules.begin(&settings.output)?;
    let missing = missing(plan, folder)?;
    if !missing.is_empty() {
        let list: Vec<_> = missing.iter().take(20).map(usize::to_string).collect();
        let more = if missing.len() > list.len() { ", ..." } else { "" };
        let (count, list) = (counted(missing.len() as u64, "chunk"), list.join(", "));
        let message = format!(
            "{} lacks the results of {count}: {list}{more}\nhelp: encode them with `codec chunks run`",
            folder.display()
        );
        return Err(Failure::new(Kind::Input, message));
    }
    check_input(settings, plan, env)?;
    let (chunks, end) = damage::end_of(plan, folder);
    if chunks == 0 {
        return end;
    }
    let part = Part { planned_q8: plan.quality_q8, ..Part::new(chunks, end) };
    join_part(settings, plan, folder, part, started, env)?;
    for chunk in plan.chunks() {
        remove_temporaries(&file_of(folder, &chunk.key));
    }
    Ok(())
}

/// The results that are joined.
struct Part {
    /// Number of chunks, from the start.
    chunks: usize,
    /// Why there are no more.
    end: Result<()>,
    /// The quality in 256ths that a plan has found on samples, if the results cannot be encoded again.
    planned_q8: Option<u32>,
    /// Why the result can be far above the target.
    excess: Excess,
}

impl Part {
    fn new(chunks: usize, end: Result<()>) -> Self {
        Self { chunks, end, planned_q8: None, excess: Excess::SearchEnded }
    }
}

/// Joins results, and reports the totals and the quality that was reached.
fn join_part(
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
    part: Part,
    started: Instant,
    env: &Env,
) -> Result<()> {
    let Part { chunks, mut end, .. } = part;
    let mut reached = None;
    if let Some(target) = settings.target().filter(|_| end.is_ok()) {
        match target::reached(plan, folder, target.metric) {
            Ok(value) => {
                end = match part.planned_q8 {
                    Some(quality_q8) => judge_planned(target, (value, quality_q8), env),
                    None => judge(target, value, part.excess, env),
                };
                reached = Some((target, value));
            }
            Err(unknown) => env.events.warn(format!(
                "the quality of {} is not known\nhelp: measure it with `codec chunks run`",
                counted(unknown, "chunk")
            )),
        }
    }
    let copied = Joining { settings, plan, folder, chunks, end }.run(env)?;
    report(copied, chunks, started.elapsed().as_secs_f64(), reached, env)
}

/// Encodes the input in chunks, in parallel on the threads of `settings`, or on all cores. `settings` come from
/// [`settings_of`].
///
/// # Errors
/// The errors of [`crate::session::transcode`]. If the run is asked to stop, the output holds the chunks from the start
/// that are complete.
pub fn encode(settings: &Encoding, env: &Env) -> Result<()> {
    encode_as(settings, Parts::Chunks, env)
}

/// As [`encode`], with a chunk for each shot, whose quality is chosen such that the mean over all frames reaches the target with
/// few bytes. `settings` must have a target of quality.
///
/// # Errors
/// Returns the errors of [`encode`], and [`Kind::Usage`] without a target.
pub fn encode_shots(settings: &Encoding, env: &Env) -> Result<()> {
    if settings.target().is_none() {
        return Err(Failure::usage("--per-shot requires --target"));
    }
    encode_as(settings, Parts::Shots, env)
}

fn encode_as(settings: &Encoding, parts: Parts, env: &Env) -> Result<()> {
    settings.rules.check(&settings.output)?;
    let (folder, _lock) = temporary_folder(&settings.output)?;
    stop::remember(folder.path().to_owned());
    let outcome = encode_into(settings, parts, folder.path(), env);
    stop::forget(folder.path());
    outcome
}

/// Encodes the input in chunks, with results in `folder`.
fn encode_into(settings: &Encoding, parts: Parts, folder: &Path, env: &Env) -> Result<()> {
    let started = Instant::now();
    env.stop.handle_requests();
    let (plan, part) = match settings.target() {
        Some(target) if parts == Parts::Shots => run_shots(settings, target, folder, env)?,
        Some(target) => run_to_target(settings, target, folder, env)?,
        None => {
            let plan = plan_at(settings, None, false, env)?;
            let part = run_part(settings, &plan, folder, env)?;
            (plan, part)
        }
    };
    if part.chunks == 0 {
        return part.end;
    }
    // The request to stop was about the encoding.
    let env = Env { stop: stop::Stop::default(), ..env.clone() };
    join_part(settings, &plan, folder, part, started, &env)
}

/// Encodes all chunks, or as many as are complete when the run is asked to stop.
fn run_part(settings: &Encoding, plan: &ChunkPlan, folder: &Path, env: &Env) -> Result<Part> {
    match run(settings, plan, folder, env) {
        Ok(_) => {
            let (chunks, end) = damage::end_of(plan, folder);
            Ok(Part::new(chunks, end))
        }
        Err(failure) if failure.kind == Kind::Interrupted => {
            let done = plan
                .chunks()
                .iter()
                .take_while(|chunk| is_done(folder, &chunk.key).unwrap_or(false));
            let chunks = done.count();
            Ok(Part::new(chunks, Err(Failure::interrupted(chunks > 0))))
        }
        Err(failure) => Err(failure),
    }
}

/// Encodes all chunks such that the mean over all frames is near `target`; again at another quality if it is not.
fn run_to_target(
    settings: &Encoding,
    target: TargetQuality,
    folder: &Path,
    env: &Env,
) -> Result<(ChunkPlan, Part)> {
    let search = QualitySearch::run(settings, target, env)?;
    let (nearest, excess) = search.nearest(env, |quality_q8| {
        let plan = plan_at(settings, Some(quality_q8), false, env)?;
        let Part { chunks, end, .. } = run_part(settings, &plan, folder, env)?;
        // Of a part, the mean is not needed.
        let reached = target::reached(&plan, folder, target.metric).unwrap_or(f64::NAN);
        Ok(Attempt { result: (plan, chunks), reached, end })
    })?;
    let Attempt { result: (plan, chunks), end, .. } = nearest;
    Ok((plan, Part { excess, ..Part::new(chunks, end) }))
}
