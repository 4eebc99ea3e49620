//! Output of a conference for other nodes of a cluster.

use super::shared_history::HistoryPiece;
use super::shared_mark::SharedMark;
use super::shared_message::SharedMessage;

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Relay {
    /// A packet of a source that other nodes have requested.
    Media { ssrc: u32, data: Vec<u8> },
    /// Request an SSRC of another node, or end that.
    Want { node: u64, ssrc: u32, on: bool },
    /// Request a key frame from another node.
    KeyFrame { node: u64, ssrc: u32 },
    /// A moderator mutes or removes a member of another node.
    Moderate { node: u64, member: u64, removes: bool },
    /// A moderator admits or refuses a person who waits at another node.
    Lobby { node: u64, member: u64, admits: bool },
    /// Request the messages of the room from another node.
    AskHistory { node: u64 },
    /// A part of the messages of the room, for a node that requested them.
    History { node: u64, piece: HistoryPiece },
    /// A person has read more.
    Read(SharedMark),
    /// A member of this node has written a message.
    Message(SharedMessage),
}
