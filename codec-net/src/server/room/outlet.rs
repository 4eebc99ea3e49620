//! The interface of viewers.

use std::sync::Arc;

use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;

/// An item for a viewer.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame that it can decode.
    Video(Arc<VideoFrame>),
    /// An audio packet.
    Sound(Arc<SoundPacket>),
    /// A chat message.
    Talk(Arc<str>),
    /// The end of the stream.
    Ended(EndReason),
}

/// Receives a viewer's items. Never blocks.
pub trait Outlet: Send {
    /// Delivers an item.
    ///
    /// # Errors
    ///
    /// If the viewer cannot receive more at the moment.
    fn deliver(&self, item: Item) -> Result<(), NoRoom>;
}

/// Why an item was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The viewer's queue is full.
    Full,
    /// The viewer is gone.
    Gone,
}

impl Outlet for tokio::sync::mpsc::Sender<Item> {
    fn deliver(&self, item: Item) -> Result<(), NoRoom> {
        use tokio::sync::mpsc::error::TrySendError;
        self.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => NoRoom::Full,
            TrySendError::Closed(_) => NoRoom::Gone,
        })
    }
}
