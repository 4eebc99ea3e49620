//! The conferences as parts of a cluster: members of the same rooms at other nodes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::{Conference, Relay, SharedMember, SharedMessage};
use super::Conferences;

/// Most relays that wait.
const MAX_RELAYS: usize = 1 << 16;

/// Members and pages at other nodes, and output for these nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    is_clustered: bool,
    /// Members at other nodes, with the number of the node, by room.
    members: BTreeMap<Arc<str>, Vec<(u64, SharedMember)>>,
    /// Addresses of pages at other nodes.
    urls: Arc<[String]>,
    relays: VecDeque<(Arc<str>, Relay)>,
}

impl Nodes {
    /// Takes the output of a conference for other nodes.
    pub(super) fn collect(&mut self, room: &Arc<str>, conference: &mut Conference) {
        while let Some(relay) = conference.poll_relay() {
            if self.is_clustered && self.relays.len() < MAX_RELAYS {
                self.relays.push_back((Arc::clone(room), relay));
            }
        }
    }

    /// Ends all requests of a conference that ends.
    pub(super) fn disconnect(&mut self, room: &Arc<str>, conference: &mut Conference) {
        if self.is_clustered {
            conference.withdraw_requests();
            self.collect(room, conference);
        }
    }
}

impl Conferences {
    /// From now on, the conferences are parts of a cluster.
    pub(in super::super::super) fn set_clustered(&mut self) {
        self.nodes.is_clustered = true;
    }

    /// Gives a new conference its members at other nodes.
    pub(super) fn connect(&mut self, room: &Arc<str>) {
        let members = self.nodes.members.get(room).cloned().unwrap_or_default();
        let (now, urls) = (self.now, Arc::clone(&self.nodes.urls));
        self.run(now, room, |it| {
            it.set_nodes(&urls);
            it.set_remote(now, &members);
        });
    }

    /// Replaces the members of a room at other nodes.
    pub(in super::super::super) fn set_remote(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        members: Vec<(u64, SharedMember)>,
    ) {
        self.run(now, room, |it| it.set_remote(now, &members));
        if members.is_empty() {
            self.nodes.members.remove(room);
        } else {
            self.nodes.members.insert(Arc::clone(room), members);
        }
    }

    /// Replaces the addresses of pages at other nodes.
    pub(in super::super::super) fn set_nodes(&mut self, now: Duration, urls: Vec<String>) {
        self.nodes.urls = urls.into();
        let urls = Arc::clone(&self.nodes.urls);
        for room in self.conferences.keys().map(Arc::clone).collect::<Vec<_>>() {
            self.run(now, &room, |it| it.set_nodes(&urls));
        }
    }

    /// Handles a packet from another node.
    pub(in super::super::super) fn receive_remote(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        node: u64,
        ssrc: u32,
        data: Vec<u8>,
    ) {
        self.run(now, room, |it| it.receive_remote(now, node, ssrc, data));
    }

    /// Sets whether any other node needs an SSRC of a room.
    pub(in super::super::super) fn set_needed(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        ssrc: u32,
        is_needed: bool,
    ) {
        self.run(now, room, |it| it.set_needed(now, ssrc, is_needed));
    }

    /// Handles a request of another node for a key frame.
    pub(in super::super::super) fn request_key_frame_of(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        node: u64,
        ssrc: u32,
    ) {
        self.run(now, room, |it| it.request_key_frame_of(now, node, ssrc));
    }

    /// A moderator at another node mutes or removes a member of this one.
    pub(in super::super::super) fn moderate(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        member: u64,
        removes: bool,
    ) {
        self.run(now, room, |it| it.moderate_member(now, member, removes));
    }

    /// Adds a message of a member at another node to the log of a room that is open here.
    pub(in super::super::super) fn say_remote(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        node: u64,
        message: SharedMessage,
    ) {
        self.run(now, room, |it| it.say_remote(now, node, message));
    }

    /// The open rooms, with the members of this node.
    pub(in super::super::super) fn shared(&self) -> Vec<(Arc<str>, Vec<SharedMember>)> {
        let rooms = self.conferences.iter();
        rooms.map(|(room, it)| (Arc::clone(room), it.shared())).collect()
    }

    /// Returns the next output for other nodes, with its room.
    pub(in super::super::super) fn poll_relay(&mut self) -> Option<(Arc<str>, Relay)> {
        self.nodes.relays.pop_front()
    }
}
