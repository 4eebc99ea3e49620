//! The interface that receives the media of a viewer.

use std::sync::Arc;

use super::super::media::{AudioPacket, VideoFrame};
use super::super::outcome::EndReason;

/// An item for a viewer.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame that it can decode.
    Video(Arc<VideoFrame>),
    /// An audio packet.
    Audio(Arc<AudioPacket>),
    /// A chat message.
    Chat(Arc<str>),
    /// The end of the stream.
    Ended(EndReason),
}

/// Receives a viewer's items. Never blocks.
pub trait MediaSink: Send {
    /// Delivers an item.
    ///
    /// # Errors
    ///
    /// If the viewer cannot receive more at the moment.
    fn deliver(&self, item: Item) -> Result<(), DeliveryError>;
}

/// Why an item was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryError {
    /// The viewer's queue is full.
    Full,
    /// The viewer is gone.
    Closed,
}

impl MediaSink for tokio::sync::mpsc::Sender<Item> {
    fn deliver(&self, item: Item) -> Result<(), DeliveryError> {
        use tokio::sync::mpsc::error::TrySendError;
        self.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => DeliveryError::Full,
            TrySendError::Closed(_) => DeliveryError::Closed,
        })
    }
}
