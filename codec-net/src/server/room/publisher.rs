//! Who gives a stream its frames.

use std::sync::{Arc, Weak};

use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;
use super::hub::Hub;
use super::stream::Stream;

/// Asks a publisher for a key frame.
pub type AskKey = Box<dyn Fn() + Send + Sync>;

/// Publishes a stream as long as it lives.
#[derive(Debug)]
pub struct Publisher {
    hub: Weak<Hub>,
    stream: Arc<Stream>,
    reason: EndReason,
}

impl Publisher {
    pub(super) fn new(hub: &Arc<Hub>, stream: Arc<Stream>) -> Self {
        Self { hub: Arc::downgrade(hub), stream, reason: EndReason::PublisherEnded }
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Passes a frame on.
    ///
    /// # Errors
    /// The limit that is exceeded: the session is to end.
    pub fn video(&self, frame: VideoFrame) -> Result<(), EndReason> {
        self.stream.video(frame)
    }

    /// Passes a packet of sound on.
    ///
    /// # Errors
    /// As [`Self::video`].
    pub fn sound(&self, packet: SoundPacket) -> Result<(), EndReason> {
        self.stream.sound(packet)
    }

    /// Ends the stream for another reason than that the publisher is gone.
    pub fn end(mut self, reason: EndReason) {
        self.reason = reason;
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.remove(&self.stream);
        }
        self.stream.finish(&self.reason);
    }
}
