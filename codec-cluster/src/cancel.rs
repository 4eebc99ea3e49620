//! Cancels a job.

use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};

use crate::names::JobId;
use crate::record::{ChunkRecord, ChunkState, JobRecord};
use crate::runtime::block_on;
use crate::server::{Server, ServerOptions};

/// Stops a job: removes its chunks from the queue, and lets workers stop the ones that they encode. Complete results
/// stay. Returns the number of chunks that were in the queue.
///
/// # Errors
/// If the server cannot be reached, or there is no such job ([`Kind::Usage`]).
pub fn cancel(server: &ServerOptions, job: &JobId, env: &Env) -> Result<u64> {
    block_on(async {
        let server = Server::connect(server, env).await?;
        let cancelled = stop(&server, job).await;
        server.close().await;
        cancelled
    })
}

async fn stop(server: &Server, job: &JobId) -> Result<u64> {
    let mut record = find(server, job).await?;
    record.is_cancelled = true;
    server.jobs.write(&job.key(), &record).await?;
    let removed = server.queue.remove(job).await?;
    for key in server.jobs.keys(&job.chunk_key_pattern()).await? {
        let entry = server.jobs.read::<ChunkRecord>(&key).await?;
        let ended = [ChunkState::Done, ChunkState::Failed];
        if entry.value.is_some_and(|record| !ended.contains(&record.state)) {
            server.jobs.remove(&key).await?;
        }
    }
    Ok(removed)
}

/// The state of a job.
///
/// # Errors
/// [`Kind::Usage`] if there is no such job.
pub(crate) async fn find(server: &Server, job: &JobId) -> Result<JobRecord> {
    let entry = server.jobs.read(&job.key()).await?;
    let help = "help: `codec cluster status` lists all jobs";
    entry.value.ok_or_else(|| Failure::new(Kind::Usage, format!("there is no job {job}\n{help}")))
}
