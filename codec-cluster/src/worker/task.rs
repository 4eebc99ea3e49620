//! Processes one unit of work, a chunk or points, from its message to the acknowledgement.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use codec_media::failure::{Failure, Result};
use tokio::time::{MissedTickBehavior, interval};

use super::Worker;
use super::answer::answer;
use super::claim::{Claim, Claimed, claim, refuse};
use super::encode::Encode;
use crate::record::{ChunkRecord, ChunkState, JobRecord, RunningChunk, Unit};
use crate::runtime::stopped;

/// How often the number of encoded frames is stored.
const PROGRESS: Duration = Duration::from_secs(1);

/// The result of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The chunk was encoded.
    Encoded,
    /// The points were measured.
    Measured,
    /// The result existed.
    Existed,
    /// The attempt failed, or the message is not valid.
    Failed,
    /// The job was cancelled, or the worker was stopped.
    Left,
}

/// Encodes the chunk of a message, and acknowledges it when the result is complete.
///
/// # Errors
/// If the server cannot be reached; the message is delivered again.
pub(super) async fn run(worker: &Worker<'_>, slot: usize, message: &Message) -> Result<Outcome> {
    let mut claim = match claim(worker, message).await? {
        Claimed::Chunk(claim) => claim,
        Claimed::Unneeded => return answer(message, AckKind::Term).await.map(|()| Outcome::Left),
        Claimed::GivenUp => return answer(message, AckKind::Term).await.map(|()| Outcome::Failed),
        Claimed::Taken => {
            let later = AckKind::Nak(Some(worker.lease));
            return answer(message, later).await.map(|()| Outcome::Left);
        }
        Claimed::Refused(error) => {
            return refuse(worker, message, &error).await.map(|()| Outcome::Left);
        }
    };
    let task = match worker.task(&claim.plan, claim.index) {
        Ok(task) => task,
        Err(failure) => return fail(worker, message, claim, &failure).await,
    };
    let running = RunningChunk { job: claim.job.to_string(), chunk: claim.index };
    worker.set_running(slot, Some(running));
    // The list of workers is less important than the work.
    let _ = worker.report().await;
    let name = format!("{} {}", claim.plan.unit().name(), claim.index);
    let encode = Encode::start(task, &name, worker.env)?;
    match follow(worker, message, &mut claim, encode).await {
        Ended::Encoded(encoded) => complete(worker, message, &claim, encoded).await,
        Ended::Failed(failure) => fail(worker, message, claim, &failure).await,
        Ended::Cancelled => answer(message, AckKind::Term).await.map(|()| Outcome::Left),
        Ended::Stopped => release(worker, message, claim).await,
    }
}

/// How an encode ended.
enum Ended {
    /// The result is complete; `true` if this worker encoded it, `false` if it existed.
    Encoded(bool),
    Failed(Failure),
    /// The job was cancelled.
    Cancelled,
    /// The worker was stopped.
    Stopped,
}

/// Waits for the end of an encode; meanwhile sends heartbeats and stops it if the job is cancelled.
async fn follow(
    worker: &Worker<'_>,
    message: &Message,
    claim: &mut Claim,
    mut encode: Encode,
) -> Ended {
    let mut beat = interval(worker.lease / 3);
    let mut progress = interval(PROGRESS);
    for ticks in [&mut beat, &mut progress] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
    }
    let mut job_changes = worker.job_changes.clone();
    let (mut is_stopped, mut is_cancelled) = (false, false);
    loop {
        tokio::select! {
            ended = &mut encode.ended => {
                let panicked = |_| Err(Failure::internal("the encoder panicked"));
                return match ended.unwrap_or_else(panicked) {
                    Ok(encoded) => Ended::Encoded(encoded),
                    Err(_) if is_cancelled => Ended::Cancelled,
                    Err(_) if is_stopped => Ended::Stopped,
                    Err(failure) => Ended::Failed(failure),
                };
            }
            () = stopped(&worker.env.stop), if !is_stopped => {
                is_stopped = true;
                encode.stop.request();
            }
            _ = beat.tick() => {
                // A heartbeat that is lost is followed by another one.
                let _ = message.ack_with(AckKind::Progress).await;
                is_cancelled |= cancelled(worker, claim).await;
            }
            Ok(()) = job_changes.changed() => is_cancelled |= cancelled(worker, claim).await,
            _ = progress.tick() => show_progress(worker, claim, encode.frames()).await,
        }
        if is_cancelled {
            encode.stop.request();
        }
    }
}

