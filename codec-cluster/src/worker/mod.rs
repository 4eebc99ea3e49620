//! A worker: takes chunks from the queue and encodes them, or measures points.

mod alone;
mod answer;
mod claim;
mod encode;
mod task;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::remote::{is_url, without_query};
use codec_media::session::chunks::{ChunkPlan, VERSION, run_chunk};
use codec_media::settings::encoding::Encoding;
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};

use crate::plan::JobPlan;
use crate::points::PointPlan;
use crate::queue::Queue;
use crate::record::{RunningChunk, WorkerRecord};
use crate::runtime::{block_on, pause, unreachable};
use crate::server::{Server, ServerOptions};

use alone::alone;
use encode::Task;
use task::Outcome;

/// Timeout of a request for a chunk.
const REQUEST: Duration = Duration::from_secs(2);
/// Timeout of a request for a chunk of a worker that ends when the queue is empty.
const LAST_REQUEST: Duration = Duration::from_millis(500);
/// How often a worker sends a heartbeat.
const REPORT: Duration = Duration::from_secs(5);
/// How long a worker pauses after its first failure; the time doubles with each further one. A machine that cannot
/// encode thus leaves the chunks to others.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Options of a worker.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Folder of the results, which all machines share; it is created.
    pub folder: PathBuf,
    /// Number of chunks that are encoded at a time, from 1.
    pub jobs: usize,
    /// Whether to end when the queue is empty.
    pub drain: bool,
    /// Limit of the attempts to encode a chunk, from 1.
    pub attempts: u32,
    /// Time after which a chunk of a worker without a heartbeat is given to another one. `None` keeps the setting
    /// of the queue, which is 30 seconds at first.
    pub lease: Option<Duration>,
    /// Folder that all inputs must be in; relative names begin there.
    pub root: Option<PathBuf>,
    /// This machine, on which measured times depend.
    pub machine: String,
}

impl WorkerOptions {
    /// The path of an input, which must be in the root folder if there is one.
    ///
    /// # Errors
    /// If it is not.
    pub fn locate(&self, path: &Path) -> Result<PathBuf> {
        match &self.root {
            Some(root) if is_url(path) => {
                let (url, root) = (without_query(path).display(), root.display());
                let message = format!("the input {url} is not in {root}, where inputs must be");
                Err(Failure::usage(message))
            }
            Some(root) => inside(root, path),
            None => Ok(path.to_owned()),
        }
    }
}

/// Measures the unit of a study with this number and writes the results into a folder; returns `false` if they existed
/// already.
pub type Measure = Arc<dyn Fn(&PointPlan, usize, &Path, &Env) -> Result<bool> + Send + Sync>;

/// The work that the caller does.
pub struct Handlers<'a> {
    /// Computes the settings of a plan of chunks.
    pub resolve: Resolve<'a>,
    /// Measures points.
    pub measure: Measure,
}

impl fmt::Debug for Handlers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

/// Computes the settings of a plan from its arguments.
pub type Resolve<'a> = &'a dyn Fn(&ChunkPlan) -> Result<Encoding>;

/// The totals of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Chunks that were encoded.
    pub encoded: usize,
    /// Units of studies that were measured: points, or clips if times are measured.
    pub measured: usize,
    /// Units whose results existed already.
    pub skipped: usize,
    /// Attempts that failed.
    pub failed: usize,
}

/// Encodes chunks and measures points of all jobs of this version until a stop is requested or, with
/// [`WorkerOptions::drain`], the queue is empty. Errors of units are stored, and [`wait`](crate::wait()) reports them.
/// Units whose times are measured run alone.
///
/// # Errors
/// If the server cannot be reached at the start, or the folder cannot be created.
pub fn work(
    server: &ServerOptions,
    options: &WorkerOptions,
    handlers: &Handlers<'_>,
    env: &Env,
) -> Result<Worked> {
    env.stop.handle_requests();
    std::fs::create_dir_all(&options.folder)
        .map_err(|error| Failure::output(&options.folder.display().to_string(), error))?;
    block_on(async {
        let server = Server::connect(server, env).await?;
        let worked = run(&server, options, handlers, env).await;
        server.close().await;
        worked
    })
}

/// A worker, shared by the chunks that it encodes.
struct Worker<'a> {
    server: &'a Server,
    /// The queue of chunks and points, and the queue of units whose times are measured.
    consumers: [RefCell<PullConsumer>; 2],
    options: &'a WorkerOptions,
    handlers: &'a Handlers<'a>,
    /// One for each unit that may run at a time; a unit whose times are measured takes all of them.
    permits: Semaphore,
    env: &'a Env,
    name: String,
    /// Time after which a chunk without a heartbeat is given to another worker.
    lease: Duration,
    running: RefCell<Vec<Option<RunningChunk>>>,
    /// Changes when the state of any job changes.
    job_changes: watch::Receiver<u64>,
    worked: Cell<Worked>,
}

