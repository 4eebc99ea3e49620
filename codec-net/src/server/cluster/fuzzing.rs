//! The body of a fuzz target: arbitrary messages from the bus and from another node.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::conference::{Conferences, Input, Invitation, Person};
use super::super::limits::Limits;
use super::announcement::Announcement;
use super::link::Message;
use super::{Cluster, Identity};

const ROOM: &str = "team";
/// Numbers of the moderator at each node, and of a person that waits if there is a lobby.
const MEMBER: u64 = 1;
const GUEST: u64 = 2;
/// Number of the other node, as each of the two counts.
const OTHER: u64 = 1;
/// Bits of a part's length.
const LENGTH: u16 = 0x3fff;

/// Passes arbitrary bytes to one of two nodes that share a room with members at both. The bytes consist of parts, each
/// preceded by its length in two little-endian bytes. Their upper two bits select what a part is:
///
/// | bits | |
/// |---|---|
/// | 0 | a message of the bus |
/// | 1 | a message of the bus whose sender is the other node |
/// | 2 | a message on the link, which the other node encrypts |
/// | 3 | a datagram from the address of the other node |
///
/// Time advances by the lower byte of the length, in milliseconds.
///
/// # Panics
///
/// If a message that was accepted differs after it was written and parsed again.
pub fn cluster_messages(data: &[u8]) {
    let (mut node, mut other) = (Node::new(1), Node::new(2));
    let mut now = Duration::from_millis(1);
    for _ in 0..4 {
        let (from_node, from_other) = (node.advance(now), other.advance(now));
        node.receive(now, &from_other);
        other.receive(now, &from_node);
        now += Duration::from_millis(20);
    }
    let mut rest = data;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let head = u16::from_le_bytes(*head);
        let (part, tail) = tail.split_at(usize::from(head & LENGTH).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(head & 0xff));
        match head >> 14 {
            0 => node.hear(now, part),
            1 => node.hear(now, &other.signed(part)),
            2 => {
                check_link_message(part);
                if let Some(it) = other.cluster.nodes.get_mut(&OTHER) {
                    it.link.send_bytes(part);
                }
            }
            _ => _ = node.cluster.handle_datagram(now, other.address, part),
        }
        let from_other = other.advance(now);
        node.receive(now, &from_other);
        let from_node = node.advance(now);
        other.receive(now, &from_node);
    }
}

fn check_link_message(bytes: &[u8]) {
    if let Some(message) = Message::parse(bytes) {
        let mut written = Vec::new();
        message.write(&mut written);
        assert_eq!(written, bytes);
    }
}

/// Messages for the bus, and datagrams.
struct Output {
    source: SocketAddr,
    messages: Vec<Vec<u8>>,
    datagrams: Vec<Vec<u8>>,
}

struct Node {
    address: SocketAddr,
    cluster: Cluster,
    conferences: Conferences,
}

impl Node {
    fn new(number: u8) -> Self {
        let address = SocketAddr::from(([192, 0, 2, number], 1000));
        let url = Some(format!("https://{number}.example"));
        let cluster = Cluster::new(Identity::new([number; 48], vec![address], url));
        let mut conferences = Conferences::new(Limits::default(), false, Duration::ZERO, None);
        conferences.set_clustered(cluster.url());
        for (member, moderates) in [(MEMBER, true), (GUEST, false)] {
            let person = Person::of(ROOM, "fuzz", &format!("{number} {member}"));
            let invitation = Invitation { person, moderates, subject: None, name: None };
            let join = Input::Join { room: ROOM.into(), invitation, session: member };
            for input in [join, Input::Open] {
                conferences.handle(Duration::ZERO, member, input);
            }
        }
        Self { address, cluster, conferences }
    }

    /// The message with this node as its sender.
    fn signed(&self, message: &[u8]) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice::<Value>(message) else {
            return message.to_vec();
        };
        if let Some(object) = value.as_object_mut() {
            object.insert("id".to_owned(), json!(self.cluster.own.id.to_string()));
        }
        value.to_string().into_bytes()
    }

    fn hear(&mut self, now: Duration, message: &[u8]) {
        if let Some(read) = Announcement::parse(message) {
            assert_eq!(Announcement::parse(&read.write()), Some(read));
        }
        self.cluster.handle_message(now, message);
    }

    fn receive(&mut self, now: Duration, output: &Output) {
        output.messages.iter().for_each(|it| self.hear(now, it));
        for datagram in &output.datagrams {
            self.cluster.handle_datagram(now, output.source, datagram);
        }
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Duration) -> Output {
        let Self { cluster, conferences, .. } = self;
        cluster.handle_timeout(now);
        while let Some(event) = cluster.poll_event() {
            let _ = event.deliver(now, conferences);
        }
        conferences.handle_timeout(now);
        while conferences.poll_action().is_some() || conferences.poll_report().is_some() {}
        cluster.set_rooms(now, conferences.shared());
        while let Some((room, relay)) = conferences.poll_relay() {
            cluster.relay(now, room, relay);
        }
        let messages = std::iter::from_fn(|| cluster.poll_message()).collect();
        let datagrams = std::iter::from_fn(|| cluster.poll_transmit());
        let datagrams = datagrams.map(|it| it.payload).collect();
        Output { source: self.address, messages, datagrams }
    }
}
