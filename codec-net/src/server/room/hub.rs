//! All streams of the server.

use std::fmt;
use std::sync::Arc;

use super::super::limits::Limits;
use super::super::outcome::{EndReason, Rejection};
use super::owner::Owner;
use super::publisher::Publisher;
use super::registry::Registry;
use super::stream::{RequestKeyFrame, Stream, StreamHooks, StreamInfo};
use crate::clock::Clock;

/// Maximum length of a stream name.
const MAX_NAME_BYTES: usize = 64;

/// The streams.
pub struct Hub {
    clock: Clock,
    limits: Limits,
    registry: Arc<Registry>,
    hooks: Arc<StreamHooks>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.streams()).finish()
    }
}

/// Whether a stream name is valid: letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
}

impl Hub {
    /// Creates a hub without streams.
    #[must_use]
    pub fn new(clock: Clock, limits: Limits, hooks: StreamHooks) -> Self {
        let registry = Arc::new(Registry::new(limits.publisher_return_timeout));
        Self { clock, limits, registry, hooks: Arc::new(hooks) }
    }

    /// The clock of the server.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Starts a stream.
    ///
    /// # Errors
    ///
    /// [`Rejection::NameInUse`], [`Rejection::LimitReached`], [`Rejection::ShuttingDown`], or [`Rejection::BadRequest`] for an
    /// invalid name.
    pub fn publish(
        self: &Arc<Self>,
        name: &str,
        info: StreamInfo,
        request_key_frame: RequestKeyFrame,
    ) -> Result<Publisher, Rejection> {
        self.begin(name, info, request_key_frame, None)
    }

    /// Starts a stream, or takes over a stream of a publisher with the same owner: its viewers
    /// stay.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Self::publish`]; [`Rejection::NameInUse`] if the stream belongs to another owner.
    pub fn claim(
        self: &Arc<Self>,
        name: &str,
        info: StreamInfo,
        request_key_frame: RequestKeyFrame,
        owner: Owner,
    ) -> Result<Publisher, Rejection> {
        self.begin(name, info, request_key_frame, Some(owner))
    }

    fn begin(
        self: &Arc<Self>,
        name: &str,
        info: StreamInfo,
        request_key_frame: RequestKeyFrame,
        owner: Option<Owner>,
    ) -> Result<Publisher, Rejection> {
        if !is_name(name) {
            return Err(Rejection::BadRequest(format!(
                "invalid stream name {:?}: expected up to {MAX_NAME_BYTES} letters, digits, - _ .",
                name.chars().take(80).collect::<String>()
            )));
        }
        let mut streams = self.registry.streams();
        if self.registry.is_closed() {
            return Err(Rejection::ShuttingDown);
        }
        if let Some(stream) = streams.get(name).map(Arc::clone) {
            let busy = || Rejection::NameInUse(name.to_owned());
            let owner = owner.filter(|owner| stream.belongs_to(owner)).ok_or_else(busy)?;
            let (generation, replaced) = stream.take_over(info, request_key_frame, owner);
            drop(streams);
            if let Some(replaced) = replaced {
                (replaced.end)(EndReason::Replaced);
            }
            return Ok(Publisher::new(&self.registry, stream, generation));
        }
        if streams.len() >= self.limits.streams {
            return Err(Rejection::LimitReached("streams"));
        }
        let stream = Arc::new(Stream::new(
            name,
            info,
            self.clock,
            self.limits,
            request_key_frame,
            owner,
            Arc::clone(&self.hooks),
        ));
        streams.insert(name.to_owned(), Arc::clone(&stream));
        drop(streams);
        (self.hooks.on_publish)(&stream);
        Ok(Publisher::new(&self.registry, stream, 1))
    }

    /// Finds the stream of that name.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoStream`].
    pub fn find(&self, name: &str) -> Result<Arc<Stream>, Rejection> {
        let found = self.registry.streams().get(name).map(Arc::clone);
        found.ok_or_else(|| Rejection::NoStream(name.chars().take(80).collect()))
    }

    /// All streams sorted by name.
    #[must_use]
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        self.registry.streams().values().map(Arc::clone).collect()
    }

    /// Ends streams whose publisher has not returned in time.
    pub(in super::super) fn expire(&self) {
        self.registry.end_waiting(Some(self.clock.now()), &EndReason::PublisherEnded);
    }

    /// Ends all streams that wait for a publisher.
    pub(in super::super) fn end_all_waiting(&self, reason: &EndReason) {
        self.registry.end_waiting(None, reason);
    }

    /// Ends all streams and rejects others. Publishers get `reason` when they send.
    pub(in super::super) fn close(&self, reason: &EndReason) {
        self.registry.close(reason);
    }
}
