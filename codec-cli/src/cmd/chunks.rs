//! `codec chunks`.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::FromArgMatches;
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::output::OutputFile;
use codec_media::json::Object;
use codec_media::session::chunks::{self, ChunkPlan, Ran};

use crate::args::chunks::{
    ChunksArgs, ChunksStep, JoinArgs, PlanArgs, RunArgs, check_plan, chunk_encoding,
};
use crate::args::cli::{Cli, Verb};
use crate::args::encode::EncodeArgs;
use crate::args::grammar::grammar;

pub(crate) fn run(args: &ChunksArgs, env: &Env) -> Result<()> {
    match &args.step {
        ChunksStep::Plan(args) => plan(args, env),
        ChunksStep::Run(args) => run_chunks(args, env),
        ChunksStep::Join(args) => join(args, env),
    }
}

/// Writes the plan of an input.
fn plan(args: &EncodeArgs, env: &Env) -> Result<()> {
    check_plan(args)?;
    let settings = chunks::settings_of(&chunk_encoding(args)?, env)?;
    let rules = args.rules(vec![settings.input.path.clone()]);
    rules.check(args.output())?;
    let mut plan = chunks::plan(&settings, env)?;
    plan.arguments = arguments()?;
    let output = OutputFile::create(args.output(), &rules)?;
    let written = output.writer()?.write_all(plan.to_json().as_bytes());
    written.map_err(|error| Failure::output(&output.name, error))?;
    let summary = Object::new()
        .text("type", "summary")
        .raw("frames", plan.frames())
        .raw("chunks", plan.chunks().len())
        .raw("exit_code", 0)
        .text("output", &output.name);
    output.commit()?;
    env.events.event(summary);
    Ok(())
}

/// The arguments of this process.
///
/// # Errors
/// If they are not valid UTF-8.
pub(super) fn arguments() -> Result<Vec<String>> {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.into_string());
    arguments.collect::<std::result::Result<_, _>>().map_err(|argument| {
        Failure::usage(format!(
            "{}: a plan stores its arguments, which must be valid UTF-8",
            argument.display()
        ))
    })
}

/// Encodes chunks of a plan.
fn run_chunks(args: &RunArgs, env: &Env) -> Result<()> {
    let (plan, planned) = read(&args.plan)?;
    let mut settings = chunks::settings_of(&chunk_encoding(&planned)?, &env.quiet())?;
    settings.threads = args.threads.map(usize::from);
    let folder = args.plan.folder();
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::output(&folder.display().to_string(), error))?;
    env.stop.handle_requests();
    // A chunk whose result exists does not read the input.
    chunks::check_settings(&settings, &plan, env)?;
    let ran = if args.index.is_empty() {
        chunks::run(&settings, &plan, &folder, env)?
    } else {
        chunks::run_several(&settings, &plan, &args.index, &folder, env)?
    };
    report(ran, &folder, env);
    Ok(())
}

fn report(ran: Ran, folder: &Path, env: &Env) {
    let Ran { encoded, skipped } = ran;
    let summary = Object::new()
        .text("type", "summary")
        .raw("encoded", encoded)
        .raw("skipped", skipped)
        .raw("exit_code", 0)
        .text("output", &folder.display().to_string());
    env.events.event(summary);
    if !env.events.takes_records() {
        let exist =
            if skipped > 0 { format!(", {skipped} existed already") } else { String::new() };
        let encoded = counted(encoded as u64, "chunk");
        env.events.note(format!("{encoded} encoded in {}{exist}", folder.display()));
    }
}

/// Joins the results of a plan.
fn join(args: &JoinArgs, env: &Env) -> Result<()> {
    let (plan, planned) = read(&args.plan)?;
    let settings = args.encoding(&planned)?;
    chunks::join(&settings, &plan, &args.plan.folder(), env)
}

/// Reads the plan, and the arguments of the command that made it.
///
/// # Errors
/// If the file cannot be read or is no plan.
fn read(from: &PlanArgs) -> Result<(ChunkPlan, EncodeArgs)> {
    let (plan, mut args) = load(&from.plan)?;
    if let Some(input) = &from.input {
        args.input.set_path(input.clone());
    }
    Ok((plan, args))
}

/// Reads a plan, and the arguments of the command that made it.
///
/// # Errors
/// If the file cannot be read or is no plan.
pub(super) fn load(path: &Path) -> Result<(ChunkPlan, EncodeArgs)> {
    let name = path.display().to_string();
    let bytes = fs::read(path)
        .map_err(|error| Failure::new(Kind::Input, format!("cannot read {name}: {error}")))?;
    let plan = ChunkPlan::from_json(&String::from_utf8_lossy(&bytes), &name)?;
    let args = planned(&plan, &name)?;
    Ok((plan, args))
}

/// The arguments of the command that made a plan; `name` is the name of the plan, for messages.
///
/// # Errors
/// If the plan has the arguments of another command.
pub(super) fn planned(plan: &ChunkPlan, name: &str) -> Result<EncodeArgs> {
    let wrong = || {
        Failure::usage(format!("{name}: its arguments are not arguments of `codec chunks plan`"))
    };
    let words = std::iter::once("codec").chain(plan.arguments.iter().map(String::as_str));
    let found = grammar().try_get_matches_from(words).map_err(|_| wrong())?;
    let cli = Cli::from_arg_matches(&found).map(|cli| cli.noting_given(&found));
    match cli.and_then(Cli::checked).map_err(|_| wrong())?.verb {
        Verb::Chunks(ChunksArgs { step: ChunksStep::Plan(args) }) => Ok(*args),
        _ => Err(wrong()),
    }
}