async fn run(
    server: &Server,
    options: &WorkerOptions,
    handlers: &Handlers<'_>,
    env: &Env,
) -> Result<Worked> {
    let consumer = server.queue.consumer(None, options.lease).await?;
    let timed = server.queue.consumer(Some(&options.machine), options.lease).await?;
    let jobs = options.jobs.max(1);
    let pattern = format!("{}job.*", server.jobs.0.prefix);
    let changes = server.client.subscribe(pattern).await;
    let mut changes = changes.map_err(|error| unreachable("watch the jobs", error))?;
    let (changed, job_changes) = watch::channel(0);
    let worker = Worker {
        server,
        lease: consumer.cached_info().config.ack_wait.max(Duration::from_millis(300)),
        consumers: [RefCell::new(consumer), RefCell::new(timed)],
        options,
        handlers,
        permits: Semaphore::new(jobs),
        env,
        name: name(server),
        running: RefCell::new(vec![None; jobs + 1]),
        job_changes,
        worked: Cell::default(),
    };
    worker.report().await?;
    env.events.note(format!("worker {}: waiting for jobs of codec version {VERSION}", worker.name));
    let slots = join_all((0..=jobs).map(|slot| worker.slot(slot)));
    let watching = async {
        while changes.next().await.is_some() {
            changed.send_modify(|count| *count += 1);
        }
        std::future::pending::<()>().await;
    };
    let reporting = async {
        loop {
            tokio::time::sleep(REPORT).await;
            if let Err(failure) = worker.report().await {
                env.events.detail(failure.message);
            }
        }
    };
    tokio::select! {
        _ = slots => {}
        () = watching => {}
        () = reporting => {}
    }
    // It would be listed for a while.
    let _ = server.workers.remove(&worker.key()).await;
    Ok(worker.worked.get())
}

impl Worker<'_> {
    fn key(&self) -> String {
        format!("worker.{}", self.name)
    }

    /// Sends a heartbeat.
    async fn report(&self) -> Result<()> {
        let record = WorkerRecord {
            version: VERSION.to_owned(),
            simd: self.env.level.name().to_owned(),
            machine: self.options.machine.clone(),
            jobs: self.options.jobs as u64,
            running: self.running.borrow().iter().flatten().cloned().collect(),
        };
        self.server.workers.write(&self.key(), &record).await
    }

    /// Notes the chunk that a slot encodes.
    fn set_running(&self, slot: usize, chunk: Option<RunningChunk>) {
        if let Some(running) = self.running.borrow_mut().get_mut(slot) {
            *running = chunk;
        }
    }

    /// Whether a slot is the one of units whose times are measured.
    fn is_timed(&self, slot: usize) -> bool {
        slot == self.options.jobs.max(1)
    }

    fn consumer(&self, slot: usize) -> &RefCell<PullConsumer> {
        &self.consumers[usize::from(self.is_timed(slot))]
    }

    /// Completes one unit after another.
    async fn slot(&self, slot: usize) {
        let mut failures = 0;
        while !self.env.stop.is_requested() {
            match self.step(slot).await {
                Ok(Step::Worked(outcome)) => {
                    self.count(outcome);
                    failures = if outcome == Outcome::Failed { failures + 1 } else { 0 };
                    if failures > 0 {
                        let pause_time = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(8));
                        pause(pause_time.min(LONGEST_PAUSE), &self.env.stop).await;
                    }
                }
                Ok(Step::Idle) => {}
                Ok(Step::Finished) => return,
                Err(failure) => {
                    // The client connects again.
                    self.env.events.detail(failure.message);
                    pause(FIRST_PAUSE, &self.env.stop).await;
                    self.reopen(slot).await;
                }
            }
        }
    }

    async fn step(&self, slot: usize) -> Result<Step> {
        // A unit whose times are measured waits for the others with its message, so that they do not pause in vain.
        let mut permit = match self.is_timed(slot) {
            false => Some(self.permits.acquire().await.map_err(Failure::internal)?),
            true => None,
        };
        let Some(message) = self.next(slot).await? else {
            let consumer = self.consumer(slot).borrow().clone();
            let is_finished = self.options.drain && Queue::is_empty(&consumer).await?;
            return Ok(if is_finished { Step::Finished } else { Step::Idle });
        };
        if self.is_timed(slot) {
            permit = Some(alone(self, &message).await?);
        }
        let outcome = task::run(self, slot, &message).await;
        drop(permit);
        self.set_running(slot, None);
        // The list of workers is less important than the work.
        let _ = self.report().await;
        outcome.map(Step::Worked)
    }

    /// The next chunk, if one comes in time. A request that was sent is always waited for, because a chunk that comes
    /// later would be lost until the end of its lease.
    async fn next(&self, slot: usize) -> Result<Option<Message>> {
        let consumer = self.consumer(slot).borrow().clone();
        let failed = |error: &dyn fmt::Display| unreachable("read the queue", error);
        let expires = if self.options.drain { LAST_REQUEST } else { REQUEST };
        let batch = consumer.batch().max_messages(1).expires(expires).messages().await;
        let mut batch = batch.map_err(|error| failed(&error))?;
        batch.next().await.transpose().map_err(|error| failed(&error))
    }

    /// Creates the queue again, if the server has lost it.
    async fn reopen(&self, slot: usize) {
        let machine = self.is_timed(slot).then_some(self.options.machine.as_str());
        if let Ok(consumer) = self.server.queue.consumer(machine, self.options.lease).await {
            self.consumer(slot).replace(consumer);
        }
    }

    fn count(&self, outcome: Outcome) {
        let mut worked = self.worked.get();
        match outcome {
            Outcome::Encoded => worked.encoded += 1,
            Outcome::Measured => worked.measured += 1,
            Outcome::Existed => worked.skipped += 1,
            Outcome::Failed => worked.failed += 1,
            Outcome::Left => {}
        }
        self.worked.set(worked);
    }

    /// The work of a unit.
    fn task(&self, plan: &Arc<JobPlan>, index: usize) -> Result<Task> {
        let (folder, plan) = (self.options.folder.clone(), Arc::clone(plan));
        let settings = match &*plan {
            JobPlan::Chunks(plan) => Some(self.settings(plan)?),
            JobPlan::Points(_) => None,
        };
        let measure = Arc::clone(&self.handlers.measure);
        Ok(Box::new(move |env| match (&*plan, &settings) {
            (JobPlan::Chunks(plan), Some(settings)) => {
                run_chunk(settings, plan, index, &folder, env)
            }
            (JobPlan::Points(plan), _) => measure(plan, index, &folder, env),
            (JobPlan::Chunks(_), None) => Err(Failure::internal("a plan without settings")),
        }))
    }

    /// The settings of a plan, with the input inside the root folder.
    fn settings(&self, plan: &ChunkPlan) -> Result<Encoding> {
        let mut settings = (self.handlers.resolve)(plan)?;
        settings.input.path = self.options.locate(&settings.input.path)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        settings.threads = Some((cores / self.options.jobs.max(1)).max(1));
        Ok(settings)
    }
}

