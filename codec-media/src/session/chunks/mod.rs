//! Encodes an input in chunks: parts of 8 to 12 seconds that begin at scene cuts, in parallel on one machine or on
//! several ones (ADR 0056).
//!
//! [`plan`] reads the input once and divides it. [`run_chunk`] encodes one chunk into a file of a folder; it can
//! run anywhere where the input and the folder can be reached, in any order and more than once. [`join`] writes
//! the packets of all chunks and the audio of the input to the output. [`encode`] does all of it on one machine.
//! The bytes of the output depend neither on the number of workers nor on their processors.
//!
//! A chunk is identified by its [`Key`], which is the name of its result. It follows from the version of this
//! library, the settings, and the times and samples of the frames, so that results of another input, of other
//! settings or of another version are never joined.
//!
//! Chunks have a constant quality, because the bits of a chunk cannot depend on those of another one.

mod file;
mod join;
mod key;
mod plan;
mod run;
mod scan;
mod source;
mod split;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub use key::Key;
pub use plan::{ChunkPlan, PlannedChunk};
pub use run::{Ran, incomplete, run_chunk};

use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::names::is_pipe;
use crate::io::output::{folder_of, remove_temporaries};
use crate::settings::encoder::Preset;
use crate::settings::encoding::Encoding;
use crate::stop;

use join::{Joining, missing, report};
use run::{Board, file_of, is_done, run_all};

/// The version of this library, on which the bytes of chunks depend.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The quality of chunks if none is set, 0 to 100.
const DEFAULT_QUALITY: u8 = 60;

/// The settings of chunks: those of an encode, at a constant quality.
///
/// # Errors
/// [`Kind::Usage`] if a setting cannot be used with chunks.
pub fn settings_of(settings: &Encoding, env: &Env) -> Result<Encoding> {
    let refused = [
        (settings.encoder.preset == Preset::Rtc, "--preset rtc"),
        (settings.goal.is_some(), "--target or --size"),
        (settings.passes.is_some(), "--passes"),
        (settings.report.is_some(), "--report"),
        (settings.measure_psnr || settings.measure_ssim, "--metrics"),
        (settings.skip > 0, "--skip"),
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
    if !settings.encoder.is_bitrate() {
        return Ok(settings.clone());
    }
    if !settings.encoder.is_rate_guessed() {
        return Err(Failure::usage(
            "chunks are encoded at a constant quality, not at a bitrate\nhelp: set it with -q or --qp",
        ));
    }
    settings.encoder.check_quality()?;
    env.events.note(format!("no -q or --qp given: using quality {DEFAULT_QUALITY} of 100"));
    Ok(settings.at_quality(u32::from(DEFAULT_QUALITY) << 8))
}

/// Divides the input into chunks. `settings` are those of [`settings_of`].
///
/// # Errors
/// If the input cannot be read.
pub fn plan(settings: &Encoding, env: &Env) -> Result<ChunkPlan> {
    env.stop.handle_requests();
    let plan = scan::scan(settings, env)?;
    env.events.note(format!(
        "{}: {} in {}",
        settings.input.name(),
        counted(plan.frames(), "frame"),
        counted(plan.chunks().len() as u64, "chunk")
    ));
    if let Some(error) = &plan.input_error {
        env.events.warn(format!("the input is damaged, and the plan ends before it: {error}"));
    }
    Ok(plan)
}

/// Encodes all chunks of a plan that have no result in `folder` yet, in parallel on the threads of `settings`.
///
/// # Errors
/// As of [`run_chunk`].
pub fn run(settings: &Encoding, plan: &ChunkPlan, folder: &Path, env: &Env) -> Result<Ran> {
    env.stop.handle_requests();
    let board = Arc::new(Board::new(plan, env));
    run_all(settings, plan, folder, &board, env)
}

/// Joins the results of all chunks to the output of `settings`, and removes the temporary files of workers that
/// were killed.
///
/// # Errors
/// If a result is missing or damaged, the input cannot be read, or the output cannot be written. If the input is
/// damaged, the output holds the part before the damage, as of [`crate::session::transcode`].
pub fn join(settings: &Encoding, plan: &ChunkPlan, folder: &Path, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let started = Instant::now();
    settings.rules.check(&settings.output)?;
    let missing = missing(plan, folder)?;
    if !missing.is_empty() {
        let list: Vec<_> = missing.iter().take(20).map(usize::to_string).collect();
        let more = if missing.len() > list.len() { ", ..." } else { "" };
        let (count, list) = (counted(missing.len() as u64, "chunk"), list.join(", "));
        let message = format!(
            "{} has no result of {count}: {list}{more}\nhelp: encode them with `codec chunks run`",
            folder.display()
        );
        return Err(Failure::new(Kind::Input, message));
    }
    join_first(settings, plan, folder, plan.chunks().len(), input_end(plan), started, env)?;
    for chunk in plan.chunks() {
        remove_temporaries(&file_of(folder, &chunk.key));
    }
    Ok(())
}

/// How reading the input ended.
fn input_end(plan: &ChunkPlan) -> Result<()> {
    match &plan.input_error {
        Some(error) => Err(Failure::new(Kind::Corrupt, error.clone())),
        None => Ok(()),
    }
}

/// Joins the results of the first chunks, and reports the totals.
fn join_first(
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
    chunks: usize,
    end: Result<()>,
    started: Instant,
    env: &Env,
) -> Result<()> {
    let copied = Joining { settings, plan, folder, chunks, end }.run(env)?;
    report(copied, chunks, started.elapsed().as_secs_f64(), env)
}

/// Encodes the input in chunks, in parallel on the threads of `settings`, or on all cores. `settings` are those of
/// [`settings_of`].
///
/// # Errors
/// As of [`crate::session::transcode`]. If the run is asked to stop, the output holds the chunks from the start
/// that are complete.
pub fn encode(settings: &Encoding, env: &Env) -> Result<()> {
    let started = Instant::now();
    settings.rules.check(&settings.output)?;
    let plan = plan(settings, env)?;
    let near = if is_pipe(&settings.output) {
        std::env::temp_dir()
    } else {
        folder_of(&settings.output).to_owned()
    };
    let folder = tempfile::Builder::new()
        .prefix(".codec-")
        .suffix(".chunks")
        .tempdir_in(&near)
        .map_err(|error| Failure::output(&near.display().to_string(), error))?;
    stop::remember(folder.path().to_owned());
    let outcome = encode_into(settings, &plan, folder.path(), started, env);
    stop::forget(folder.path());
    outcome
}

fn encode_into(
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
    started: Instant,
    env: &Env,
) -> Result<()> {
    let (mut chunks, mut end) = (plan.chunks().len(), input_end(plan));
    if let Err(failure) = run(settings, plan, folder, env) {
        if failure.kind != Kind::Interrupted {
            return Err(failure);
        }
        let done =
            plan.chunks().iter().take_while(|chunk| is_done(folder, &chunk.key).unwrap_or(false));
        chunks = done.count();
        end = Err(Failure::interrupted(chunks > 0));
    }
    if chunks == 0 {
        return end;
    }
    // The request to stop was about the encoding.
    let env = Env { stop: stop::Stop::default(), ..env.clone() };
    join_first(settings, plan, folder, chunks, end, started, &env)
}
