//! Messages on the bus between nodes: JSON objects with a `type` and the `id` of the sender.
//!
//! | `type` | |
//! |---|---|
//! | `node` | every second: `key` and `addresses` for links; `url` of its pages, or null; `rooms`: versions of the state of open rooms, by name; `said`: the number of the sender's last message in each room, absent in older versions of the server; `leaving`: whether the node shuts down |
//! | `room` | when it changes, or on request: `room`, `version`, `state`: its `members`, its `lobby` and who is `waiting` |
//! | `ask` | requests the state of `rooms` from the node `to` |
//! | `askHistory` | requests the messages of a `room` from the node `to` |
//! | `history` | a `piece` of these messages, for the node `to`: its `number`, its `messages`, read `marks`, and whether it is the `last` |
//! | `message` | a `message` in a `room`; its `number` and the number of the `previous` message of the node in this room, both absent in older versions of the server |
//! | `askMessages` | requests from the node `to` its own messages in a `room` with numbers greater than `after` |
//! | `read` | a read `mark` of a person in a `room` |
//! | `moderate` | requests the node `to` to mute the `member` of a `room`, or to remove it (`removes`) |
//! | `lobby` | requests the node `to` to admit the `member` who waits in a `room`, or to refuse it (`admits`) |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::conference::{HistoryPiece, SharedMark, SharedMessage, SharedRoom};
use super::bus::MAX_MESSAGE_BYTES;
use super::node::{NodeId, parse_hex};
use super::outbox::Numbered;
use crate::random::hex;

/// Maximum number of addresses of a node.
const MAX_ADDRESSES: usize = 8;
/// Maximum number of rooms in a message.
pub(super) const MAX_ROOMS: usize = 4096;
/// Maximum number of bytes of the name of a room.
const MAX_ROOM_BYTES: usize = 256;
/// Maximum number of bytes of a URL.
const MAX_URL_BYTES: usize = 512;

/// A message and its sender.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Announcement {
    pub(super) from: NodeId,
    pub(super) content: Content,
}

/// See the [module](self).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Node(Description),
    Room { room: Arc<str>, version: u64, state: SharedRoom },
    Ask { to: NodeId, rooms: Vec<Arc<str>> },
    Read { room: Arc<str>, mark: SharedMark },
    AskHistory { to: NodeId, room: Arc<str> },
    History { to: NodeId, room: Arc<str>, piece: HistoryPiece },
    Message { room: Arc<str>, message: Numbered },
    AskMessages { to: NodeId, room: Arc<str>, after: u64 },
    Moderate { to: NodeId, room: Arc<str>, member: u64, removes: bool },
    Lobby { to: NodeId, room: Arc<str>, member: u64, admits: bool },
}

/// The announcement of a node about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) key: [u8; 32],
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) url: Option<String>,
    pub(super) rooms: BTreeMap<Arc<str>, u64>,
    /// Numbers of its last messages in rooms.
    pub(super) said: BTreeMap<Arc<str>, u64>,
    pub(super) is_leaving: bool,
}

