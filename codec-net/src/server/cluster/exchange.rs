//! Passes events at other nodes to the conferences, and output of the conferences to other nodes.

use std::sync::Arc;
use std::time::Duration;

use super::super::conference::{Conferences, Relay};
use super::announcement::Content;
use super::{Cluster, ClusterEvent};

impl ClusterEvent {
    /// Passes the event to the conferences; for [`Self::Notice`], returns its line, which is for the operator.
    pub(in super::super) fn deliver(
        self,
        now: Duration,
        conferences: &mut Conferences,
    ) -> Option<String> {
        match self {
            Self::Room(room, state) => conferences.set_remote(now, &room, state),
            Self::Settled => conferences.settle(now),
            Self::Packet { room, node, ssrc, data } => {
                conferences.receive_remote(now, &room, node, ssrc, data);
            }
            Self::Needed { room, ssrc, is_needed } => {
                conferences.set_needed(now, &room, ssrc, is_needed);
            }
            Self::KeyFrame { room, node, ssrc } => {
                conferences.request_key_frame_of(now, &room, node, ssrc);
            }
            Self::Moderate { room, member, removes } => {
                conferences.moderate(now, &room, member, removes);
            }
            Self::Lobby { room, member, admits } => {
                conferences.decide(now, &room, member, admits);
            }
            Self::Message { room, node, message } => {
                conferences.say_remote(now, &room, node, message);
            }
            Self::Read { room, mark } => conferences.read_remote(now, &room, &mark),
            Self::Returned => conferences.retry_histories(now),
            Self::AskHistory { room, node } => conferences.share_history(now, &room, node),
            Self::History { room, node, piece } => {
                conferences.receive_history(now, &room, node, piece);
            }
            // For who downloads the file.
            Self::Fetched { .. } => {}
            Self::Nodes(urls) => conferences.set_nodes(now, urls),
            Self::Notice(line) => return Some(line),
        }
        None
    }
}

impl Cluster {
    /// Passes the output of a room to other nodes.
    pub(in super::super) fn relay(&mut self, now: Duration, room: Arc<str>, relay: Relay) {
        match relay {
            Relay::Media { ssrc, data } => self.send_media(now, ssrc, &data),
            Relay::Want { node, ssrc, on } => self.want(node, ssrc, on),
            Relay::Message(message) => self.say(now, room, message),
            Relay::KeyFrame { node, ssrc } => self.request_key_frame(node, ssrc),
            Relay::Moderate { node, member, removes } => {
                self.moderate(node, room, member, removes);
            }
            Relay::Read(mark) => self.send(Content::Read { room, mark }),
            Relay::AskHistory { node } => {
                if let Some(to) = self.id_of(node) {
                    self.send(Content::AskHistory { to, room });
                }
            }
            Relay::History { node, piece } => {
                if let Some(to) = self.id_of(node) {
                    self.send(Content::History { to, room, piece });
                }
            }
            Relay::Lobby { node, member, admits } => self.decide(node, room, member, admits),
        }
    }
}
