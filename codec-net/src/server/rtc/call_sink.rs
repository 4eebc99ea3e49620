//! Passes the media of a stream to the call of a viewer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::super::room::{DeliveryError, Item, MediaSink};

/// Receives the items of a call's viewer.
#[derive(Debug)]
pub(super) struct CallSink {
    pub(super) id: u64,
    pub(super) items: mpsc::Sender<(u64, Item)>,
    /// Whether the queue before the link is so long that no more frames are accepted.
    pub(super) is_queue_full: Arc<AtomicBool>,
}

impl MediaSink for CallSink {
    fn deliver(&self, item: Item) -> Result<(), DeliveryError> {
        if matches!(item, Item::Video(_)) && self.is_queue_full.load(Ordering::Relaxed) {
            return Err(DeliveryError::Full);
        }
        use mpsc::error::TrySendError;
        self.items.try_send((self.id, item)).map_err(|error| match error {
            TrySendError::Full(_) => DeliveryError::Full,
            TrySendError::Closed(_) => DeliveryError::Closed,
        })
    }
}
