//! Distributes jobs over several machines through a NATS server, and passes the messages of rooms between several
//! servers of `codec serve` ([`RoomBus`]).
//!
//! There are two kinds of jobs: encoding the chunks of a file, and measuring the rate-distortion points of a study (an
//! encoder comparison). [NATS JetStream](https://docs.nats.io) queues the jobs, delivers their work
//! again if a worker dies, and stores their state (ADR 0058, 0060).
//!
//! A job is a [`JobPlan`]: chunks, or points of a study. [`submit`] stores it and queues its units of work. [`work`]
//! takes units from the queue: it encodes chunks with [`run_chunk`](codec_media::session::chunks::run_chunk) into a
//! folder that all machines share, and measures points with a function that the caller passes in. [`wait`] follows a
//! job until it ends. [`status`] lists jobs and workers, and [`cancel`] stops a job. Where these docs speak of chunks,
//! the same applies to the points of a study.
//!
//! All functions block, and run a Tokio runtime of their own on the calling thread. A [`RoomBus`] connects on
//! the calling thread, and then passes messages on a thread of its own.
//!
//! # Modules
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | connection, credentials, TLS | `server.rs` |
//! | running tasks, waiting | `runtime.rs` |
//! | names of jobs, subjects, streams and buckets | `names.rs` |
//! | plans of jobs: both kinds; points of a study | `plan.rs`, `points.rs` |
//! | the stored state of jobs, chunks and workers | `record.rs`, `bucket.rs` |
//! | the queue: stream, consumer, publishing | `queue.rs` |
//! | submitting, waiting, cancelling, listing | `submit.rs`, `wait.rs`, `cancel.rs`, `status.rs` |
//! | a worker, and its work on one unit | `worker/` |
//! | rooms of `codec serve` on several nodes (ADR 0067): messages between the nodes | `rooms.rs` |

#![forbid(unsafe_code)]

mod bucket;
mod cancel;
mod names;
mod plan;
mod points;
mod queue;
mod record;
mod rooms;
mod runtime;
mod server;
mod status;
mod submit;
mod wait;
mod worker;

pub use cancel::cancel;
pub use names::JobId;
pub use plan::JobPlan;
pub use points::{PlannedUnit, PointPlan};
pub use record::{
    ChunkRecord, ChunkState, JobRecord, RefusedRecord, RunningChunk, Unit, WorkerRecord,
};
pub use rooms::RoomBus;
pub use server::{ServerOptions, check};
pub use status::{ClusterStatus, JobStatus, WorkerStatus, status};
pub use submit::{Submitted, submit};
pub use wait::{FailedChunk, wait};
pub use worker::{Handlers, Measure, Resolve, Worked, WorkerOptions, work};
