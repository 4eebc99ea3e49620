//! The table of streams by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::super::outcome::EndReason;
use super::locked;
use super::stream::Stream;

/// The streams by name.
pub(super) struct Registry {
    publisher_return_timeout: Duration,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
}

impl Registry {
    /// Creates an empty table. A stream waits for its publisher for `publisher_return_timeout`.
    pub(super) fn new(publisher_return_timeout: Duration) -> Self {
        Self { publisher_return_timeout, streams: Mutex::default() }
    }

    /// Locks the table.
    pub(super) fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Stream>>> {
        locked(&self.streams)
    }

    /// Handles the loss of a publisher: its stream ends or waits.
    pub(super) fn leave(
        &self,
        stream: &Arc<Stream>,
        generation: u64,
        reason: &EndReason,
        may_return: bool,
    ) {
        let mut streams = self.streams();
        if !stream.is_current(generation)
            || may_return && stream.wait_for_publisher(self.publisher_return_timeout)
        {
            return;
        }
        streams.remove(stream.name());
        drop(streams);
        stream.end(reason);
    }

    /// Ends all streams, also those that have a publisher.
    pub(super) fn end_all(&self, reason: &EndReason) {
        let streams = std::mem::take(&mut *self.streams());
        for stream in streams.into_values() {
            stream.end(reason);
        }
    }

    /// Ends streams that wait for a publisher until `now`; `None`: all of them.
    pub(super) fn end_waiting(&self, now: Option<Duration>, reason: &EndReason) {
        let mut streams = self.streams();
        let ended = streams.extract_if(.., |_, stream| {
            stream.waits_until().is_some_and(|until| now.is_none_or(|now| until <= now))
        });
        let ended: Vec<_> = ended.map(|(_, stream)| stream).collect();
        drop(streams);
        for stream in ended {
            stream.end(reason);
        }
    }
}