enum Step {
    Worked(Outcome),
    Idle,
    Finished,
}

/// The path of an input inside `root`.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let outside = || {
        let (path, root) = (path.display(), root.display());
        Failure::usage(format!("the input {path} is not in {root}, where inputs must be"))
    };
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(outside());
    }
    let cannot_open = |path: &Path, error| {
        Failure::new(Kind::Input, format!("cannot open {}: {error}", path.display()))
    };
    let resolved_root = root.canonicalize().map_err(|error| cannot_open(root, error))?;
    let path = root.join(path);
    // The names of image sequences are patterns.
    let folder = path.parent().unwrap_or(root);
    let folder = folder.canonicalize().map_err(|error| cannot_open(&path, error))?;
    let is_inside = folder.starts_with(&resolved_root)
        && path.canonicalize().map_or(true, |path| path.starts_with(&resolved_root));
    if is_inside { Ok(path) } else { Err(outside()) }
}

/// A name that no other worker has: the name of the machine, and a random part.
fn name(server: &Server) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let machine = machine.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let machine: String = machine.trim().chars().take(40).map(plain).collect();
    let machine = if machine.is_empty() { "worker" } else { &machine };
    let random = server.client.new_inbox();
    let random = random.rsplit('.').next().unwrap_or_default();
    let random: String = random.chars().rev().take(8).collect();
    format!("{machine}-{}-{random}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_outside_of_the_root_folder_are_rejected() {
        let base = std::env::temp_dir().join(format!("codec-cluster-root-{}", std::process::id()));
        let root = base.join("root");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(root.join("a/in.mkv"), b"").unwrap();
        std::fs::write(base.join("other.mkv"), b"").unwrap();
        let found = inside(&root, Path::new("a/in.mkv")).unwrap();
        assert_eq!(found, root.join("a/in.mkv"));
        assert!(inside(&root, &root.join("a/in.mkv")).is_ok());
        assert!(inside(&root, Path::new("a/f-%d.png")).is_ok());
        let mut outside = vec![base.join("other.mkv"), "../other.mkv".into(), "/etc/passwd".into()];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(base.join("other.mkv"), root.join("link.mkv")).unwrap();
            outside.push("link.mkv".into());
        }
        for path in outside {
            let failure = inside(&root, &path).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage, "{}", path.display());
        }
        assert_eq!(inside(&root, Path::new("none/in.mkv")).unwrap_err().kind, Kind::Input);
        std::fs::remove_dir_all(base).unwrap();
    }
}
