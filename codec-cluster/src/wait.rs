//! Follows a job until it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::progress::{Now, Progress};
use codec_media::session::chunks::VERSION;
use futures_util::StreamExt;
use futures_util::stream::select;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::names::{JobId, index_of};
use crate::plan::JobPlan;
use crate::record::{ChunkRecord, ChunkState, JobRecord, WorkerRecord};
use crate::runtime::{block_on, stopped, unreachable};
use crate::server::{Server, ServerOptions};
use crate::submit::longest_first;

/// How often the whole state is read: changes are also sent, but may be lost.
const READ_EVERY: Duration = Duration::from_secs(5);
/// Chunks are added to the queue again if nothing has changed for this time.
const STUCK: Duration = Duration::from_secs(60);
/// A worker without a heartbeat for this time does not count.
pub(crate) const ALIVE: Duration = Duration::from_secs(30);

/// A chunk that failed too often.
#[derive(Clone, Debug)]
pub struct FailedChunk {
    /// Its number, from 0.
    pub index: usize,
    /// How often workers tried it.
    pub attempts: u32,
    /// The kind of the last error.
    pub kind: Kind,
    /// The last error.
    pub error: String,
}

impl FailedChunk {
    pub(crate) fn of(index: usize, record: &ChunkRecord) -> Self {
        let error = record.error.clone().unwrap_or_default();
        Self { index, attempts: record.attempts, kind: record.kind(), error }
    }
}

/// Waits until all chunks of a job are complete or have failed too often, and reports the progress. Returns the chunks
/// that failed. If a stop is requested, this function returns and the workers continue the job.
///
/// # Errors
/// If the server cannot be reached at the start, the job was cancelled, or a stop is requested
/// ([`Kind::Interrupted`]).
pub fn wait(server: &ServerOptions, plan: &JobPlan, env: &Env) -> Result<Vec<FailedChunk>> {
    env.stop.handle_requests();
    block_on(async {
        let server = Server::connect(server, env).await?;
        let records = vec![None; plan.count()];
        let mut waiting = Waiting {
            server: &server,
            job: JobId::of(plan)?,
            plan,
            env,
            progress: env.events.progress(Some(plan.frames()), plan.frame_rate()),
            records,
            frames: 0,
            warned: BTreeSet::new(),
            changed: Instant::now(),
        };
        let ended = waiting.run().await;
        server.close().await;
        ended
    })
}

struct Waiting<'a> {
    server: &'a Server,
    job: JobId,
    plan: &'a JobPlan,
    env: &'a Env,
    progress: Progress,
    records: Vec<Option<ChunkRecord>>,
    /// Number of encoded frames that was shown.
    frames: u64,
    /// Chunks and attempts whose errors were reported; `None` for missing workers.
    warned: BTreeSet<Option<(usize, u32)>>,
    /// When the state changed last.
    changed: Instant,
}

