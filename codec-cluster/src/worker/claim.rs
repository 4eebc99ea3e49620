//! Checks a message of the queue, and claims its chunk.

use std::sync::Arc;

use async_nats::jetstream::{AckKind, Message};
use codec_media::failure::{Failure, Kind, Result};

use super::Worker;
use super::answer::answer;
use crate::names::{JobId, parse_subject, subject};
use crate::plan::JobPlan;
use crate::record::{ChunkRecord, ChunkState, JobRecord, RefusedRecord, truncated};

/// Number of messages that were refused and are remembered.
const REFUSED: u64 = 64;
/// Limit of the text of a plan, in bytes.
const MAX_PLAN_BYTES: usize = 16 << 20;
/// Maximum number of characters of a subject that are stored.
const MAX_SUBJECT: usize = 200;

/// A chunk that this worker has claimed.
pub(super) struct Claim {
    pub(super) job: JobId,
    pub(super) index: usize,
    pub(super) plan: Arc<JobPlan>,
    /// State of the chunk, as stored.
    pub(super) record: ChunkRecord,
    /// Identifies the stored state; `None` if another worker has claimed the chunk since.
    pub(super) revision: Option<u64>,
}

/// Result of a claim.
pub(super) enum Claimed {
    /// The worker encodes the chunk.
    Chunk(Box<Claim>),
    /// The message is not needed any more.
    Unneeded,
    /// The message is not valid, for this reason.
    Refused(String),
    /// The chunk has failed too often.
    GivenUp,
    /// Another worker has just claimed the chunk.
    Taken,
}

/// Checks a message, and notes that this worker encodes its chunk.
///
/// # Errors
/// If the server cannot be reached; the message is delivered again.
pub(super) async fn claim(worker: &Worker<'_>, message: &Message) -> Result<Claimed> {
    let Some((job, index)) = parse_subject(&message.subject) else {
        return Ok(Claimed::Refused("its subject does not name a chunk".to_owned()));
    };
    let jobs = &worker.server.jobs;
    match jobs.read::<JobRecord>(&job.key()).await?.value {
        None => return Ok(Claimed::Refused(format!("there is no job {job}"))),
        Some(record) if record.is_cancelled => return Ok(Claimed::Unneeded),
        Some(_) => {}
    }
    let plan = jobs.read_bytes(&job.plan_key()).await?.value;
    let plan = match checked(message, &job, index, plan.as_deref()) {
        Ok(found) => found,
        Err(failure) => return give_up(worker, &job, index, &failure).await,
    };
    let entry = jobs.read::<ChunkRecord>(&job.chunk_key(index)).await?;
    let before = entry.value.unwrap_or_else(|| ChunkRecord::done("", 0, 0));
    if before.attempts >= worker.options.attempts && before.state != ChunkState::Done {
        let attempts = before.attempts;
        let lost = format!("its workers ended without a result in {attempts} attempts");
        let message = before.error.clone().unwrap_or(lost);
        let code = before.code.unwrap_or(Kind::Internal as u8);
        let record = before.with_error(ChunkState::Failed, code, &message);
        jobs.write(&job.chunk_key(index), &record).await?;
        let unit = plan.unit().name();
        worker
            .env
            .events
            .warn(format!("{unit} {index} of job {job} is not tried again: {message}"));
        return Ok(Claimed::GivenUp);
    }
    let record = ChunkRecord {
        state: ChunkState::Running,
        worker: worker.name.clone(),
        attempts: before.attempts.saturating_add(1),
        frames: 0,
        ..before
    };
    let revision = jobs.replace(&job.chunk_key(index), &record, entry.revision).await?;
    if revision.is_none() {
        return Ok(Claimed::Taken);
    }
    Ok(Claimed::Chunk(Box::new(Claim { job, index, plan, record, revision })))
}

/// The plan of a message.
fn checked(
    message: &Message,
    job: &JobId,
    index: usize,
    plan: Option<&[u8]>,
) -> Result<Arc<JobPlan>> {
    let name = format!("the plan of job {job}");
    let wrong = |what: &str| Failure::new(Kind::Input, format!("{name} {what}"));
    let bytes = plan.ok_or_else(|| wrong("is missing"))?;
    if bytes.len() > MAX_PLAN_BYTES {
        return Err(wrong("is larger than 16 MiB"));
    }
    let text = str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    let plan = JobPlan::from_json(text, &name)?;
    if JobId::of(&plan)? != *job {
        return Err(wrong("belongs to another job"));
    }
    let unit = plan.unit().name();
    if message.payload.as_ref() != plan.key(index)?.as_bytes() {
        return Err(wrong(&format!("does not match the queued message for {unit} {index}")));
    }
    if *message.subject != *subject(job, index, plan.machine()) {
        let message = format!("the queued message for {unit} {index}");
        let why =
            format!("{message} is not on the NATS subject of the machine that {name} requires");
        return Err(Failure::new(Kind::Input, why));
    }
    Ok(Arc::new(plan))
}

/// Notes that a chunk has failed, because its plan cannot be used: another attempt would end in the same way.
async fn give_up(
    worker: &Worker<'_>,
    job: &JobId,
    index: usize,
    failure: &Failure,
) -> Result<Claimed> {
    let key = job.chunk_key(index);
    let before = worker.server.jobs.read::<ChunkRecord>(&key).await?.value;
    // A forged message does not change the state of a chunk that is complete.
    if before.as_ref().is_none_or(|before| before.state != ChunkState::Done) {
        let attempts = before.map_or(0, |before| before.attempts);
        let record = ChunkRecord::done(&worker.name, attempts, 0);
        let record = record.with_error(ChunkState::Failed, failure.kind as u8, &failure.message);
        worker.server.jobs.write(&key, &record).await?;
    }
    Ok(Claimed::Refused(failure.message.clone()))
}

/// Removes a message that is not valid from the queue, and stores the reason.
pub(super) async fn refuse(worker: &Worker<'_>, message: &Message, error: &str) -> Result<()> {
    let subject: String = message.subject.chars().take(MAX_SUBJECT).collect();
    let first = error.lines().next().unwrap_or_default();
    worker
        .env
        .events
        .warn(format!("removed an invalid message on {subject} from the queue: {first}"));
    let record = RefusedRecord { subject, error: truncated(error).to_owned() };
    let number = message.info().map_or(0, |info| info.stream_sequence);
    worker.server.jobs.write(&format!("refused.{}", number % REFUSED), &record).await?;
    answer(message, AckKind::Term).await
}
