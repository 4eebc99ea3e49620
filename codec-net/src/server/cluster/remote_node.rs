//! The state of another node, as this one knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::conference::{SharedMember, SharedRoom};
use super::super::token_bucket::TokenBucket;
use super::announcement::{Description, MAX_ROOMS};
use super::link::Link;
use super::node::NodeId;
use super::outbox::Numbered;

/// A node counts as dead if nothing arrives from it for this time.
pub(super) const SILENCE: Duration = Duration::from_secs(3);
/// A request for an SSRC expires after this time, unless it is repeated.
const REQUEST_TIME: Duration = Duration::from_secs(3);
/// Interval at which a request for an SSRC is repeated.
const REPEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Shortest time between two requests for the state of rooms.
const ASK_INTERVAL: Duration = Duration::from_millis(250);

/// Maximum number of requests of a node for the messages of rooms, per second.
const HISTORIES_PER_SECOND: u64 = 50;
/// Parts of files per second that a node gets: 38 MB/s.
const FILE_PARTS_PER_SECOND: u64 = 32_000;

/// A room at another node.
#[derive(Debug)]
pub(super) struct KnownRoom {
    pub(super) version: u64,
    pub(super) state: SharedRoom,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct RemoteNode {
    pub(super) id: NodeId,
    pub(super) description: Description,
    pub(super) link: Link,
    pub(super) is_alive: bool,
    /// When the last message on the bus came.
    pub(super) last_announced: Duration,
    pub(super) rooms: BTreeMap<Arc<str>, KnownRoom>,
    /// Rooms of the remote node's SSRCs.
    sources: BTreeMap<u32, Arc<str>>,
    next_ask: Duration,
    /// Limits the remote node's requests for the messages of rooms.
    histories: TokenBucket,
    file_parts: TokenBucket,
    /// Numbers of its messages in rooms, up to which none is missing here.
    heard: BTreeMap<Arc<str>, u64>,
    /// SSRCs that our node requests from the remote one.
    pub(super) wants: BTreeSet<u32>,
    next_repeat: Duration,
    /// SSRCs that the remote node requests, and when these requests expire.
    requested: BTreeMap<u32, Duration>,
}

impl RemoteNode {
    pub(super) fn new(now: Duration, id: NodeId, description: Description, link: Link) -> Self {
        // Messages from before come with the history of a room.
        let heard = description.said.clone();
        Self {
            id,
            description,
            link,
            is_alive: true,
            last_announced: now,
            rooms: BTreeMap::new(),
            sources: BTreeMap::new(),
            next_ask: Duration::ZERO,
            histories: TokenBucket::new(HISTORIES_PER_SECOND),
            file_parts: TokenBucket::new(FILE_PARTS_PER_SECOND),
            heard,
            wants: BTreeSet::new(),
            next_repeat: Duration::ZERO,
            requested: BTreeMap::new(),
        }
    }

    /// When the last packet or message of the remote node arrived.
    pub(super) fn last_heard(&self) -> Duration {
        self.link.last_heard().map_or(self.last_announced, |it| it.max(self.last_announced))
    }

    /// Sets its description; returns the rooms that it has left, or whose state is not known any more.
    pub(super) fn describe(&mut self, now: Duration, description: Description) -> Vec<Arc<str>> {
        self.last_announced = now;
        let known = std::mem::replace(&mut self.description, description).rooms;
        let open = &self.description.rooms;
        let new = open
            .iter()
            .filter(|(room, version)| known.get(*room) != Some(*version) && self.is_unknown(room));
        let new: Vec<_> = new.map(|(room, _)| Arc::clone(room)).collect();
        let gone = self.rooms.keys().chain(known.keys()).filter(|room| !open.contains_key(*room));
        let gone: BTreeSet<_> = gone.map(Arc::clone).collect();
        for room in &gone {
            self.rooms.remove(room);
        }
        self.sources.retain(|_, room| !gone.contains(room));
        gone.into_iter().chain(new).collect()
    }

    /// Sets the state of a room; returns whether it is newer than the known one.
    pub(super) fn set_room(&mut self, room: Arc<str>, version: u64, state: SharedRoom) -> bool {
        if self.rooms.get(&room).is_some_and(|known| known.version >= version) {
            return false;
        }
        self.sources.retain(|_, it| *it != room);
        for ssrc in state.members.iter().flat_map(SharedMember::ssrcs) {
            self.sources.insert(ssrc, Arc::clone(&room));
        }
        self.description.rooms.insert(Arc::clone(&room), version);
        self.rooms.insert(room, KnownRoom { version, state });
        true
    }

    /// Rooms whose known state is missing or old; empty if their state may not be requested yet.
    pub(super) fn unknown_rooms(&mut self, now: Duration) -> Vec<Arc<str>> {
        if now < self.next_ask {
            return Vec::new();
        }
        let announced = self.description.rooms.keys();
        let unknown: Vec<_> = announced.filter(|it| self.is_unknown(it)).map(Arc::clone).collect();
        if !unknown.is_empty() {
            self.next_ask = now.saturating_add(ASK_INTERVAL);
        }
        unknown
    }

