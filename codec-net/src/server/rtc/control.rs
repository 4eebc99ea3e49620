//! What the thread of the calls is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::super::outcome::{EndReason, Refusal};
use super::super::room::{Item, NoRoom, Outlet, Publisher, Stream};
use super::super::sessions::Session;
use super::fragment::Fragment;

/// What a call is for.
#[derive(Debug)]
pub(super) enum Role {
    /// The other end watches.
    View(Arc<Stream>),
    /// The other end publishes.
    Publish(Publisher),
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Control {
    /// An offer is to be answered.
    Begin {
        id: u64,
        role: Role,
        session: Session,
        offer: String,
        reply: oneshot::Sender<Result<String, Refusal>>,
    },
    /// The other end has more addresses.
    Trickle { id: u64, fragment: Fragment, reply: oneshot::Sender<Result<(), Refusal>> },
    /// A call is to end.
    End(u64, EndReason),
    /// A publisher is to send a key frame.
    Key(u64),
    /// All is to end.
    Stop,
    /// Tests: a panic in this call; `None`: in the thread itself.
    #[cfg(test)]
    Panic(Option<u64>),
}

/// Where the items of a call's viewer go.
#[derive(Debug)]
pub(super) struct CallOutlet {
    pub(super) id: u64,
    pub(super) items: mpsc::Sender<(u64, Item)>,
    /// So much waits for the link that no more frames are taken.
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
