//! What a viewer is handed, and where it goes.

use std::sync::Arc;

use super::super::media::{SoundPacket, VideoFrame};
use super::super::outcome::EndReason;

/// What a viewer is handed.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame that it can decode.
    Video(Arc<VideoFrame>),
    /// A packet of sound.
    Sound(Arc<SoundPacket>),
    /// Something that viewers say to each other.
    Talk(Arc<str>),
    /// Nothing more comes.
    Ended(EndReason),
}

/// Where a viewer's items go. Never waits.
pub trait Outlet: Send {
    /// Hands an item over.
    ///
    /// # Errors
    /// If the viewer takes no more at the moment.
    fn deliver(&self, item: Item) -> Result<(), NoRoom>;
}

/// A viewer takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// For the moment.
    Full,
    /// Ever.
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
