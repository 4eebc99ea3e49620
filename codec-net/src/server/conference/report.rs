//! Events of rooms, for the webhook.

use std::sync::Arc;
use std::time::Duration;

use super::super::outcome::EndReason;

/// A person in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Attendee {
    /// The number of the member.
    pub(in super::super) id: u64,
    /// The number of its session.
    pub(in super::super) session: u64,
    pub(in super::super) name: String,
    /// The id of the person, if the token has one (`sub`).
    pub(in super::super) subject: Option<Arc<str>>,
}

/// An event in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Report {
    /// A person waits in the lobby.
    Waits { room: Arc<str>, person: Attendee },
    /// A member has joined.
    Joined { room: Arc<str>, person: Attendee },
    /// A member has left.
    Left { room: Arc<str>, person: Attendee, reason: EndReason, stayed: Duration },
    /// A member has written a line of chat.
    Said { room: Arc<str>, person: Attendee, text: String },
}
