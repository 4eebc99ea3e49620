//! Submits a job.

use bytes::Bytes;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::session::chunks::VERSION;

use crate::names::JobId;
use crate::plan::JobPlan;
use crate::record::{ChunkRecord, ChunkState, JobRecord};
use crate::runtime::block_on;
use crate::server::{Server, ServerOptions};

/// A job that was submitted.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The job.
    pub job: JobId,
    /// Chunks that were added to the queue.
    pub queued: usize,
    /// Chunks whose results exist.
    pub done: usize,
}

/// Stores the plan of a job and adds the chunks without a result to the queue. A job that exists is continued: chunks
/// in the queue stay there, and chunks that have failed are tried again.
///
/// `input` is the name of the input, for lists; `missing` returns the numbers of the chunks without a result, in order.
///
/// # Errors
/// If the server cannot be reached, or the plan is larger than a message may be.
pub fn submit(
    server: &ServerOptions,
    plan: &JobPlan,
    input: &str,
    missing: &dyn Fn() -> Vec<usize>,
    env: &Env,
) -> Result<Submitted> {
    block_on(async {
        let server = Server::connect(server, env).await?;
        let submitted = store(&server, plan, input, missing).await;
        server.close().await;
        submitted
    })
}

async fn store(
    server: &Server,
    plan: &JobPlan,
    input: &str,
    missing: &dyn Fn() -> Vec<usize>,
) -> Result<Submitted> {
    let job = JobId::of(plan)?;
    let text = plan.to_json()?;
    let limit = server.client.max_payload();
    // The rest is for headers.
    if text.len() + 1024 > limit {
        let size = text.len();
        return Err(Failure::usage(format!(
            "the plan has {size} bytes, but the server accepts messages of at most {limit} bytes\n\
             help: raise max_payload in the configuration of the NATS server"
        )));
    }
    server.jobs.write_bytes(&job.plan_key(), Bytes::from(text)).await?;
    let record = JobRecord {
        version: VERSION.to_owned(),
        input: input.to_owned(),
        unit: plan.unit(),
        machine: plan.machine().map(str::to_owned),
        chunks: plan.count() as u64,
        frames: plan.frames(),
        is_cancelled: false,
    };
    server.jobs.write(&job.key(), &record).await?;
    let todo = reset(server, &job, plan, missing).await?;
    let queued = server.queue.add(&job, plan, &longest_first(plan, &todo)).await?;
    Ok(Submitted { job, queued, done: plan.count() - todo.len() })
}

/// Brings the state of the chunks in line with the results that exist. Returns the chunks without a result.
async fn reset(
    server: &Server,
    job: &JobId,
    plan: &JobPlan,
    missing: &dyn Fn() -> Vec<usize>,
) -> Result<Vec<usize>> {
    let mut records = Vec::new();
    for index in 0..plan.count() {
        let entry = server.jobs.read::<ChunkRecord>(&job.chunk_key(index)).await?;
        records.push(entry.value);
    }
    // Afterwards, so that a chunk that is completed meanwhile is not taken for a missing one.
    let missing = missing();
    for (index, record) in records.iter().enumerate() {
        let state = record.as_ref().map(|record| record.state);
        let key = job.chunk_key(index);
        if missing.binary_search(&index).is_err() {
            if state != Some(ChunkState::Done) {
                server.jobs.write(&key, &ChunkRecord::done("", 0, plan.frames_of(index))).await?;
            }
        } else if matches!(state, Some(ChunkState::Done | ChunkState::Failed)) {
            server.jobs.remove(&key).await?;
        }
    }
    Ok(missing)
}

/// Orders chunks by their length, so that all workers end at about the same time.
pub(crate) fn longest_first(plan: &JobPlan, chunks: &[usize]) -> Vec<usize> {
    let mut order = chunks.to_vec();
    order.sort_by_key(|index| std::cmp::Reverse(plan.frames_of(*index)));
    order
}
