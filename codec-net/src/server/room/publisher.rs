//! The publisher of a stream.

use std::fmt;
use std::sync::{Arc, Weak};

use super::super::auth::Identity;
use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::hub::Hub;
use super::stream::Stream;

/// Requests a key frame from a publisher.
pub type AskKey = Box<dyn Fn() + Send + Sync>;

/// Who may take over a stream, and how its publisher is notified.
pub struct Owner {
    /// Publishers with the same identity may take over.
    pub identity: Identity,
    /// Ends the session of the replaced publisher.
    pub end: Box<dyn Fn(EndReason) + Send + Sync>,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}

/// Publishes a stream until it is dropped, or until another publisher of the same owner takes over.
#[derive(Debug)]
pub struct Publisher {
    hub: Weak<Hub>,
    stream: Arc<Stream>,
    /// The number of this publisher of the stream, from 1.
    turn: u64,
    reason: EndReason,
    may_return: bool,
}

impl Publisher {
    pub(super) fn new(hub: &Arc<Hub>, stream: Arc<Stream>, turn: u64) -> Self {
        let reason = EndReason::PublisherEnded;
        // A publisher that is dropped has failed.
        Self { hub: Arc::downgrade(hub), stream, turn, reason, may_return: true }
    }

    /// Whether the stream had a publisher before.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        self.turn > 1
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Passes a frame on.
    ///
    /// # Errors
    ///
    /// The limit that is exceeded: the session must end.
    pub fn video(&self, frame: VideoFrame) -> Result<(), EndReason> {
        self.stream.video(self.turn, frame)
    }

    /// Passes an audio packet on.
    ///
    /// # Errors
    ///
    /// As for [`Self::video`].
    pub fn sound(&self, packet: SoundPacket) -> Result<(), EndReason> {
        self.stream.sound(self.turn, packet)
    }

    /// Ends the stream.
    pub fn end(mut self, reason: EndReason) {
        (self.reason, self.may_return) = (reason, false);
    }

    /// Leaves the stream without ending it: its viewers wait for the owner's next publisher, for
    /// [`Limits::publisher_return`](super::super::limits::Limits::publisher_return). A stream
    /// without an owner, or without media so far, ends.
    pub fn leave(self) {}
}

impl Drop for Publisher {
    fn drop(&mut self) {
        match self.hub.upgrade() {
            Some(hub) => hub.leave(&self.stream, self.turn, &self.reason, self.may_return),
            None => self.stream.finish(&self.reason),
        }
    }
}
