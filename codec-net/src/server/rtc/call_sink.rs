//! Passes the media of a stream to the call of a viewer.

use tokio::sync::mpsc;

use super::super::room::{DeliveryError, Item, MediaSink};

/// Receives the items of a call's viewer.
#[derive(Debug)]
pub(super) struct CallSink {
    pub(super) id: u64,
    pub(super) items: mpsc::Sender<(u64, Item)>,
}

impl MediaSink for CallSink {
    fn deliver(&self, item: Item) -> Result<(), DeliveryError> {
        use mpsc::error::TrySendError;
        self.items.try_send((self.id, item)).map_err(|error| match error {
            TrySendError::Full(_) => DeliveryError::Full,
            TrySendError::Closed(_) => DeliveryError::Closed,
        })
    }
}