impl Announcement {
    /// The message as JSON.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut value = match &self.content {
            Content::Node(it) => json!({
                "type": "node",
                "key": hex(&it.key),
                "addresses": it.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "url": it.url,
                "rooms": by_room(&it.rooms),
                "said": by_room(&it.said),
                "leaving": it.is_leaving,
            }),
            Content::Room { room, version, state } => json!({
                "type": "room",
                "room": **room,
                "version": version,
                "state": state.json(),
            }),
            Content::Ask { to, rooms } => json!({
                "type": "ask",
                "to": to.to_string(),
                "rooms": rooms.iter().map(|room| room.to_string()).collect::<Vec<_>>(),
            }),
            Content::Read { room, mark } => {
                json!({ "type": "read", "room": **room, "mark": mark.json() })
            }
            Content::AskHistory { to, room } => {
                json!({ "type": "askHistory", "to": to.to_string(), "room": **room })
            }
            Content::History { to, room, piece } => json!({
                "type": "history",
                "to": to.to_string(),
                "room": **room,
                "piece": piece.json(),
            }),
            Content::Message { room, message: Numbered { number, previous, message } } => json!({
                "type": "message",
                "room": **room,
                "number": number,
                "previous": previous,
                "message": message.json(),
            }),
            Content::AskMessages { to, room, after } => json!({
                "type": "askMessages",
                "to": to.to_string(),
                "room": **room,
                "after": after,
            }),
            Content::Moderate { to, room, member, removes } => json!({
                "type": "moderate",
                "to": to.to_string(),
                "room": **room,
                "member": member,
                "removes": removes,
            }),
            Content::Lobby { to, room, member, admits } => json!({
                "type": "lobby",
                "to": to.to_string(),
                "room": **room,
                "member": member,
                "admits": admits,
            }),
        };
        if let Some(object) = value.as_object_mut() {
            object.insert("id".to_owned(), json!(self.from.to_string()));
        }
        value.to_string().into_bytes()
    }

    /// Parses a message; `None` if it is not valid.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let id = |name| NodeId::parse(value.get(name)?.as_str()?);
        let content = match value.get("type")?.as_str()? {
            "node" => Content::Node(Description::parse(&value)?),
            "room" => Content::Room {
                room: room(value.get("room")?.as_str()?)?,
                version: value.get("version")?.as_u64()?,
                state: SharedRoom::parse(value.get("state")?)?,
            },
            "ask" => {
                let rooms = limited(value.get("rooms")?, MAX_ROOMS)?;
                let rooms = rooms.iter().map(|it| room(it.as_str()?)).collect::<Option<_>>()?;
                Content::Ask { to: id("to")?, rooms }
            }
            "read" => Content::Read {
                room: room(value.get("room")?.as_str()?)?,
                mark: SharedMark::parse(value.get("mark")?)?,
            },
            "askHistory" => {
                Content::AskHistory { to: id("to")?, room: room(value.get("room")?.as_str()?)? }
            }
            "history" => Content::History {
                to: id("to")?,
                room: room(value.get("room")?.as_str()?)?,
                piece: HistoryPiece::parse(value.get("piece")?)?,
            },
            "message" => Content::Message {
                room: room(value.get("room")?.as_str()?)?,
                message: Numbered {
                    number: number(&value, "number")?,
                    previous: number(&value, "previous")?,
                    message: SharedMessage::parse(value.get("message")?)?,
                },
            },
            "askMessages" => Content::AskMessages {
                to: id("to")?,
                room: room(value.get("room")?.as_str()?)?,
                after: value.get("after")?.as_u64()?,
            },
            "moderate" => Content::Moderate {
                to: id("to")?,
                room: room(value.get("room")?.as_str()?)?,
                member: value.get("member")?.as_u64()?,
                removes: value.get("removes")?.as_bool()?,
            },
            "lobby" => Content::Lobby {
                to: id("to")?,
                room: room(value.get("room")?.as_str()?)?,
                member: value.get("member")?.as_u64()?,
                admits: value.get("admits")?.as_bool()?,
            },
            _ => return None,
        };
        Some(Self { from: id("id")?, content })
    }
}

impl Description {
    fn parse(value: &Value) -> Option<Self> {
        let addresses = limited(value.get("addresses")?, MAX_ADDRESSES)?;
        let addresses: Option<Vec<SocketAddr>> =
            addresses.iter().map(|it| it.as_str()?.parse().ok()).collect();
        Some(Self {
            key: parse_hex(value.get("key")?.as_str()?)?,
            addresses: addresses.filter(|it| !it.is_empty())?,
            url: match value.get("url")? {
                Value::Null => None,
                url => Some(url.as_str().filter(|url| is_url(url))?.to_owned()),
            },
            rooms: numbers(value.get("rooms")?)?,
            said: value.get("said").map_or(Some(BTreeMap::new()), numbers)?,
            is_leaving: value.get("leaving")?.as_bool()?,
        })
    }
}

/// Whether a text can be the address of a node's pages.
pub(super) fn is_url(text: &str) -> bool {
    let has_scheme = text.starts_with("http://") || text.starts_with("https://");
    has_scheme && text.len() <= MAX_URL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn by_room(numbers: &BTreeMap<Arc<str>, u64>) -> Value {
    numbers.iter().map(|(room, number)| (room.to_string(), json!(number))).collect()
}

/// Numbers by room.
fn numbers(value: &Value) -> Option<BTreeMap<Arc<str>, u64>> {
    let rooms = value.as_object().filter(|it| it.len() <= MAX_ROOMS)?;
    rooms.iter().map(|(name, number)| Some((room(name)?, number.as_u64()?))).collect()
}

/// A number that is 0 if the sender does not know of it.
fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).map_or(Some(0), Value::as_u64)
}

