//! Messages to the thread of the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::super::outcome::{EndReason, Refusal};
use super::super::room::{Item, NoRoom, Outlet, Publisher, Stream};
use super::super::sessions::Session;
use super::fragment::Fragment;

/// The role of a call.
#[derive(Debug)]
pub(super) enum Role {
    /// The other end watches.
    View(Arc<Stream>),
    /// The other end publishes.
    Publish(Publisher),
}

/// A message.
#[derive(Debug)]
pub(super) enum Control {
    /// Answer an offer.
    Begin {
        id: u64,
        role: Role,
        session: Session,
        offer: String,
        reply: oneshot::Sender<Result<String, Refusal>>,
    },
    /// Add trickled ICE candidates.
    Trickle { id: u64, fragment: Fragment, reply: oneshot::Sender<Result<(), Refusal>> },
    /// End a call.
    End(u64, EndReason),
    /// Request a key frame from a publisher.
    Key(u64),
    /// End all calls.
    Stop,
    /// For tests: a panic in this call; `None`: in the thread itself.
    #[cfg(test)]
    Panic(Option<u64>),
}

/// Receives the items of a call's viewer.
#[derive(Debug)]
pub(super) struct CallOutlet {
    pub(super) id: u64,
    pub(super) items: mpsc::Sender<(u64, Item)>,
    /// Whether the queue before the link is so long that no more frames are accepted.
    pub(super) congested: Arc<AtomicBool>,
}

impl Outlet for CallOutlet {
    fn deliver(&self, item: Item) -> Result<(), NoRoom> {
        if matches!(item, Item::Video(_)) && self.congested.load(Ordering::Relaxed) {
            return Err(NoRoom::Full);
        }
        use mpsc::error::TrySendError;
        self.items.try_send((self.id, item)).map_err(|error| match error {
            TrySendError::Full(_) => NoRoom::Full,
            TrySendError::Closed(_) => NoRoom::Gone,
        })
    }
}
