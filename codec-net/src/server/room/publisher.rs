//! The publisher of a stream: the handle through which its session sends media.

use std::sync::{Arc, Weak};

use super::super::media::{AudioPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::registry::Registry;
use super::stream::Stream;

/// Publishes a stream until it is dropped, or until another publisher of the same owner takes over.
#[derive(Debug)]
pub struct Publisher {
    registry: Weak<Registry>,
    stream: Arc<Stream>,
    /// The number of this publisher of the stream, from 1.
    generation: u64,
    reason: EndReason,
    may_return: bool,
}

impl Publisher {
    pub(super) fn new(registry: &Arc<Registry>, stream: Arc<Stream>, generation: u64) -> Self {
        let reason = EndReason::PublisherEnded;
        // A publisher that is dropped has failed.
        Self { registry: Arc::downgrade(registry), stream, generation, reason, may_return: true }
    }

    /// Whether the stream had a publisher before.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        self.generation > 1
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
    /// The limit that is exceeded, or why the stream has ended: the session must end.
    pub fn send_video(&self, frame: VideoFrame) -> Result<(), EndReason> {
        self.stream.send_video(self.generation, frame)
    }

    /// Passes an audio packet on.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Self::send_video`].
    pub fn send_audio(&self, packet: AudioPacket) -> Result<(), EndReason> {
        self.stream.send_audio(self.generation, packet)
    }

    /// Ends the stream.
    pub fn end(mut self, reason: EndReason) {
        (self.reason, self.may_return) = (reason, false);
    }

    /// Leaves the stream without ending it: its viewers wait for the owner's next publisher, for
    /// [`Limits::publisher_return_timeout`](super::super::limits::Limits::publisher_return_timeout). A stream
    /// without an owner, or without media so far, ends.
    pub fn leave(self) {}
}

impl Drop for Publisher {
    fn drop(&mut self) {
        match self.registry.upgrade() {
            Some(registry) => {
                registry.leave(&self.stream, self.generation, &self.reason, self.may_return)
            }
            None => self.stream.end(&self.reason),
        }
    }
}
