//! The table of streams by name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::super::outcome::EndReason;
use super::locked;
use super::stream::Stream;

/// The streams by name.
pub(super) struct Registry {
    publisher_return_timeout: Duration,
    streams: Mutex<BTreeMap<String, Arc<Stream>>>,
    /// Changes only while the table is locked.
    is_closed: AtomicBool,
}

impl Registry {
    /// Creates an empty table. A stream waits for its publisher for `publisher_return_timeout`.
    pub(super) fn new(publisher_return_timeout: Duration) -> Self {
        Self {
            publisher_return_timeout,
            streams: Mutex::default(),
            is_closed: AtomicBool::default(),
        }
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

    /// Whether no stream may be added.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Ends all streams, also those that have a publisher. No other may be added.
    pub(super) fn close(&self, reason: &EndReason) {
        let mut streams = self.streams();
        self.is_closed.store(true, Ordering::Relaxed);
        let ended = std::mem::take(&mut *streams);
        drop(streams);
        for stream in ended.into_values() {
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