    /// The rooms of the remote node, including rooms whose state is not known.
    pub(super) fn all_rooms(&self) -> BTreeSet<Arc<str>> {
        self.rooms.keys().chain(self.description.rooms.keys()).map(Arc::clone).collect()
    }

    /// Whether a request of the remote node for the messages of a room is answered.
    pub(super) fn may_ask_history(&mut self, now: Duration) -> bool {
        self.histories.take(now, 1)
    }

    /// Records a message of the node; returns whether it can be new.
    pub(super) fn hear(&mut self, room: &Arc<str>, message: &Numbered) -> bool {
        let Numbered { number, previous, .. } = *message;
        let before = self.heard.get(room).copied().unwrap_or_default();
        if number > before && previous <= before {
            let is_known = self.heard.contains_key(room);
            if is_known || self.heard.len() < MAX_ROOMS {
                self.heard.insert(Arc::clone(room), number);
            }
        }
        number == 0 || number > before
    }

    /// Rooms in which messages of the node are missing, each with the number of the last one before them. `is_open`: whether
    /// this node has the room. One that opens it later gets them with the history.
    pub(super) fn missing_messages(
        &mut self,
        is_open: impl Fn(&Arc<str>) -> bool,
    ) -> Vec<(Arc<str>, u64)> {
        let said = &self.description.said;
        self.heard.retain(|room, _| said.contains_key(room));
        let mut missing = Vec::new();
        for (room, last) in said {
            let heard = self.heard.entry(Arc::clone(room)).or_default();
            if *heard < *last && is_open(room) {
                missing.push((Arc::clone(room), *heard));
            } else {
                // It cannot have said more than it announces.
                *heard = *last;
            }
        }
        missing
    }

    /// Whether its request for parts of a file is answered.
    pub(super) fn may_get_file(&mut self, now: Duration, parts: u16) -> bool {
        self.file_parts.take(now, parts.into())
    }

    /// Whether it has a room whose state is not known, or old.
    pub(super) fn is_unknown(&self, room: &Arc<str>) -> bool {
        let announced = self.description.rooms.get(room);
        let known = self.rooms.get(room).map(|it| it.version);
        announced.is_some_and(|version| known.is_none_or(|known| known < *version))
    }

    /// The room of an SSRC of the remote node.
    pub(super) fn room_of(&self, ssrc: u32) -> Option<&Arc<str>> {
        self.sources.get(&ssrc)
    }

    /// Requests an SSRC from the remote node, or ends the request.
    pub(super) fn want(&mut self, ssrc: u32, on: bool) {
        let has_changed = if on { self.wants.insert(ssrc) } else { self.wants.remove(&ssrc) };
        if has_changed {
            self.link.want(&[ssrc], on);
        }
    }

    /// Repeats the requests that are due.
    pub(super) fn repeat_requests(&mut self, now: Duration) {
        if now >= self.next_repeat {
            self.next_repeat = now.saturating_add(REPEAT_INTERVAL);
            let wants: Vec<u32> = self.wants.iter().copied().collect();
            self.link.want(&wants, true);
        }
    }

    /// Records a request of the remote node, or its end.
    pub(super) fn set_requested(&mut self, now: Duration, ssrc: u32, on: bool) {
        if on {
            self.requested.insert(ssrc, now.saturating_add(REQUEST_TIME));
        } else {
            self.requested.remove(&ssrc);
        }
    }

    /// Whether the remote node requests an SSRC.
    pub(super) fn requests(&self, ssrc: u32) -> bool {
        self.is_alive && self.requested.contains_key(&ssrc)
    }

    /// Ends requests that have expired or whose SSRC is not known; returns their SSRCs.
    pub(super) fn expire_requests(
        &mut self,
        now: Duration,
        is_known: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let is_over = |(ssrc, end): (&u32, &Duration)| *end <= now || !is_known(*ssrc);
        let over: Vec<u32> =
            self.requested.iter().filter(|it| is_over(*it)).map(|(ssrc, _)| *ssrc).collect();
        for ssrc in &over {
            self.requested.remove(ssrc);
        }
        over
    }

    /// Returns the address to send from, one of `own`, and the address to send to. Addresses that are not loopback are
    /// preferred if both nodes have one.
    pub(super) fn path(&self, own: &[SocketAddr]) -> Option<(SocketAddr, SocketAddr)> {
        let pairs = own.iter().flat_map(|own| {
            let theirs = self.description.addresses.iter();
            theirs.filter(|it| it.is_ipv4() == own.is_ipv4()).map(|it| (*own, *it))
        });
        let is_local = |it: &SocketAddr| it.ip().is_loopback();
        pairs.min_by_key(|(own, theirs)| match (is_local(own), is_local(theirs)) {
            (false, false) => 0,
            (true, true) => 1,
            _ => 2,
        })
    }
}
