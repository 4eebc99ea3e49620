//! The same work on several files, a few at a time: outputs in one folder, one progress display, and the
//! failures at the end.
//!
//! A batch can be repeated: files whose output exists are skipped. So a repeated batch continues where an interrupted
//! one stopped, and processes files that have been added since. For this to be safe, an output has its final name only
//! if its run succeeded ([`OutputRules::part`](crate::io::output::OutputRules::part)).

mod board;
mod listener;
mod plan;

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Env;
use crate::count::counted;
use crate::events::Events;
use crate::failure::{Failure, Kind, Result};
use crate::io::output::{part_of, remove_stale};
use crate::io::remote::without_query;
use crate::json::Object;

use board::Board;
use listener::FileEvents;
pub use plan::Batch;
use plan::{File, Standing};

/// The work on one file of a batch.
#[derive(Debug)]
pub struct Job<'a> {
    /// The input.
    pub input: &'a Path,
    /// The output, which does not exist or may be overwritten.
    pub output: &'a Path,
    /// Number of threads for this file.
    pub threads: usize,
    /// Events, requests to stop and the instruction set.
    pub env: Env,
}

/// How the work on a file ended.
#[derive(Debug)]
enum Outcome {
    Written,
    /// The output existed.
    Skipped,
    Failed(Failure),
    /// A request to stop came before or during the work.
    Unfinished,
}

/// Runs `work` for each file of the batch.
///
/// Notes and warnings about a file begin with its name. A panic of `work` fails that file alone.
///
/// # Errors
/// If names collide or the folder cannot be created, before any work; if a file failed, or the run was asked
/// to stop, after all work. The kind is the kind of the first failure.
pub fn run(batch: &Batch, env: &Env, work: &(dyn Fn(&Job<'_>) -> Result<()> + Sync)) -> Result<()> {
    let files = batch.plan()?;
    env.stop.handle_requests();
    fs::create_dir_all(&batch.folder)
        .map_err(|error| Failure::output(&batch.folder.display().to_string(), error))?;
    let outputs: Vec<&Path> = files.iter().map(|file| file.output.as_path()).collect();
    remove_stale(&outputs);
    let at_once = batch.threads.clamp(1, files.len().max(1));
    let threads = (batch.threads / at_once).max(1);
    let board = Arc::new(Board::new(env.events.clone(), &files));
    let next = AtomicUsize::new(0);
    let run_file = |index: usize, file: &File| {
        let outcome = outcome_of(batch, file, env, &|| {
            board.begin(index);
            let input = without_query(&file.input).display().to_string();
            let listener = FileEvents::new(Arc::clone(&board), index, input, env.events.clone());
            let totals = listener.totals();
            let env = Env { events: Events::new(Arc::new(listener)), ..env.clone() };
            let job = Job { input: &file.input, output: &file.output, threads, env };
            let done = work(&job);
            (done, totals.take())
        });
        board.end(index, !matches!(outcome, Outcome::Unfinished));
        outcome
    };
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(index) else { return done };
                done.push((index, run_file(index, file)));
            }
        };
        let workers: Vec<_> = (1..at_once).map(|_| scope.spawn(worker)).collect();
        let mut outcomes = worker();
        for running in workers {
            outcomes.extend(running.join().unwrap_or_default());
        }
        outcomes
    });
    outcomes.sort_by_key(|(index, _)| *index);
    conclude(&files, outcomes, &board, env)
}

/// Decides whether `file` needs work, does it, and reports the outcome.
fn outcome_of(
    batch: &Batch,
    file: &File,
    env: &Env,
    work: &dyn Fn() -> (Result<()>, listener::Totals),
) -> Outcome {
    if env.stop.is_requested() {
        return Outcome::Unfinished;
    }
    let (outcome, totals) = match file.standing(batch.overwrite) {
        Ok(Standing::Done) => (Outcome::Skipped, listener::Totals::default()),
        Ok(Standing::ToDo) => {
            let (done, totals) = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
                (Err(Failure::internal(panic_text(&*panic))), listener::Totals::default())
            });
            let outcome = match done {
                Ok(()) => Outcome::Written,
                Err(failure) if failure.kind == Kind::Interrupted => Outcome::Unfinished,
                Err(failure) => Outcome::Failed(failure),
            };
            (outcome, totals)
        }
        Err(failure) => (Outcome::Failed(failure), listener::Totals::default()),
    };
    report(file, &outcome, &totals, env);
    outcome
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}

