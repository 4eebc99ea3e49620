//! Webhooks: HTTP requests that report events of the server to a program of its operator, in order.
//! A separate thread sends them.
//!
//! A request is a POST of JSON, signed as in Standard Webhooks 1.0.0 (standardwebhooks.com), for which
//! there are libraries in many languages. `webhook-id` is the same in each attempt of a delivery, so
//! that a receiver can discard duplicates, and `webhook-timestamp` is the time of the attempt, so that
//! it can discard replays.
//!
//! | module | |
//! |---|---|
//! | `config` | URL and secret |
//! | `event` | events, and their JSON |
//! | `signature` | the secret, and signatures by it |
//! | `queue` | events that wait: order, retries, limits, counts |
//! | `worker` | the thread, and its HTTP client |

mod config;
mod event;
mod queue;
mod signature;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

pub use config::{WebhookConfig, WebhookError};
pub(super) use event::Event;
pub(super) use queue::Counts;

use super::health::Health;
use worker::Shared;

/// How long events that wait are delivered after the server was stopped.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The sender of events; without a configuration, it drops them. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Webhooks(Option<Arc<Shared>>);

impl Webhooks {
    /// Queues an event. It never waits: if the queue is full, the event is dropped and counted.
    pub(super) fn send(&self, event: &Event) {
        if let Some(shared) = &self.0 {
            shared.push(event, SystemTime::now());
        }
    }

    /// The numbers of events so far, by outcome; `None` if there are no webhooks.
    pub(super) fn counts(&self) -> Option<Counts> {
        self.0.as_ref().map(|shared| shared.counts())
    }
}

/// The thread that delivers events.
#[derive(Debug)]
pub(super) struct WebhookThread {
    webhooks: Webhooks,
    thread: Option<JoinHandle<()>>,
}

impl WebhookThread {
    /// Starts the thread, if there is a configuration.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub(super) fn start(config: Option<WebhookConfig>, health: Arc<Health>) -> io::Result<Self> {
        let Some(config) = config else { return Ok(Self::none()) };
        let shared = Arc::new(Shared::new(health));
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("webhooks".to_owned())
            .spawn(move || worker::run(&worker, &config))?;
        Ok(Self { webhooks: Webhooks(Some(shared)), thread: Some(thread) })
    }

    fn none() -> Self {
        Self { webhooks: Webhooks(None), thread: None }
    }

    /// The sender of events.
    pub(super) fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// Delivers what waits, for a limited time, and ends the thread.
    pub(super) fn stop(&mut self) {
        if let Some(shared) = &self.webhooks.0 {
            shared.stop(SHUTDOWN_GRACE);
        }
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

impl Drop for WebhookThread {
    fn drop(&mut self) {
        self.stop();
    }
}
