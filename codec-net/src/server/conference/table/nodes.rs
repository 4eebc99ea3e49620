//! Connects the conferences with the other nodes of a cluster: passes them the state of the
//! same rooms at other nodes, and collects their output for these nodes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::{
    Conference, HistoryPiece, Relay, RemoteRoom, SharedMark, SharedMessage, SharedRoom,
};
use super::Conferences;

/// Maximum number of relays that wait.
const MAX_RELAYS: usize = 1 << 16;

/// Members and pages at other nodes, and output for these nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    is_clustered: bool,
    /// Whether nodes may exist that are not known, shortly after the start.
    may_change: bool,
    /// Rooms at other nodes.
    rooms: BTreeMap<Arc<str>, RemoteRoom>,
    /// Address of the pages of this node.
    own_url: Option<Arc<str>>,
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
    /// From now on, the conferences are parts of a cluster. `url` is the address of this node's pages.
    pub(in super::super::super) fn set_clustered(&mut self, url: Option<&str>) {
        self.nodes.own_url = url.map(Arc::from);
        self.nodes.is_clustered = true;
        self.nodes.may_change = true;
    }

    /// Gives a new conference its state at other nodes.
    pub(super) fn connect(&mut self, room: &Arc<str>) {
        let (now, urls) = (self.now, Arc::clone(&self.nodes.urls));
        let own_url = self.nodes.own_url.clone();
        self.run(now, room, |it| {
            it.set_own_url(own_url);
            it.set_nodes(&urls);
        });
        self.apply(now, room);
        let may_change = self.nodes.may_change;
        self.run(now, room, |it| {
            it.begin_history(now, may_change);
            it.continue_history(now);
        });
    }

    /// Gives an open conference its state at other nodes.
    fn apply(&mut self, now: Duration, room: &Arc<str>) {
        if !self.conferences.contains_key(room) {
            return;
        }
        let state = self.nodes.rooms.get(room).cloned().unwrap_or_default();
        let may_change = self.nodes.may_change;
        self.run(now, room, |it| {
            it.set_remote(now, &state.members);
            it.set_remote_lobby(now, &state, may_change);
            it.set_room_nodes(now, &state.nodes, may_change);
        });
        self.report_admitted(room);
    }

    /// Replaces the state of a room at other nodes.
    pub(in super::super::super) fn set_remote(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        state: RemoteRoom,
    ) {
        if state == RemoteRoom::default() {
            self.nodes.rooms.remove(room);
        } else {
            self.nodes.rooms.insert(Arc::clone(room), state);
        }
        self.apply(now, room);
    }

    /// From now on, all nodes that existed at the start are known.
    pub(in super::super::super) fn settle(&mut self, now: Duration) {
        self.nodes.may_change = false;
        for room in self.conferences.keys().map(Arc::clone).collect::<Vec<_>>() {
            self.apply(now, &room);
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

    /// A moderator at another node admits or refuses a person who waits at this one.
    pub(in super::super::super) fn decide(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        member: u64,
        admits: bool,
    ) {
        self.run(now, room, |it| it.decide(now, member, admits));
        self.report_admitted(room);
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

    /// Sets the read mark of a person, in a room that is open here.
    pub(in super::super::super) fn read_remote(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        mark: &SharedMark,
    ) {
        self.run(now, room, |it| it.read_remote(now, mark));
    }

    /// Asks again for the messages of rooms that were opened while other nodes could not answer.
    pub(in super::super::super) fn retry_histories(&mut self, now: Duration) {
        for room in self.conferences.keys().map(Arc::clone).collect::<Vec<_>>() {
            self.run(now, &room, |it| it.retry_history(now));
        }
    }

    /// Another node asks for the messages of a room.
    pub(in super::super::super) fn share_history(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        node: u64,
    ) {
        self.run(now, room, |it| it.share_history(node));
    }

    /// Handles a part of the messages of a room, which this node has requested.
    pub(in super::super::super) fn receive_history(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        node: u64,
        piece: HistoryPiece,
    ) {
        self.run(now, room, |it| it.receive_history(now, node, piece));
    }

    /// The open rooms, as other nodes get them.
    pub(in super::super::super) fn shared(&self) -> Vec<(Arc<str>, SharedRoom)> {
        let rooms = self.conferences.iter();
        rooms.map(|(room, it)| (Arc::clone(room), it.shared())).collect()
    }

    /// Returns the next output for other nodes, with its room.
    pub(in super::super::super) fn poll_relay(&mut self) -> Option<(Arc<str>, Relay)> {
        self.nodes.relays.pop_front()
    }
}
