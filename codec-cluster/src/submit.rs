//! Submits a job.

use std::path::Path;

use bytes::Bytes;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::session::chunks::{ChunkPlan, VERSION, incomplete};
use codec_media::settings::encoding::Encoding;

use crate::names::JobId;
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
/// `settings` are those of the plan, whose input is named in lists; `folder` is the one with the results.
///
/// # Errors
/// If the server cannot be reached, or the plan is larger than a message may be.
pub fn submit(
    server: &ServerOptions,
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
    env: &Env,
) -> Result<Submitted> {
    block_on(async {
        let server = Server::connect(server, env).await?;
        let submitted = store(&server, settings, plan, folder).await;
        server.close().await;
        submitted
    })
}

async fn store(
    server: &Server,
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
) -> Result<Submitted> {
    let job = JobId::of(plan);
    let text = plan.to_json();
    let limit = server.client.max_payload();
    // The rest is for headers.
    if text.len() + 1024 > limit {
        let size = text.len();
        return Err(Failure::usage(format!(
            "the plan has {size} bytes, but the server accepts messages of {limit} bytes\n\
             help: raise max_payload in the configuration of the NATS server"
        )));
    }
    server.jobs.write_bytes(&job.plan_key(), Bytes::from(text)).await?;
    let record = JobRecord {
        version: VERSION.to_owned(),
        input: settings.input.path.display().to_string(),
        chunks: plan.chunks().len() as u64,
        frames: plan.frames(),
        is_cancelled: false,
    };
    server.jobs.write(&job.key(), &record).await?;
    let todo = reset(server, &job, settings, plan, folder).await?;
    let queued = server.queue.add(&job, plan, &longest_first(plan, &todo)).await?;
    Ok(Submitted { job, queued, done: plan.chunks().len() - todo.len() })
}

/// Brings the state of the chunks in line with the results that exist. Returns the chunks without a result.
async fn reset(
    server: &Server,
    job: &JobId,
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
) -> Result<Vec<usize>> {
    let mut records = Vec::new();
    for index in 0..plan.chunks().len() {
        let entry = server.jobs.read::<ChunkRecord>(&job.chunk_key(index)).await?;
        records.push(entry.value);
    }
    // Afterwards, so that a chunk that is completed meanwhile is not taken for a missing one.
    let missing = incomplete(settings, plan, folder);
    for (index, (record, chunk)) in records.iter().zip(plan.chunks()).enumerate() {
        let state = record.as_ref().map(|record| record.state);
        let key = job.chunk_key(index);
        if missing.binary_search(&index).is_err() {
            if state != Some(ChunkState::Done) {
                server.jobs.write(&key, &ChunkRecord::done("", 0, chunk.frames)).await?;
            }
        } else if matches!(state, Some(ChunkState::Done | ChunkState::Failed)) {
            server.jobs.remove(&key).await?;
        }
    }
    Ok(missing)
}

/// Orders chunks by their length, so that all workers end at about the same time.
pub(crate) fn longest_first(plan: &ChunkPlan, chunks: &[usize]) -> Vec<usize> {
    let mut order = chunks.to_vec();
    let frames = |index: &usize| plan.chunk(*index).map_or(0, |chunk| chunk.frames);
    order.sort_by_key(|index| std::cmp::Reverse(frames(index)));
    order
}
