//! Lets a unit of work whose times are measured run alone on its worker: waits until the other work
//! of the worker has ended, and starts no more until the unit has ended.

use async_nats::jetstream::{AckKind, Message};
use codec_media::failure::{Failure, Result};
use tokio::sync::SemaphorePermit;
use tokio::time::{MissedTickBehavior, interval};

use super::Worker;

/// Waits until this worker has no other work, and sends heartbeats meanwhile. No other work begins until the permit is
/// dropped.
pub(super) async fn alone<'a>(
    worker: &'a Worker<'_>,
    message: &Message,
) -> Result<SemaphorePermit<'a>> {
    let jobs = u32::try_from(worker.options.jobs.max(1)).map_err(Failure::internal)?;
    // The permits are given in the order of the requests, so no other work begins meanwhile.
    let all = worker.permits.acquire_many(jobs);
    tokio::pin!(all);
    let mut beat = interval(worker.lease / 3);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            permit = &mut all => return permit.map_err(Failure::internal),
            // A heartbeat that is lost is followed by another one.
            _ = beat.tick() => drop(message.ack_with(AckKind::Progress).await),
        }
    }
}