fn limited(value: &Value, most: usize) -> Option<&Vec<Value>> {
    value.as_array().filter(|it| it.len() <= most)
}

fn room(name: &str) -> Option<Arc<str>> {
    (!name.is_empty() && name.len() <= MAX_ROOM_BYTES).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> NodeId {
        NodeId::from_bytes([byte; 16])
    }

    fn description() -> Description {
        Description {
            key: [7; 32],
            addresses: vec![([192, 0, 2, 1], 8080).into()],
            url: Some("https://a.example:8443".to_owned()),
            rooms: [("team".into(), 3), ("déjà".into(), u64::MAX)].into(),
            said: [("team".into(), 8)].into(),
            is_leaving: false,
        }
    }

    #[test]
    fn messages_survive_a_round_trip() {
        let rooms = vec!["team".into()];
        let piece = HistoryPiece::new(3, true, vec![SharedMessage::example("Ann", "Hello")]);
        for content in [
            Content::Node(description()),
            Content::Room { room: "team".into(), version: 4, state: SharedRoom::default() },
            Content::Ask { to: id(2), rooms },
            Content::Message {
                room: "team".into(),
                message: Numbered {
                    number: 9,
                    previous: 8,
                    message: SharedMessage::example("Ann", "Hello"),
                },
            },
            Content::AskMessages { to: id(2), room: "team".into(), after: 8 },
            Content::Read { room: "team".into(), mark: SharedMark::example("Ann", Some("Bob")) },
            Content::AskHistory { to: id(2), room: "team".into() },
            Content::History { to: id(2), room: "team".into(), piece },
            Content::Moderate { to: id(2), room: "team".into(), member: 5, removes: true },
            Content::Lobby { to: id(2), room: "team".into(), member: 5, admits: true },
        ] {
            let message = Announcement { from: id(1), content };
            assert_eq!(Announcement::parse(&message.write()), Some(message));
        }
    }

    #[test]
    fn damaged_messages_are_rejected() {
        let node = Announcement { from: id(1), content: Content::Node(description()) }.write();
        let mut value: Value = serde_json::from_slice(&node).unwrap();
        for (field, wrong) in [
            ("type", json!("party")),
            ("id", json!("1")),
            ("key", json!("00")),
            ("addresses", json!([])),
            ("addresses", json!(["host:1"])),
            ("addresses", json!(vec!["192.0.2.1:1"; 9])),
            ("url", json!("javascript:alert(1)")),
            ("url", json!(format!("https://{}", "a".repeat(600)))),
            ("rooms", json!({ "": 1 })),
            ("rooms", json!({ "team": "new" })),
            ("said", json!({ "team": -1 })),
            ("said", json!([])),
            ("leaving", json!(null)),
        ] {
            let before = value[field].take();
            value[field] = wrong.clone();
            assert_eq!(Announcement::parse(value.to_string().as_bytes()), None, "{field} {wrong}");
            value[field] = before;
        }
        assert!(Announcement::parse(value.to_string().as_bytes()).is_some());
        // Nodes of earlier versions do not number their messages.
        value.as_object_mut().unwrap().remove("said");
        assert!(Announcement::parse(value.to_string().as_bytes()).is_some());
        let message = SharedMessage::example("Ann", "Hello");
        let text = json!({ "type": "message", "id": id(1).to_string(), "room": "team", "message": message.json() });
        let Content::Message { message: read, .. } =
            Announcement::parse(text.to_string().as_bytes()).unwrap().content
        else {
            panic!()
        };
        assert_eq!(read, Numbered { number: 0, previous: 0, message });
        let room = json!({ "type": "room", "id": id(1).to_string(), "room": "a", "version": 1, "state": [1] });
        for wrong in [&b""[..], b"{}", b"\xff", room.to_string().as_bytes(), &[b'['; 10_000]] {
            assert_eq!(Announcement::parse(wrong), None);
        }
        assert_eq!(Announcement::parse(&vec![b' '; MAX_MESSAGE_BYTES + 1]), None);
    }
}