impl Waiting<'_> {
    async fn run(&mut self) -> Result<Vec<FailedChunk>> {
        let prefix = &self.server.jobs.0.prefix;
        let client = &self.server.client;
        let chunks = client.subscribe(format!("{prefix}{}", self.job.chunk_key_pattern())).await;
        let job = client.subscribe(format!("{prefix}{}", self.job.key())).await;
        let failed = |error| unreachable("follow the job", error);
        let mut changes = select(chunks.map_err(failed)?, job.map_err(failed)?);
        self.read_all().await?;
        if !self.is_ended() {
            self.check_workers().await?;
        }
        let mut reading = interval(READ_EVERY);
        reading.set_missed_tick_behavior(MissedTickBehavior::Delay);
        reading.reset();
        loop {
            if self.is_ended() {
                return Ok(self.failed());
            }
            tokio::select! {
                () = stopped(&self.env.stop) => return Err(self.interrupted()),
                change = changes.next() => match change.map(|change| change.subject.to_string()) {
                    Some(subject) if subject.ends_with(&self.job.key()) => {
                        self.check_cancelled().await?;
                    }
                    Some(subject) => {
                        // The message may be old; the state is read.
                        if let Some(index) = index_of(&subject) {
                            let read = self.read(index).await;
                            self.tolerate(read)?;
                        }
                    }
                    None => return Err(unreachable("follow the job", "the connection was closed")),
                },
                _ = reading.tick() => {
                    let read = self.read_again().await;
                    self.tolerate(read)?;
                }
            }
        }
    }

    /// Whether a chunk is complete or has failed.
    fn has_ended(&self, index: usize) -> bool {
        let record = self.records.get(index).and_then(Option::as_ref);
        let ended = [ChunkState::Done, ChunkState::Failed];
        record.is_some_and(|record| ended.contains(&record.state))
    }

    fn is_ended(&self) -> bool {
        (0..self.records.len()).all(|index| self.has_ended(index))
    }

    /// Ignores a network error: the client reconnects, and the state is read again later.
    fn tolerate(&self, read: Result<()>) -> Result<()> {
        match read {
            Err(failure) if failure.kind == Kind::Network => {
                self.env.events.detail(failure.message);
                Ok(())
            }
            read => read,
        }
    }

    async fn read_again(&mut self) -> Result<()> {
        self.check_cancelled().await?;
        self.read_all().await?;
        self.check_workers().await?;
        if self.changed.elapsed() > STUCK {
            self.changed = Instant::now();
            let open: Vec<usize> =
                (0..self.records.len()).filter(|index| !self.has_ended(*index)).collect();
            let order = longest_first(self.plan, &open);
            self.server.queue.add(&self.job, self.plan, &order).await?;
        }
        Ok(())
    }

    async fn read_all(&mut self) -> Result<()> {
        for index in 0..self.records.len() {
            let state = self.records[index].as_ref().map(|record| record.state);
            if state != Some(ChunkState::Done) {
                self.read(index).await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, index: usize) -> Result<()> {
        if index >= self.records.len() {
            return Ok(());
        }
        let entry = self.server.jobs.read::<ChunkRecord>(&self.job.chunk_key(index)).await?;
        let Some(mut record) = entry.value else {
            self.records[index] = None;
            return Ok(());
        };
        if record.state == ChunkState::Done {
            record.frames = self.plan.frames_of(index);
        }
        let before = self.records[index].as_ref();
        if before.is_none_or(|before| {
            (before.state, before.frames, before.attempts)
                != (record.state, record.frames, record.attempts)
        }) {
            self.changed = Instant::now();
        }
        let is_new = record.state == ChunkState::Waiting
            && record.error.is_some()
            && self.warned.insert(Some((index, record.attempts)));
        if is_new {
            let error = record.error.as_deref().unwrap_or_default();
            let error = error.lines().next().unwrap_or_default();
            let (worker, attempt, unit) =
                (&record.worker, record.attempts, self.plan.unit().name());
            self.env
                .events
                .warn(format!("{unit} {index}: attempt {attempt} failed on {worker}: {error}"));
        }
        self.records[index] = Some(record);
        // A chunk that another worker begins again loses its frames; the progress does not go back.
        let frames = self.records.iter().flatten().map(|record| record.frames).sum();
        self.frames = self.frames.max(frames).min(self.plan.frames());
        self.progress.update(&Now { frames: self.frames, ..Now::default() });
        Ok(())
    }

    async fn check_cancelled(&self) -> Result<()> {
        let entry = self.server.jobs.read::<JobRecord>(&self.job.key()).await?;
        if entry.value.is_some_and(|record| record.is_cancelled) {
            let help = "help: submit it again to continue";
            let message = format!("the job {} was cancelled\n{help}", self.job);
            return Err(Failure::new(Kind::Interrupted, message));
        }
        Ok(())
    }

    /// Warns if there is no worker that can complete the job.
    async fn check_workers(&mut self) -> Result<()> {
        if self.warned.contains(&None) {
            return Ok(());
        }
        let mut others = 0;
        for key in self.server.workers.keys("worker.*").await? {
            let entry = self.server.workers.read::<WorkerRecord>(&key).await?;
            match entry.value.filter(|_| entry.age < ALIVE) {
                Some(worker) if self.is_able(&worker) => return Ok(()),
                worker => others += usize::from(worker.is_some()),
            }
        }
        self.warned.insert(None);
        let (machine, other) = match self.plan.machine() {
            Some(machine) => (format!(" on {machine}"), "another version or machine"),
            None => (String::new(), "another version"),
        };
        let others = match others {
            0 => String::new(),
            others => format!(", only {} of {other}", counted(others as u64, "worker")),
        };
        self.env.events.warn(format!(
            "no worker of version {VERSION}{machine} is connected{others}; the job waits for one\n\
             help: start one with `codec cluster worker`"
        ));
        Ok(())
    }

    fn is_able(&self, worker: &WorkerRecord) -> bool {
        let needed = self.plan.machine();
        worker.version == VERSION && needed.is_none_or(|machine| machine == worker.machine)
    }

    fn failed(&self) -> Vec<FailedChunk> {
        let records = self.records.iter().enumerate();
        let failed = records.filter_map(|(index, record)| {
            let record = record.as_ref().filter(|record| record.state == ChunkState::Failed)?;
            Some(FailedChunk::of(index, record))
        });
        failed.collect()
    }

    fn interrupted(&self) -> Failure {
        let job = &self.job;
        let help = format!(
            "help: the same command follows it again; `codec cluster cancel {job}` stops it"
        );
        let message = format!("interrupted: the job {job} goes on\n{help}");
        Failure::new(Kind::Interrupted, message)
    }
}
