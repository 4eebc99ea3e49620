//! The state of a cluster as text and as JSON.

use codec_cluster::{ClusterStatus, FailedChunk, JobStatus, WorkerStatus};
use codec_media::count::counted;
use codec_media::json::{self, Object};

/// The first line of a text from the server, without control characters.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

pub(super) fn text_of(status: &ClusterStatus) -> String {
    let mut lines: Vec<String> = status.jobs.iter().flat_map(job_lines).collect();
    lines.extend(status.workers.iter().map(|worker| worker_line(worker, &status.jobs)));
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
    let (state, input, unit) = (job.state(), first_line(&record.input), record.unit.name());
    let chunks = record.chunks;
    let mut lines = vec![format!(
        "job {id}: {state}, {done} of {chunks} {unit}s done, {running} running, {waiting} waiting, \
         {failed} failed; {input}"
    )];
    if *waiting > 0 && !job.has_workers && !record.is_cancelled {
        let version = first_line(&record.version);
        let machine =
            record.machine.as_deref().map(|machine| format!(" on {}", first_line(machine)));
        let machine = machine.unwrap_or_default();
        lines.push(format!("  it waits for a worker of version {version}{machine}"));
    }
    for (index, chunk) in &job.running {
        let (worker, frames) = (first_line(&chunk.worker), chunk.frames);
        let attempt = chunk.attempts;
        lines.push(format!("  {unit} {index}: {frames} frames on {worker}, attempt {attempt}"));
    }
    for FailedChunk { index, attempts, error, .. } in &job.failed {
        let attempts = counted(u64::from(*attempts), "attempt");
        lines.push(format!("  {unit} {index}: failed in {attempts}: {}", first_line(error)));
    }
    lines
}

fn worker_line(worker: &WorkerStatus, jobs: &[JobStatus]) -> String {
    let record = &worker.record;
    let chunk = |one: &codec_cluster::RunningChunk| {
        let job = jobs.iter().find(|job| job.id.to_string() == one.job);
        let unit = job.map_or("unit", |job| job.record.unit.name());
        format!("{unit} {} of job {}", one.chunk, first_line(&one.job))
    };
    let running: Vec<String> = record.running.iter().map(chunk).collect();
    let doing = if running.is_empty() { "idle".to_owned() } else { running.join(", ") };
    format!(
        "worker {}: version {}, {}, {} at a time; {doing}; last seen {} s ago; {}",
        first_line(&worker.name),
        first_line(&record.version),
        first_line(&record.simd),
        counted(record.jobs, "encode"),
        worker.age.as_secs(),
        first_line(&record.machine)
    )
}

pub(super) fn json_of(status: &ClusterStatus) -> String {
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
        .text("unit", job.record.unit.name())
        .maybe("machine", job.record.machine.as_deref().map(json::text))
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
        .text("machine", &worker.record.machine)
        .raw("jobs", worker.record.jobs)
        .raw("running", json::array(running))
        .float("last_seen_s", worker.age.as_secs_f64())
        .raw("alive", worker.is_alive())
        .finish()
}
