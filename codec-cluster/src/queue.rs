//! The queue: a stream of NATS with one message for each unit of work that is not complete.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context};
use codec_media::failure::Result;

use crate::names::{JobId, STREAM, SUBJECTS, consumer, own_subjects, subject, subjects_of};
use crate::plan::JobPlan;
use crate::runtime::unreachable;

/// Limit of a message in bytes, with its headers; ours hold the key of a chunk.
const MAX_MESSAGE_BYTES: i32 = 1024;
/// Messages that are sent before the server has confirmed the first one.
const IN_FLIGHT: usize = 128;
/// The default time after which a chunk of a worker without a heartbeat is delivered again.
const LEASE: Duration = Duration::from_secs(30);
/// Chunks that workers of a version may encode at the same time.
const MAX_RUNNING: i64 = 1 << 16;

/// The queue of chunks.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    context: Context,
    stream: Stream,
}

impl Queue {
    /// Opens the queue, and creates it if it does not exist.
    pub(crate) async fn open(context: &Context) -> Result<Self> {
        let config = Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECTS.to_owned()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            // A chunk that is in the queue is not added again.
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            max_message_size: MAX_MESSAGE_BYTES,
            ..Config::default()
        };
        let stream = context.get_or_create_stream(config).await.map_err(|error| {
            let help = "help: JetStream must be enabled: start the server with `nats-server -js`";
            unreachable("open the queue", format!("{error}\n{help}"))
        })?;
        Ok(Self { context: context.clone(), stream })
    }

    /// Adds chunks of a job, unless they are in the queue. Returns how many were added.
    pub(crate) async fn add(&self, job: &JobId, plan: &JobPlan, chunks: &[usize]) -> Result<usize> {
        let mut added = 0;
        for some in chunks.chunks(IN_FLIGHT) {
            let mut sent: Vec<PublishAckFuture> = Vec::new();
            for &index in some {
                let body = plan.key(index)?;
                let subject = subject(job, index, plan.machine());
                let message = self.context.publish(subject, body.into()).await;
                sent.push(message.map_err(|error| unreachable("add to the queue", error))?);
            }
            for confirmation in sent {
                match confirmation.await {
                    Ok(_) => added += 1,
                    Err(error) if is_in_queue(&error) => {}
                    Err(error) => return Err(unreachable("add to the queue", error)),
                }
            }
        }
        Ok(added)
    }

    /// Removes all chunks of a job. Returns how many.
    pub(crate) async fn remove(&self, job: &JobId) -> Result<u64> {
        let removed = self.stream.purge().filter(subjects_of(job)).await;
        let removed = removed.map_err(|error| unreachable("remove from the queue", error))?;
        Ok(removed.purged)
    }

    /// The consumer that the workers of this version share, on a kind of machine or on any. With a `lease`, its setting is
    /// changed.
    pub(crate) async fn consumer(
        &self,
        machine: Option<&str>,
        lease: Option<Duration>,
    ) -> Result<PullConsumer> {
        let config = pull::Config {
            durable_name: Some(consumer(machine)),
            filter_subject: own_subjects(machine),
            ack_policy: AckPolicy::Explicit,
            ack_wait: lease.unwrap_or(LEASE),
            // The worker counts, because the server would keep the message in the queue, and no worker would get it.
            max_deliver: -1,
            max_ack_pending: MAX_RUNNING,
            ..pull::Config::default()
        };
        let opened = match lease {
            Some(_) => self.stream.create_consumer(config).await.map_err(|error| error.to_string()),
            None => {
                let name = consumer(machine);
                let opened = self.stream.get_or_create_consumer(&name, config).await;
                opened.map_err(|error| error.to_string())
            }
        };
        opened.map_err(|error| unreachable("read the queue", error))
    }

    /// Whether no worker of this version has, or will get, a chunk.
    pub(crate) async fn is_empty(consumer: &PullConsumer) -> Result<bool> {
        let info = consumer.get_info().await;
        let info = info.map_err(|error| unreachable("read the queue", error))?;
        Ok(info.num_pending == 0 && info.num_ack_pending == 0)
    }
}

/// Whether the server rejected a message because the queue already has one of the same subject.
fn is_in_queue(error: &PublishError) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|cause| cause.to_string().contains("per subject"))
}