/// Whether the job of a chunk was cancelled.
async fn cancelled(worker: &Worker<'_>, claim: &Claim) -> bool {
    let job = worker.server.jobs.read::<JobRecord>(&claim.job.key()).await;
    job.is_ok_and(|entry| entry.value.is_some_and(|job| job.is_cancelled))
}

/// Stores the number of encoded frames.
async fn show_progress(worker: &Worker<'_>, claim: &mut Claim, frames: u64) {
    let Some(revision) = claim.revision.filter(|_| frames != claim.record.frames) else { return };
    claim.record.frames = frames;
    let key = claim.job.chunk_key(claim.index);
    if let Ok(revision) = worker.server.jobs.replace(&key, &claim.record, revision).await {
        claim.revision = revision;
    }
}

async fn complete(
    worker: &Worker<'_>,
    message: &Message,
    claim: &Claim,
    encoded: bool,
) -> Result<Outcome> {
    let frames = claim.plan.frames_of(claim.index);
    let record = ChunkRecord::done(&worker.name, claim.record.attempts, frames);
    let key = claim.job.chunk_key(claim.index);
    worker.server.jobs.write_surely(&key, &record, &worker.env.stop).await?;
    answer(message, AckKind::Ack).await?;
    let (index, job) = (claim.index, &claim.job);
    let unit = claim.plan.unit();
    let (how, outcome) = match unit {
        _ if !encoded => ("existed already", Outcome::Existed),
        Unit::Chunk => ("encoded", Outcome::Encoded),
        Unit::Point | Unit::Clip => ("measured", Outcome::Measured),
    };
    worker.env.events.note(format!("{} {index} of job {job}: {how}", unit.name()));
    Ok(outcome)
}

async fn fail(
    worker: &Worker<'_>,
    message: &Message,
    claim: Box<Claim>,
    failure: &Failure,
) -> Result<Outcome> {
    let Claim { job, index, record, revision, plan } = *claim;
    let unit = plan.unit().name();
    let first = failure.message.lines().next().unwrap_or_default();
    worker.env.events.warn(format!("{unit} {index} of job {job} failed: {first}"));
    let attempts = record.attempts;
    let is_last = attempts >= worker.options.attempts;
    let state = if is_last { ChunkState::Failed } else { ChunkState::Waiting };
    let record = ChunkRecord { frames: 0, ..record };
    let record = record.with_error(state, failure.kind as u8, &failure.message);
    // If another worker has claimed the chunk since, its outcome counts.
    let Some(revision) = revision else { return Ok(Outcome::Failed) };
    let key = job.chunk_key(index);
    if worker.server.jobs.replace(&key, &record, revision).await?.is_none() {
        return Ok(Outcome::Failed);
    }
    let delay = Duration::from_secs(u64::from(attempts)).min(worker.lease);
    let kind = if is_last { AckKind::Term } else { AckKind::Nak(Some(delay)) };
    answer(message, kind).await?;
    Ok(Outcome::Failed)
}

/// Gives a chunk back to the queue. The attempt does not count.
async fn release(worker: &Worker<'_>, message: &Message, claim: Box<Claim>) -> Result<Outcome> {
    let Claim { job, index, mut record, revision, .. } = *claim;
    record.state = ChunkState::Waiting;
    record.attempts = record.attempts.saturating_sub(1);
    record.frames = 0;
    let Some(revision) = revision else { return Ok(Outcome::Left) };
    if worker.server.jobs.replace(&job.chunk_key(index), &record, revision).await?.is_some() {
        answer(message, AckKind::Nak(None)).await?;
    }
    Ok(Outcome::Left)
}
