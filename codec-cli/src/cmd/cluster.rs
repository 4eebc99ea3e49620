//! `codec cluster`.

use codec_cluster::{
    ClusterStatus, FailedChunk, JobId, JobStatus, Submitted, Worked, WorkerStatus,
};
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Result};
use codec_media::json::{self, Object};
use codec_media::session::chunks::{self, ChunkPlan};

use super::chunks::{arguments, load, planned};
use crate::args::chunks::{check_plan, chunk_encoding};
use crate::args::cluster::{
    CancelArgs, ClusterArgs, ClusterStep, StatusArgs, SubmitArgs, WorkerArgs, arguments_of_plan,
};
use crate::args::encode::EncodeArgs;

/// Number of failed chunks that are listed.
const LISTED: usize = 20;

pub(crate) fn run(args: &ClusterArgs, env: &Env) -> Result<()> {
    match &args.step {
        ClusterStep::Submit(args) => submit(args, env),
        ClusterStep::Worker(args) => work(args, env),
        ClusterStep::Status(args) => status(args, env),
        ClusterStep::Cancel(args) => cancel(args, env),
    }
}

/// Submits a job, and waits for it with `--wait`.
fn submit(args: &SubmitArgs, env: &Env) -> Result<()> {
    args.check_given()?;
    let server = args.server.options();
    // Before the input is read, which can take long.
    codec_cluster::check(&server, env)?;
    let (plan, planned) = plan_of(args, env)?;
    let settings = args.join_encoding(&planned)?;
    if args.wait {
        settings.rules.check(&settings.output)?;
    }
    let submitted = codec_cluster::submit(&server, &settings, &plan, &args.work, env)?;
    report_submitted(&submitted, &plan, args.wait, env)?;
    if !args.wait {
        return Ok(());
    }
    let failed = codec_cluster::wait(&server, &plan, env)?;
    check_failed(&submitted.job, &failed, env)?;
    chunks::join(&settings, &plan, &args.work, env)
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

fn report_submitted(submitted: &Submitted, plan: &ChunkPlan, waits: bool, env: &Env) -> Result<()> {
    let Submitted { job, queued, done } = submitted;
    let is_queued = plan.chunks().len() - done - queued;
    let mut parts = vec![format!("{} queued", counted(*queued as u64, "chunk"))];
    parts.extend((is_queued > 0).then(|| format!("{is_queued} in the queue already")));
    parts.extend((*done > 0).then(|| format!("{done} complete already")));
    env.events.note(format!("job {job}: {}", parts.join(", ")));
    // With `--wait`, the summary is that of the join.
    if waits {
        return Ok(());
    }
    let summary = Object::new()
        .text("type", "summary")
        .text("job", &job.to_string())
        .raw("chunks", plan.chunks().len())
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
fn check_failed(job: &JobId, failed: &[FailedChunk], env: &Env) -> Result<()> {
    let Some(first) = failed.first() else { return Ok(()) };
    for FailedChunk { index, attempts, error, .. } in failed.iter().take(LISTED) {
        let attempts = counted(u64::from(*attempts), "attempt");
        env.events.warn(format!("chunk {index} failed in {attempts}: {}", first_line(error)));
    }
    let list: Vec<_> = failed.iter().take(LISTED).map(|one| one.index.to_string()).collect();
    let more = if failed.len() > list.len() { ", ..." } else { "" };
    let (count, list) = (counted(failed.len() as u64, "chunk"), list.join(", "));
    let help = "help: submit the job again to repeat them";
    Err(Failure::new(first.kind, format!("job {job}: {count} failed: {list}{more}\n{help}")))
}

fn work(args: &WorkerArgs, env: &Env) -> Result<()> {
    let resolve = |plan: &ChunkPlan| {
        let planned = planned(plan, "the plan")?;
        chunks::settings_of(&chunk_encoding(&planned)?, &env.quiet())
    };
    let options = args.options();
    let worked = codec_cluster::work(&args.server.options(), &options, &resolve, env)?;
    let Worked { encoded, skipped, failed } = worked;
    let summary = Object::new()
        .text("type", "summary")
        .raw("encoded", encoded)
        .raw("skipped", skipped)
        .raw("failed", failed)
        .raw("exit_code", 0)
        .text("output", &options.folder.display().to_string());
    env.events.event(summary);
    if !env.events.takes_records() {
        let encoded = counted(encoded as u64, "chunk");
        env.events.note(format!("{encoded} encoded, {skipped} existed already, {failed} failed"));
    }
    Ok(())
}

fn cancel(args: &CancelArgs, env: &Env) -> Result<()> {
    let removed = codec_cluster::cancel(&args.server.options(), &args.job, env)?;
    let (job, removed) = (&args.job, counted(removed, "chunk"));
    env.events.note(format!("job {job} cancelled: {removed} removed from the queue"));
    Ok(())
}

fn status(args: &StatusArgs, env: &Env) -> Result<()> {
    let status = codec_cluster::status(&args.server.options(), args.job.as_ref(), env)?;
    let text = if args.json { json_of(&status) } else { text_of(&status) };
    env.events.text(&text)?;
    match (&args.job, status.jobs.first()) {
        (Some(job), Some(found)) if !args.json => check_failed(job, &found.failed, env),
        (Some(job), Some(found)) => check_failed(job, &found.failed, &env.quiet()),
        _ => Ok(()),
    }
}

/// The first line of a text from the server, without control characters.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn text_of(status: &ClusterStatus) -> String {
    let mut lines: Vec<String> = status.jobs.iter().flat_map(job_lines).collect();
    lines.extend(status.workers.iter().map(worker_line));
    for refused in &status.refused {
        let (subject, error) = (first_line(&refused.subject), first_line(&refused.error));
        lines.push(format!("rejected message {subject}: {error}"));
    }
    if lines.is_empty() {
        lines.push("no jobs and no workers".to_owned());
    }
    lines.join("\n") + "\n"
}

fn job_lines(job: &JobStatus) -> Vec<String> {
    let JobStatus { id, record, done, waiting, .. } = job;
    let (running, failed) = (job.running.len(), job.failed.len());
    let (chunks, state, input) = (record.chunks, job.state(), first_line(&record.input));
    let mut lines = vec![format!(
        "job {id}: {state}, {done} of {chunks} chunks done, {running} running, {waiting} waiting, \
         {failed} failed; {input}"
    )];
    if *waiting > 0 && !job.has_workers && !record.is_cancelled {
        let version = first_line(&record.version);
        lines.push(format!("  it waits for a worker of version {version}"));
    }
    for (index, chunk) in &job.running {
        let (worker, frames) = (first_line(&chunk.worker), chunk.frames);
        let attempt = chunk.attempts;
        lines.push(format!("  chunk {index}: {frames} frames on {worker}, attempt {attempt}"));
    }
    for FailedChunk { index, attempts, error, .. } in &job.failed {
        let attempts = counted(u64::from(*attempts), "attempt");
        lines.push(format!("  chunk {index}: failed in {attempts}: {}", first_line(error)));
    }
    lines
}

fn worker_line(worker: &WorkerStatus) -> String {
    let record = &worker.record;
    let chunk = |one: &codec_cluster::RunningChunk| {
        format!("chunk {} of job {}", one.chunk, first_line(&one.job))
    };
    let running: Vec<String> = record.running.iter().map(chunk).collect();
    let doing = if running.is_empty() { "idle".to_owned() } else { running.join(", ") };
    format!(
        "worker {}: version {}, {}, {} at a time; {doing}; last seen {} s ago",
        first_line(&worker.name),
        first_line(&record.version),
        first_line(&record.simd),
        counted(record.jobs, "chunk"),
        worker.age.as_secs()
    )
}

fn json_of(status: &ClusterStatus) -> String {
    let refused = status.refused.iter().map(|refused| {
        let object = Object::new().text("subject", &refused.subject);
        object.text("error", &refused.error).finish()
    });
    let object = Object::new()
        .raw("jobs", json::array(status.jobs.iter().map(job_json)))
        .raw("workers", json::array(status.workers.iter().map(worker_json)))
        .raw("refused", json::array(refused));
    object.finish() + "\n"
}

fn job_json(job: &JobStatus) -> String {
    let running = job.running.iter().map(|(index, chunk)| {
        let object = Object::new().raw("chunk", index).text("worker", &chunk.worker);
        object.raw("frames", chunk.frames).raw("attempt", chunk.attempts).finish()
    });
    let failed = job.failed.iter().map(|failed| {
        let object = Object::new().raw("chunk", failed.index).raw("attempts", failed.attempts);
        object.raw("code", failed.kind as u8).text("error", &failed.error).finish()
    });
    Object::new()
        .text("job", &job.id.to_string())
        .text("state", job.state())
        .text("input", &job.record.input)
        .text("version", &job.record.version)
        .raw("has_workers", job.has_workers)
        .float("age_s", job.age.as_secs_f64())
        .raw("chunks", job.record.chunks)
        .raw("done", job.done)
        .raw("waiting", job.waiting)
        .raw("attempts", job.attempts)
        .raw("frames", job.record.frames)
        .raw("frames_done", job.frames)
        .raw("running", json::array(running))
        .raw("failed", json::array(failed))
        .finish()
}

fn worker_json(worker: &WorkerStatus) -> String {
    let running = worker
        .record
        .running
        .iter()
        .map(|one| Object::new().text("job", &one.job).raw("chunk", one.chunk).finish());
    Object::new()
        .text("worker", &worker.name)
        .text("version", &worker.record.version)
        .text("simd", &worker.record.simd)
        .raw("jobs", worker.record.jobs)
        .raw("running", json::array(running))
        .float("last_seen_s", worker.age.as_secs_f64())
        .raw("alive", worker.is_alive())
        .finish()
}