/// Reports the end of the work on one file.
fn report(file: &File, outcome: &Outcome, totals: &listener::Totals, env: &Env) {
    let (name, message) = match outcome {
        Outcome::Written => ("written", None),
        Outcome::Skipped => ("skipped", None),
        Outcome::Unfinished => ("interrupted", None),
        Outcome::Failed(failure) => ("failed", Some(failure.message.as_str())),
    };
    if env.events.takes_records() {
        let mut record = Object::new()
            .text("type", "file")
            .text("input", &file.input.display().to_string())
            .text("output", &file.output.display().to_string())
            .text("outcome", name);
        if let Some(message) = message {
            record = record.text("message", message);
        }
        return env.events.event(record.maybe("summary", totals.summary.as_ref()));
    }
    match outcome {
        Outcome::Written => {
            let text = totals.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            env.events.note(format!("{}{text}", file.output.display()));
        }
        Outcome::Skipped => env
            .events
            .detail(format!("{}: skipped, because it already exists", file.output.display())),
        // These are listed at the end.
        Outcome::Failed(_) | Outcome::Unfinished => {}
    }
}

/// Reports the totals and returns the failures.
fn conclude(
    files: &[File],
    outcomes: Vec<(usize, Outcome)>,
    board: &Board,
    env: &Env,
) -> Result<()> {
    let (mut written, mut skipped, mut failures) = (0_u64, 0_u64, Vec::new());
    let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (index, outcome) in outcomes {
        match outcome {
            Outcome::Written => written += 1,
            Outcome::Skipped => skipped += 1,
            Outcome::Failed(failure) => {
                failures.extend(files.get(index).map(|file| (file, failure)))
            }
            Outcome::Unfinished => {
                let part = files.get(index).map(|file| part_of(&file.output));
                parts.extend(part.filter(|part| part.exists()));
            }
        }
    }
    let failed = u64::try_from(failures.len()).unwrap_or(u64::MAX);
    let interrupted = env.stop.is_requested() && written + skipped + failed < total;
    let first = failures.first().map(|(_, failure)| failure.kind);
    let kind = if interrupted { Some(Kind::Interrupted) } else { first };
    let seconds = board.elapsed_s();
    env.events.event(
        Object::new()
            .text("type", "summary")
            .raw("files", total)
            .raw("written", written)
            .raw("skipped", skipped)
            .raw("failed", failed)
            .float("elapsed_s", seconds)
            .raw("exit_code", kind.map_or(0, |kind| kind as u8)),
    );
    if !env.events.takes_records() {
        let exist =
            if skipped > 0 { format!(", {skipped} existed already") } else { String::new() };
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let written = counted(written, "file");
        env.events.note(format!("{written} written{exist}{failed}, in {seconds:.2} s"));
    }
    let Some(kind) = kind else { return Ok(()) };
    let mut message = if interrupted {
        let left = counted(total - written - skipped - failed, "file");
        format!("interrupted: {left} left\nhelp: run the same command again to continue")
    } else {
        format!("{failed} of {} failed", counted(total, "file"))
    };
    for (file, failure) in &failures {
        let name = file.input.display().to_string();
        let text = failure.message.replace('\n', "\n  ");
        let text = if text.contains(&name) { text } else { format!("{name}: {text}") };
        message.push_str(&format!("\n  {text}"));
    }
    for part in parts {
        message.push_str(&format!("\n  the incomplete result is in {}", part.display()));
    }
    Err(Failure::new(kind, message))
}
