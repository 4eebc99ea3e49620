//! `codec cluster`.

mod compare;
mod status;

use std::sync::Arc;

use codec_cluster::{FailedChunk, Handlers, JobId, JobPlan, Submitted, Unit, Worked};
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Result};
use codec_media::json::Object;
use codec_media::session::chunks::{self, ChunkPlan};

use super::chunks::{arguments, load, planned};
use crate::args::chunks::{check_plan, chunk_encoding};
use crate::args::cluster::{
    CancelArgs, ClusterArgs, ClusterStep, StatusArgs, SubmitArgs, WorkerArgs, arguments_of_plan,
};
use crate::args::encode::EncodeArgs;
use status::{first_line, json_of, text_of};

/// Number of failed chunks that are listed.
const LISTED: usize = 20;

pub(crate) fn run(args: &ClusterArgs, env: &Env) -> Result<()> {
    match &args.step {
        ClusterStep::Submit(args) => submit(args, env),
        ClusterStep::Compare(args) => compare::run(args, env),
        ClusterStep::Worker(args) => work(args, env),
        ClusterStep::Status(args) => list(args, env),
        ClusterStep::Cancel(args) => cancel(args, env),
    }
}

/// Submits a job, and waits for it with `--wait`.
fn submit(args: &SubmitArgs, env: &Env) -> Result<()> {
    args.check_given()?;
    let server = args.shared.server.options();
    // Before the input is read, which can take long.
    codec_cluster::check(&server, env)?;
    let (plan, planned) = plan_of(args, env)?;
    let settings = args.join_encoding(&planned)?;
    if args.wait {
        settings.rules.check(&settings.output)?;
    }
    let missing = || chunks::incomplete(&settings, &plan, &args.shared.work);
    let (input, job) = (settings.input.name(), JobPlan::Chunks(plan.clone()));
    let submitted = codec_cluster::submit(&server, &job, &input, &missing, env)?;
    report_submitted(&submitted, &job, args.wait, env)?;
    if !args.wait {
        return Ok(());
    }
    let failed = codec_cluster::wait(&server, &job, env)?;
    check_failed(&submitted.job, job.unit(), &failed, env)?;
    chunks::join(&settings, &plan, &args.shared.work, env)
}

/// Reads or makes the plan; returns its arguments, too.
fn plan_of(args: &SubmitArgs, env: &Env) -> Result<(ChunkPlan, EncodeArgs)> {
    if args.plan {
        return load(&args.encode.input.path());
    }
    check_plan(&args.encode)?;
    let format = args.format()?;
    let mut encode = args.encode.clone();
    encode.format = Some(format.to_owned());
    let settings = chunks::settings_of(&chunk_encoding(&encode)?, env)?;
    let arguments = arguments_of_plan(&arguments()?, format);
    let mut plan = chunks::plan(&settings, env)?;
    plan.arguments = arguments;
    let planned = planned(&plan, "the plan")?;
    Ok((plan, planned))
}

fn report_submitted(submitted: &Submitted, plan: &JobPlan, waits: bool, env: &Env) -> Result<()> {
    let Submitted { job, queued, done } = submitted;
    let is_queued = plan.count() - done - queued;
    let mut parts = vec![format!("{} queued", counted(*queued as u64, plan.unit().name()))];
    parts.extend((is_queued > 0).then(|| format!("{is_queued} in the queue already")));
    parts.extend((*done > 0).then(|| format!("{done} complete already")));
    env.events.note(format!("job {job}: {}", parts.join(", ")));
    // With `--wait`, the join prints the summary.
    if waits {
        return Ok(());
    }
    let summary = Object::new()
        .text("type", "summary")
        .text("job", &job.to_string())
        .raw("chunks", plan.count())
        .raw("queued", queued)
        .raw("complete", done)
        .raw("exit_code", 0);
    env.events.event(summary);
    env.events.text(&format!("{job}\n"))
}

/// Reports the chunks of a job that failed.
///
/// # Errors
/// If there are any; of the kind of the first one.
fn check_failed(job: &JobId, unit: Unit, failed: &[FailedChunk], env: &Env) -> Result<()> {
    let Some(first) = failed.first() else { return Ok(()) };
    let unit = unit.name();
    for FailedChunk { index, attempts, error, .. } in failed.iter().take(LISTED) {
        let attempts = counted(u64::from(*attempts), "attempt");
        env.events.warn(format!("{unit} {index} failed in {attempts}: {}", first_line(error)));
    }
    let list: Vec<_> = failed.iter().take(LISTED).map(|one| one.index.to_string()).collect();
    let more = if failed.len() > list.len() { ", ..." } else { "" };
    let (count, list) = (counted(failed.len() as u64, unit), list.join(", "));
    let help = "help: submit the job again to repeat them";
    Err(Failure::new(first.kind, format!("job {job}: {count} failed: {list}{more}\n{help}")))
}

fn work(args: &WorkerArgs, env: &Env) -> Result<()> {
    let resolve = |plan: &ChunkPlan| {
        let planned = planned(plan, "the plan")?;
        chunks::settings_of(&chunk_encoding(&planned)?, &env.quiet())
    };
    let options = args.options(env);
    let measure = compare::measurer(options.clone(), args.allow_commands);
    let handlers = Handlers { resolve: &resolve, measure: Arc::new(measure) };
    let worked = codec_cluster::work(&args.shared.server.options(), &options, &handlers, env)?;
    let Worked { encoded, measured, skipped, failed } = worked;
    let summary = Object::new()
        .text("type", "summary")
        .raw("encoded", encoded)
        .raw("measured", measured)
        .raw("skipped", skipped)
        .raw("failed", failed)
        .raw("exit_code", 0)
        .text("output", &options.folder.display().to_string());
    env.events.event(summary);
    if !env.events.takes_records() {
        let encoded = counted(encoded as u64, "chunk");
        let measured = match measured {
            0 => String::new(),
            measured => format!(", {measured} measured"),
        };
        env.events.note(format!(
            "{encoded} encoded{measured}, {skipped} existed already, {failed} failed"
        ));
    }
    Ok(())
}

fn cancel(args: &CancelArgs, env: &Env) -> Result<()> {
    let removed = codec_cluster::cancel(&args.server.options(), &args.job, env)?;
    let (job, removed) = (&args.job, counted(removed, "message"));
    env.events.note(format!("job {job} cancelled: {removed} removed from the queue"));
    Ok(())
}

fn list(args: &StatusArgs, env: &Env) -> Result<()> {
    let status = codec_cluster::status(&args.server.options(), args.job.as_ref(), env)?;
    let text = if args.json { json_of(&status) } else { text_of(&status) };
    env.events.text(&text)?;
    match (&args.job, status.jobs.first()) {
        (Some(job), Some(found)) => {
            let quiet = if args.json { env.quiet() } else { env.clone() };
            check_failed(job, found.record.unit, &found.failed, &quiet)
        }
        _ => Ok(()),
    }
}
