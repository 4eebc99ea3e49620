//! Lists jobs and workers.

use std::time::Duration;

use codec_media::Env;
use codec_media::failure::Result;

use crate::cancel::find;
use crate::names::{JobId, index_of};
use crate::record::{ChunkRecord, ChunkState, JobRecord, RefusedRecord, WorkerRecord};
use crate::runtime::block_on;
use crate::server::{Server, ServerOptions};
use crate::wait::{ALIVE, FailedChunk};

/// Jobs and workers.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The jobs, the newest first.
    pub jobs: Vec<JobStatus>,
    /// The workers.
    pub workers: Vec<WorkerStatus>,
    /// Messages that were removed from the queue because they are not valid; at most 64.
    pub refused: Vec<RefusedRecord>,
}

/// The state of a job.
#[derive(Clone, Debug)]
pub struct JobStatus {
    /// The job.
    pub id: JobId,
    /// Its stored state.
    pub record: JobRecord,
    /// Time since it was submitted or cancelled.
    pub age: Duration,
    /// Number of complete chunks.
    pub done: u64,
    /// The chunks that are encoded now, and by which worker.
    pub running: Vec<(usize, ChunkRecord)>,
    /// Number of chunks in the queue.
    pub waiting: u64,
    /// The chunks that failed too often.
    pub failed: Vec<FailedChunk>,
    /// How often workers began to encode a chunk of it.
    pub attempts: u64,
    /// Number of encoded frames.
    pub frames: u64,
    /// Whether there is a worker of its version.
    pub has_workers: bool,
}

impl JobStatus {
    /// The state in one word: `cancelled`, `failed`, `done`, `running` or `waiting`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let is_open = self.waiting > 0 || !self.running.is_empty();
        match () {
            () if self.record.is_cancelled => "cancelled",
            () if !self.running.is_empty() => "running",
            () if is_open => "waiting",
            () if !self.failed.is_empty() => "failed",
            () => "done",
        }
    }
}

/// A worker.
#[derive(Clone, Debug)]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// Its stored state.
    pub record: WorkerRecord,
    /// Time since its last heartbeat.
    pub age: Duration,
}

impl WorkerStatus {
    /// Whether it sent a heartbeat in the last 30 seconds.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.age < ALIVE
    }
}

/// Lists the workers, and one job or all.
///
/// # Errors
/// If the server cannot be reached, or there is no such job.
pub fn status(server: &ServerOptions, job: Option<&JobId>, env: &Env) -> Result<ClusterStatus> {
    block_on(async {
        let server = Server::connect(server, env).await?;
        let workers = workers(&server).await?;
        let ids = match job {
            Some(job) => {
                find(&server, job).await?;
                vec![job.clone()]
            }
            None => ids(&server).await?,
        };
        let mut jobs = Vec::new();
        for id in ids {
            jobs.extend(job_status(&server, id, &workers).await?);
        }
        jobs.sort_by_key(|job| job.age);
        let refused = refused(&server).await?;
        Ok(ClusterStatus { jobs, workers, refused })
    })
}

async fn ids(server: &Server) -> Result<Vec<JobId>> {
    let keys = server.jobs.keys("job.*").await?.into_iter();
    Ok(keys.filter_map(|key| key.strip_prefix("job.")?.parse().ok()).collect())
}

async fn job_status(
    server: &Server,
    id: JobId,
    workers: &[WorkerStatus],
) -> Result<Option<JobStatus>> {
    let entry = server.jobs.read::<JobRecord>(&id.key()).await?;
    let Some(record) = entry.value else { return Ok(None) };
    let is_able = |worker: &WorkerStatus| {
        let needed = record.machine.as_ref();
        worker.is_alive()
            && worker.record.version == record.version
            && needed.is_none_or(|machine| *machine == worker.record.machine)
    };
    let mut status = JobStatus {
        has_workers: workers.iter().any(is_able),
        age: entry.age,
        done: 0,
        running: Vec::new(),
        waiting: 0,
        failed: Vec::new(),
        attempts: 0,
        frames: 0,
        record,
        id,
    };
    for key in server.jobs.keys(&status.id.chunk_key_pattern()).await? {
        let chunk = server.jobs.read::<ChunkRecord>(&key).await?.value;
        let (Some(index), Some(chunk)) = (index_of(&key), chunk) else { continue };
        status.attempts += u64::from(chunk.attempts);
        status.frames = status.frames.saturating_add(chunk.frames);
        match chunk.state {
            ChunkState::Waiting => {}
            ChunkState::Done => status.done += 1,
            ChunkState::Failed => status.failed.push(FailedChunk::of(index, &chunk)),
            ChunkState::Running => {
                let is_alive = |one: &WorkerStatus| one.name == chunk.worker && one.is_alive();
                if workers.iter().any(is_alive) {
                    status.running.push((index, chunk));
                }
            }
        }
    }
    status.running.sort_by_key(|(index, _)| *index);
    status.failed.sort_by_key(|failed| failed.index);
    let begun = status.done + (status.running.len() + status.failed.len()) as u64;
    status.waiting = status.record.chunks.saturating_sub(begun);
    Ok(Some(status))
}

async fn workers(server: &Server) -> Result<Vec<WorkerStatus>> {
    let mut workers = Vec::new();
    for key in server.workers.keys("worker.*").await? {
        let entry = server.workers.read(&key).await?;
        if let (Some(name), Some(record)) = (key.strip_prefix("worker."), entry.value) {
            workers.push(WorkerStatus { name: name.to_owned(), record, age: entry.age });
        }
    }
    Ok(workers)
}

async fn refused(server: &Server) -> Result<Vec<RefusedRecord>> {
    let mut refused = Vec::new();
    for key in server.jobs.keys("refused.*").await? {
        refused.extend(server.jobs.read(&key).await?.value);
    }
    Ok(refused)
}
