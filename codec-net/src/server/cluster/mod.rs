//! Rooms whose members are connected to different servers. These servers are the nodes of a cluster.
//!
//! By messages on a bus (NATS, or another message broker), nodes find each other and announce which members publish
//! which sources. Media and requests for media go directly from node to node over links. A layer of a source is sent
//! over a link only if a member at the other end watches it, and only once for all of these members. `Cluster` has no
//! sockets and no clock: it takes datagrams and messages, and returns datagrams, messages and events.
//!
//! While the bus is down, nodes keep the last known state of the rooms, and media continue, because pings on the links
//! show which nodes are alive.
//!
//! | module | |
//! |---|---|
//! | `bus` | queues of messages between this node and the client of the message broker |
//! | `node` | the identity of a node |
//! | `outbox` | messages of members, which are sent again after an outage of the bus |
//! | `announcement` | messages on the bus |
//! | `exchange` | events for the conferences, and their output for other nodes |
//! | `files` | files attached to messages, fetched from other nodes |
//! | `link` | encrypted packets between two nodes, sent again after a loss |
//! | `fuzzing` | the body of a fuzz target (feature `fuzzing`) |
//! | `media` | media between nodes, and requests for media |
//! | `remote_node` | another node: its rooms, and the media that the two nodes request from each other |

mod announcement;
mod bus;
mod exchange;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod link;
mod media;
mod node;
mod outbox;
mod remote_node;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::conference::{
    HistoryPiece, RemoteRoom, SharedMark, SharedMember, SharedMessage, SharedRoom,
};
use announcement::{Announcement, Content, Description, is_url};
pub use bus::{Bus, BusClient, ClusterConfig, bus};
pub(super) use files::FetchError;
use files::Files;
pub use link::LinkCounters;
use link::{Link, NodeKey};
pub use node::NodeId;
use outbox::Outbox;
use remote_node::{RemoteNode, SILENCE};
pub(super) use status::ClusterStatus;
pub use status::NodeStatus;

/// Interval of announcements.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of other nodes.
const MAX_NODES: usize = 64;
/// Existing nodes answer a new node's first announcement within this time.
const SETTLE_TIME: Duration = Duration::from_millis(1500);
/// A dead node is forgotten after this time.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// An event at another node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ClusterEvent {
    /// A room at the other nodes.
    Room(Arc<str>, RemoteRoom),
    /// The nodes that existed when this one started are known.
    Settled,
    /// A packet of a source at another node.
    Packet { room: Arc<str>, node: u64, ssrc: u32, data: Vec<u8> },
    /// Whether any other node needs an SSRC of this one.
    Needed { room: Arc<str>, ssrc: u32, is_needed: bool },
    /// Another node needs a key frame.
    KeyFrame { room: Arc<str>, node: u64, ssrc: u32 },
    /// A moderator at another node mutes or removes a member of this one.
    Moderate { room: Arc<str>, member: u64, removes: bool },
    /// A moderator at another node admits or refuses a person who waits at this one.
    Lobby { room: Arc<str>, member: u64, admits: bool },
    /// A member of another node has written a message.
    Message { room: Arc<str>, node: u64, message: SharedMessage },
    /// A read mark has moved at another node.
    Read { room: Arc<str>, mark: SharedMark },
    /// A message of a node arrives on the bus again after a silence.
    Returned,
    /// Another node asks for the messages of a room.
    AskHistory { room: Arc<str>, node: u64 },
    /// A part of the messages of a room at another node, which this one has requested.
    History { room: Arc<str>, node: u64, piece: HistoryPiece },
    /// The fetch of a file of a message from another node has succeeded or failed.
    Fetched { file: String, result: Result<(), FetchError> },
    /// Addresses of pages at other nodes.
    Nodes(Vec<String>),
    /// A line for the operator.
    Notice(String),
}

/// A room at this node.
#[derive(Debug)]
struct LocalRoom {
    version: u64,
    state: SharedRoom,
}

