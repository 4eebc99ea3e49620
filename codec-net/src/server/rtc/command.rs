//! Commands to the thread of the calls.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::super::conference::Invitation;
use super::super::outcome::{EndReason, Rejection};
use super::super::room::{Publisher, Stream};
use super::super::sessions::Session;
use super::cluster_side::FetchReply;
use super::ice_update::{IceRestarted, IceUpdate};

/// The role of a call.
#[derive(Debug)]
pub(in super::super) enum Role {
    /// The other end watches.
    View(Arc<Stream>),
    /// The other end publishes.
    Publish(Publisher),
    /// The other end is a member of a room.
    Join {
        /// Name of the room.
        room: Arc<str>,
        /// Who joins, and what its token says.
        invitation: Invitation,
    },
}

/// A command.
#[derive(Debug)]
pub(super) enum Command {
    /// Answer an offer.
    Answer {
        id: u64,
        role: Role,
        session: Session,
        offer: String,
        reply: oneshot::Sender<Result<String, Rejection>>,
    },
    /// Add trickled ICE candidates, or restart ICE.
    UpdateIce {
        id: u64,
        update: IceUpdate,
        reply: oneshot::Sender<Result<Option<IceRestarted>, Rejection>>,
    },
    /// Fetch a file of a message from another node.
    FetchFile { file: String, reply: FetchReply },
    /// Send a message to members of rooms and publishers.
    Announce(Arc<str>),
    /// End a call.
    End(u64, EndReason),
    /// Request a key frame from a publisher.
    RequestKeyFrame(u64),
    /// End all calls.
    Stop,
    /// For tests: a panic in this call; `None`: in the thread itself.
    #[cfg(test)]
    Panic(Option<u64>),
}

/// A call, as referred to from other threads.
#[derive(Clone, Debug)]
pub(in super::super) struct CallHandle {
    id: u64,
    commands: mpsc::UnboundedSender<Command>,
}

impl CallHandle {
    pub(super) fn new(id: u64, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { id, commands }
    }

    /// The number of the call.
    pub(in super::super) fn id(&self) -> u64 {
        self.id
    }

    /// Ends the call.
    pub(in super::super) fn end(&self, reason: EndReason) {
        self.send(Command::End(self.id, reason));
    }

    /// Requests a key frame, if the other end publishes.
    pub(in super::super) fn request_key_frame(&self) {
        self.send(Command::RequestKeyFrame(self.id));
    }

    fn send(&self, command: Command) {
        // The thread may have ended, and with it the call.
        let _ = self.commands.send(command);
    }
}
