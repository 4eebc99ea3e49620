//! Encodes the chunks of a file on several machines over [NATS JetStream](https://docs.nats.io), which queues the
//! chunks, delivers them again if a worker dies, and stores the state (ADR 0058).
//!
//! A job is a [`ChunkPlan`](codec_media::session::chunks::ChunkPlan). [`submit`] stores it and queues its chunks;
//! [`work`] takes chunks from the queue and encodes them with
//! [`run_chunk`](codec_media::session::chunks::run_chunk) into a folder that all machines share; [`wait`] follows a job
//! until it ends. [`status`] lists jobs and workers, and [`cancel`] stops a job. All functions block; they run a
//! Tokio runtime of their own on the calling thread.
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | connection, credentials, TLS | `server.rs` |
//! | running tasks, waiting | `runtime.rs` |
//! | names of jobs, subjects, streams and buckets | `names.rs` |
//! | the stored state of jobs, chunks and workers | `record.rs`, `bucket.rs` |
//! | the queue: stream, consumer, publishing | `queue.rs` |
//! | submitting, waiting, cancelling, listing | `submit.rs`, `wait.rs`, `cancel.rs`, `status.rs` |
//! | a worker, and one chunk of it | `worker/` |

#![forbid(unsafe_code)]

mod bucket;
mod cancel;
mod names;
mod queue;
mod record;
mod runtime;
mod server;
mod status;
mod submit;
mod wait;
mod worker;

pub use cancel::cancel;
pub use names::JobId;
pub use record::{ChunkRecord, ChunkState, JobRecord, RefusedRecord, RunningChunk, WorkerRecord};
pub use server::{ServerOptions, check};
pub use status::{ClusterStatus, JobStatus, WorkerStatus, status};
pub use submit::{Submitted, submit};
pub use wait::{FailedChunk, wait};
pub use worker::{Resolve, Worked, WorkerOptions, work};