/// This node.
#[derive(Debug)]
pub(super) struct Identity {
    id: NodeId,
    key: NodeKey,
    /// Where it receives datagrams.
    addresses: Vec<SocketAddr>,
    url: Option<String>,
}

impl Identity {
    /// `random`: secret random bytes.
    pub(super) fn new(random: [u8; 48], addresses: Vec<SocketAddr>, url: Option<String>) -> Self {
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        id.iter_mut().chain(&mut secret).zip(random).for_each(|(to, from)| *to = from);
        let url = url.filter(|url| is_url(url));
        Self { id: NodeId::from_bytes(id), key: NodeKey::new(secret), addresses, url }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Cluster {
    own: Identity,
    rooms: BTreeMap<Arc<str>, LocalRoom>,
    next_version: u64,
    /// Rooms of the SSRCs of this node.
    sources: BTreeMap<u32, Arc<str>>,
    /// SSRCs that other nodes need, as reported.
    needed: BTreeSet<u32>,
    nodes: BTreeMap<u64, RemoteNode>,
    addresses: BTreeMap<SocketAddr, u64>,
    next_node: u64,
    /// SSRC of the next link.
    next_ssrc: u32,
    next_announcement: Duration,
    files: Files,
    outbox: Outbox,
    /// Time at which the existing nodes count as known: `SETTLE_TIME` after the first `handle_timeout`.
    settles_at: Option<Duration>,
    is_settled: bool,
    messages: VecDeque<Vec<u8>>,
    events: VecDeque<ClusterEvent>,
    /// Addresses of pages, as reported.
    urls: Vec<String>,
    /// Whether a node was ignored because there are too many.
    is_full: bool,
}

impl Cluster {
    /// A node that knows no other.
    pub(super) fn new(own: Identity) -> Self {
        let seed = own.id.bytes().iter().take(4);
        let next_ssrc = seed.fold(0, |all: u32, byte| all << 8 | u32::from(*byte));
        Self {
            own,
            rooms: BTreeMap::new(),
            next_version: 1,
            sources: BTreeMap::new(),
            needed: BTreeSet::new(),
            nodes: BTreeMap::new(),
            addresses: BTreeMap::new(),
            next_node: 1,
            next_ssrc,
            next_announcement: Duration::ZERO,
            files: Files::default(),
            outbox: Outbox::default(),
            settles_at: None,
            is_settled: false,
            messages: VecDeque::new(),
            events: VecDeque::new(),
            urls: Vec::new(),
            is_full: false,
        }
    }

    /// The address of the pages of this node.
    pub(super) fn url(&self) -> Option<&str> {
        self.own.url.as_deref()
    }

    /// Sets the open rooms of this node.
    pub(super) fn set_rooms(&mut self, now: Duration, rooms: Vec<(Arc<str>, SharedRoom)>) {
        let names: BTreeSet<&Arc<str>> = rooms.iter().map(|(room, _)| room).collect();
        let left = self.rooms.keys().filter(|room| !names.contains(room));
        let left: Vec<_> = left.map(Arc::clone).collect();
        let mut has_changed = !left.is_empty();
        if has_changed {
            self.next_announcement = now;
        }
        for room in left {
            self.rooms.remove(&room);
            self.forget_dead(&room);
        }
        for (room, state) in rooms {
            let known = self.rooms.get(&room).map(|it| &it.state);
            if known.is_some_and(|known| known.is_close(&state)) {
                continue;
            }
            has_changed = true;
            let version = self.next_version;
            self.next_version += 1;
            self.rooms.insert(Arc::clone(&room), LocalRoom { version, state });
            self.announce_room(&room);
        }
        if has_changed {
            let ssrcs = self.rooms.iter().flat_map(|(room, it)| {
                let ssrcs = it.state.members.iter().flat_map(SharedMember::ssrcs);
                ssrcs.map(|ssrc| (ssrc, Arc::clone(room)))
            });
            self.sources = ssrcs.collect();
            self.expire_requests(now);
        }
    }

    /// Mutes or removes a member of another node.
    fn moderate(&mut self, node: u64, room: Arc<str>, member: u64, removes: bool) {
        if let Some(to) = self.id_of(node) {
            self.send(Content::Moderate { to, room, member, removes });
        }
    }

    /// Admits or refuses a person who waits at another node.
    fn decide(&mut self, node: u64, room: Arc<str>, member: u64, admits: bool) {
        if let Some(to) = self.id_of(node) {
            self.send(Content::Lobby { to, room, member, admits });
        }
    }

    fn id_of(&self, node: u64) -> Option<NodeId> {
        self.nodes.get(&node).map(|it| it.id)
    }

    /// Number of a node that is alive.
    fn number_of(&self, id: NodeId) -> Option<u64> {
        let mut nodes = self.nodes.iter();
        nodes.find(|(_, it)| it.id == id && it.is_alive).map(|(number, _)| *number)
    }

    /// Passes a message of a member to the other nodes.
    fn say(&mut self, now: Duration, room: Arc<str>, message: SharedMessage) {
        let message = self.outbox.push(now, &room, message);
        self.send(Content::Message { room, message });
    }

    /// Announces that this node stops.
    pub(super) fn leave(&mut self) {
        self.rooms.clear();
        self.announce(true);
    }

    /// Handles a message on the bus. Messages that are not valid are ignored.
    pub(super) fn handle_message(&mut self, now: Duration, message: &[u8]) {
        let Some(Announcement { from, content }) = Announcement::parse(message) else { return };
        if from == self.own.id {
            return;
        }
        match content {
            Content::Node(description) => self.handle_node(now, from, description),
            Content::Room { room, version, state } => {
                let number = self.number_of(from);
                if let Some(node) = number.and_then(|it| self.nodes.get_mut(&it))
                    && node.set_room(Arc::clone(&room), version, state)
                {
                    self.report_room(room);
                }
            }
            Content::Ask { to, rooms } if to == self.own.id => {
                rooms.iter().for_each(|room| self.announce_room(room));
            }
            Content::Moderate { to, room, member, removes } if to == self.own.id => {
                self.events.push_back(ClusterEvent::Moderate { room, member, removes });
            }
            Content::Lobby { to, room, member, admits } if to == self.own.id => {
                self.events.push_back(ClusterEvent::Lobby { room, member, admits });
            }
            Content::Message { room, message } => {
                let number = self.number_of(from);
                if let Some((number, node)) =
                    number.and_then(|it| Some((it, self.nodes.get_mut(&it)?)))
                    && node.hear(&room, &message)
                {
                    let message = message.message;
                    self.events.push_back(ClusterEvent::Message { room, node: number, message });
                }
            }
            Content::AskMessages { to, room, after } if to == self.own.id => {
                let node = self.number_of(from).and_then(|it| self.nodes.get_mut(&it));
                if node.is_some_and(|it| it.may_ask_history(now)) {
                    for message in self.outbox.after(now, &room, after) {
                        self.send(Content::Message { room: Arc::clone(&room), message });
                    }
                }
            }
            Content::Read { room, mark } => {
                if self.number_of(from).is_some() {
                    self.events.push_back(ClusterEvent::Read { room, mark });
                }
            }
            Content::AskHistory { to, room } if to == self.own.id => {
                let node = self.number_of(from);
                let may_ask = |it: &mut RemoteNode| it.may_ask_history(now);
                let node = node.filter(|it| self.nodes.get_mut(it).is_some_and(may_ask));
                self.events.extend(node.map(|node| ClusterEvent::AskHistory { room, node }));
            }
            Content::History { to, room, piece } if to == self.own.id => {
                let node = self.number_of(from);
                self.events.extend(node.map(|node| ClusterEvent::History { room, node, piece }));
            }
            Content::Ask { .. }
            | Content::Moderate { .. }
            | Content::Lobby { .. }
            | Content::AskHistory { .. }
            | Content::AskMessages { .. }
            | Content::History { .. } => {}
        }
    }

    fn handle_node(&mut self, now: Duration, from: NodeId, description: Description) {
        let known = self.nodes.iter().find(|(_, node)| node.id == from);
        if known.is_some_and(|(_, node)| node.description.key != description.key) {
            // Not the node that has this id.
            return;
        }
        let known = known.map(|(number, _)| *number);
        if description.is_leaving {
            if let Some(number) = known {
                self.lose(now, number, "it is shutting down");
            }
            return;
        }
        let known = known.or_else(|| self.add_node(now, from, &description));
        let Some(number) = known else { return };
        let Some(node) = self.nodes.get_mut(&number) else { return };
        let was_alive = std::mem::replace(&mut node.is_alive, true);
        let was_silent = now.saturating_sub(node.last_announced) >= SILENCE;
        let addresses = description.addresses.clone();
        let changed = node.describe(now, description);
        let rooms = node.unknown_rooms(now);
        let own_rooms = &self.rooms;
        let missing = node.missing_messages(|room| own_rooms.contains_key(room));
        let returned = if was_alive { BTreeSet::new() } else { node.all_rooms() };
        for address in addresses {
            self.addresses.insert(address, number);
        }
        if !rooms.is_empty() {
            self.send(Content::Ask { to: from, rooms });
        }
        if was_silent {
            self.events.push_back(ClusterEvent::Returned);
        }
        for (room, after) in missing {
            self.send(Content::AskMessages { to: from, room, after });
        }
        for room in changed.into_iter().chain(returned) {
            self.forget_dead(&room);
            self.report_room(room);
        }
        self.report_nodes();
    }

    fn add_node(&mut self, now: Duration, id: NodeId, description: &Description) -> Option<u64> {
        // A process that starts again has another id and the same addresses.
        let before = description.addresses.iter().filter_map(|it| self.addresses.get(it));
        for number in before.copied().collect::<BTreeSet<_>>() {
            self.lose(now, number, "a new node has its address");
        }
        if self.nodes.len() >= MAX_NODES {
            if !std::mem::replace(&mut self.is_full, true) {
                let line =
                    format!("cluster node {id} is ignored: limit of {MAX_NODES} nodes reached");
                self.events.push_back(ClusterEvent::Notice(line));
            }
            return None;
        }
        let ssrc = self.next_ssrc;
        let link = Link::new(&self.own.key, self.own.id, id, description.key, ssrc)?;
        self.next_ssrc = self.next_ssrc.wrapping_add(1);
        let number = self.next_node;
        self.next_node += 1;
        let node = RemoteNode::new(now, id, description.clone(), link);
        if node.path(&self.own.addresses).is_none() {
            let line = format!("cluster node {id} has no address that this node can send to");
            self.events.push_back(ClusterEvent::Notice(line));
        }
        self.nodes.insert(number, node);
        // It should know this node soon.
        self.next_announcement = now;
        Some(number)
    }

    /// A node is gone, with its members.
    fn lose(&mut self, now: Duration, number: u64, why: &str) {
        let Some(node) = self.nodes.get_mut(&number).filter(|it| it.is_alive) else { return };
        node.is_alive = false;
        node.wants.clear();
        let rooms = node.all_rooms();
        let needless = node.expire_requests(Duration::MAX, |_| false);
        let line = format!("cluster node {} is gone: {why}", node.id);
        self.events.push_back(ClusterEvent::Notice(line));
        needless.into_iter().for_each(|ssrc| self.report_needed(ssrc));
        rooms.into_iter().for_each(|room| self.report_room(room));
        self.forget_source(now, number);
        self.report_nodes();
    }

    /// Announces this node when it is time, and removes nodes and requests that have expired.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if now >= self.next_announcement {
            self.announce(false);
            self.next_announcement = now.saturating_add(ANNOUNCE_INTERVAL);
        }
        let settles_at = *self.settles_at.get_or_insert(now.saturating_add(SETTLE_TIME));
        if now >= settles_at && !std::mem::replace(&mut self.is_settled, true) {
            self.events.push_back(ClusterEvent::Settled);
        }
        let silent = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_alive && now.saturating_sub(node.last_heard()) >= SILENCE);
        for number in silent.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.lose(now, number, "no data from it for 3 s");
        }
        self.expire_requests(now);
        self.continue_fetches(now);
        for node in self.nodes.values_mut().filter(|it| it.is_alive) {
            node.repeat_requests(now);
            node.link.handle_timeout(now);
        }
        self.forget_nodes(now);
    }

    /// Forgets nodes that died long ago.
    fn forget_nodes(&mut self, now: Duration) {
        let is_old =
            |it: &RemoteNode| !it.is_alive && now.saturating_sub(it.last_heard()) >= FORGET_AFTER;
        let old = self.nodes.iter().filter(|(_, it)| is_old(it)).map(|(number, _)| *number);
        for number in old.collect::<Vec<_>>() {
            let rooms = self.nodes.remove(&number).map(|it| it.all_rooms());
            rooms.into_iter().flatten().for_each(|room| self.report_room(room));
        }
        let nodes = &self.nodes;
        self.addresses.retain(|_, number| nodes.contains_key(number));
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&self) -> Duration {
        let alive = self.nodes.values().filter(|it| it.is_alive);
        let links = alive.map(|it| it.link.poll_timeout());
        let settles = self.settles_at.filter(|_| !self.is_settled);
        let others = settles.into_iter().chain(self.files.poll_timeout());
        links.chain(others).fold(self.next_announcement, Duration::min)
    }

    /// Returns the next message for the bus.
    pub(super) fn poll_message(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front()
    }

    /// Returns the next event.
    pub(super) fn poll_event(&mut self) -> Option<ClusterEvent> {
        self.events.pop_front()
    }

    fn report_room(&mut self, room: Arc<str>) {
        let mut all = RemoteRoom::default();
        for (number, node) in &self.nodes {
            all.is_unknown |= node.is_alive && node.is_unknown(&room);
            if node.is_alive && node.description.rooms.contains_key(&room) {
                all.nodes.push(*number);
            }
            match node.rooms.get(&room) {
                Some(it) if node.is_alive => all.add(*number, &it.state),
                // People who lost a node do not get around the lobby by that.
                Some(it) => all.add_dead(&it.state),
                None => {}
            }
        }
        self.events.push_back(ClusterEvent::Room(room, all));
    }

    /// Forgets a room at dead nodes, if the others have left it.
    fn forget_dead(&mut self, room: &Arc<str>) {
        let is_open = |it: &RemoteNode| it.is_alive && it.description.rooms.contains_key(room);
        if self.rooms.contains_key(room) || self.nodes.values().any(is_open) {
            return;
        }
        let mut has_changed = false;
        for node in self.nodes.values_mut().filter(|it| !it.is_alive) {
            has_changed |= node.rooms.remove(room).is_some();
        }
        if has_changed {
            self.report_room(Arc::clone(room));
        }
    }

    fn report_nodes(&mut self) {
        let alive = self.nodes.values().filter(|it| it.is_alive);
        let urls: Vec<String> = alive.filter_map(|it| it.description.url.clone()).collect();
        if urls != self.urls {
            self.urls.clone_from(&urls);
            self.events.push_back(ClusterEvent::Nodes(urls));
        }
    }

    fn announce_room(&mut self, room: &Arc<str>) {
        if let Some(LocalRoom { version, state }) = self.rooms.get(room) {
            let (version, state) = (*version, state.clone());
            self.send(Content::Room { room: Arc::clone(room), version, state });
        }
    }

    fn announce(&mut self, is_leaving: bool) {
        let rooms = self.rooms.iter().map(|(room, it)| (Arc::clone(room), it.version));
        let description = Description {
            key: self.own.key.public(),
            addresses: self.own.addresses.clone(),
            url: self.own.url.clone(),
            rooms: rooms.collect(),
            said: self.outbox.last_numbers(),
            is_leaving,
        };
        self.send(Content::Node(description));
    }

    fn send(&mut self, content: Content) {
        self.messages.push_back(Announcement { from: self.own.id, content }.write());
    }
}
