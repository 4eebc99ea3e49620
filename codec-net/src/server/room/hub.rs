//! All streams of the server.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::limits::Limits;
use super::super::outcome::{EndReason, Refusal};
use super::super::small::Permits;
use super::locked;
use super::publisher::{AskKey, Owner, Publisher};
use super::stream::{About, Stream};
use crate::clock::Clock;

/// Maximum length of a stream name.
const MAX_NAME_BYTES: usize = 64;

/// Called for each stream that starts.
pub type OnPublish = Box<dyn Fn(&Arc<Stream>) + Send + Sync>;

/// The streams.
pub struct Hub {
    clock: Clock,
    limits: Limits,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
    small: Permits,
    on_publish: OnPublish,
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
    pub fn new(clock: Clock, limits: Limits) -> Self {
        Self::with(clock, limits, Box::new(|_| {}))
    }

    /// Creates a hub without streams; `on_publish` is called for each stream that starts.
    #[must_use]
    pub fn with(clock: Clock, limits: Limits, on_publish: OnPublish) -> Self {
        Self { clock, limits, streams: Mutex::default(), small: Permits::default(), on_publish }
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
    /// [`Refusal::Busy`], [`Refusal::Full`], or [`Refusal::Bad`] for an invalid name.
    pub fn publish(
        self: &Arc<Self>,
        name: &str,
        about: About,
        ask_key: AskKey,
    ) -> Result<Publisher, Refusal> {
        self.begin(name, about, ask_key, None)
    }

    /// Starts a stream, or takes over a stream of a publisher with the same owner: its viewers
    /// stay.
    ///
    /// # Errors
    ///
    /// As for [`Self::publish`]; [`Refusal::Busy`] if the stream belongs to another owner.
    pub fn claim(
        self: &Arc<Self>,
        name: &str,
        about: About,
        ask_key: AskKey,
        owner: Owner,
    ) -> Result<Publisher, Refusal> {
        self.begin(name, about, ask_key, Some(owner))
    }

    fn begin(
        self: &Arc<Self>,
        name: &str,
        about: About,
        ask_key: AskKey,
        owner: Option<Owner>,
    ) -> Result<Publisher, Refusal> {
        if !is_name(name) {
            return Err(Refusal::Bad(format!(
                "invalid stream name {:?}: expected up to {MAX_NAME_BYTES} letters, digits, - _ .",
                name.chars().take(80).collect::<String>()
            )));
        }
        let mut streams = locked(&self.streams);
        if let Some(stream) = streams.get(name).map(Arc::clone) {
            let busy = || Refusal::Busy(name.to_owned());
            let owner = owner.filter(|owner| stream.is_of(owner)).ok_or_else(busy)?;
            let (turn, replaced) = stream.take_over(about, ask_key, owner);
            drop(streams);
            if let Some(replaced) = replaced {
                (replaced.end)(EndReason::Replaced);
            }
            return Ok(Publisher::new(self, stream, turn));
        }
        if streams.len() >= self.limits.streams {
            return Err(Refusal::Full("streams"));
        }
        let stream = Arc::new(Stream::new(
            name,
            about,
            self.clock,
            self.limits,
            ask_key,
            owner,
            self.small.clone(),
        ));
        streams.insert(name.to_owned(), Arc::clone(&stream));
        drop(streams);
        (self.on_publish)(&stream);
        Ok(Publisher::new(self, stream, 1))
    }

    /// Finds the stream of that name.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoStream`].
    pub fn find(&self, name: &str) -> Result<Arc<Stream>, Refusal> {
        let found = locked(&self.streams).get(name).map(Arc::clone);
        found.ok_or_else(|| Refusal::NoStream(name.chars().take(80).collect()))
    }

    /// All streams sorted by name.
    #[must_use]
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        locked(&self.streams).values().map(Arc::clone).collect()
    }

    /// Handles the loss of a publisher: its stream ends or waits.
    pub(super) fn leave(
        &self,
        stream: &Arc<Stream>,
        turn: u64,
        reason: &EndReason,
        may_return: bool,
    ) {
        let mut streams = locked(&self.streams);
        if !stream.is_turn(turn) || may_return && stream.wait(self.limits.publisher_return) {
            return;
        }
        streams.remove(stream.name());
        drop(streams);
        stream.finish(reason);
    }

    /// Ends streams whose publisher has not returned in time.
    pub(in super::super) fn expire(&self) {
        self.end_waiting(Some(self.clock.now()), &EndReason::PublisherEnded);
    }

    /// Ends streams that wait for a publisher until `now`; `None`: all of them.
    pub(in super::super) fn end_waiting(&self, now: Option<Duration>, reason: &EndReason) {
        let mut streams = locked(&self.streams);
        let ended = streams.extract_if(.., |_, stream| {
            stream.waits_until().is_some_and(|until| now.is_none_or(|now| until <= now))
        });
        let ended: Vec<_> = ended.map(|(_, stream)| stream).collect();
        drop(streams);
        for stream in ended {
            stream.finish(reason);
        }
    }
}
