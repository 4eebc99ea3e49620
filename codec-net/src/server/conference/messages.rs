//! Messages of the control channel of a member: JSON texts with a `type`. Unless the table says
//! otherwise, `id` is the number of a person in the room, and `source` is `camera` or `screen`.
//!
//! | from the server | |
//! |---|---|
//! | `hello` | `session`; `you`: the number of the member's person; `person`: the id of the person, which is the same in later sessions with the same credentials; `moderates`: whether the member may mute and remove others; `name`: the name in its token, which it cannot change, or null |
//! | `people` | `people`: all persons with `id`, `name`, `muted`, `cameraOff`, `sharing`; `camera` and `screen`: the MID of the section on which the receiver of the message gets them, or null |
//! | `device` | `active`: whether this device is the active one of its person; only the active device should send media. `devices`: number of devices of the person |
//! | `log` | the state of the message log: numbers `first` and `last`; `read`: the last number that the person has read, or null; `fileBytes`: largest file, 0 if files are not accepted; `chunkBytes`: size of the chunks in which to send files |
//! | `video` | `mid`, `height` in pixels (0: unknown), `paused`: why nothing is sent although the tile is visible, or null |
//! | `speaking` | `id`, `on` |
//! | `dominant` | `id` of the dominant speaker, or null |
//! | `encoding` | `source` and `rid`: a layer that the receiver of the message publishes; `on`: whether any other member watches it |
//! | `chat` | a message: its `number` (1 more than the one before), Unix `time` in ms, `id`, `person` (id as in `hello`), `from` (name), `text`, `key`; `attachment`: a file with `kind` (`file`, `voice`, `video`), `file` (for `GET /room-files/ID`), `name`, `mediaType`, `bytes`, `sha256`, `duration` in ms or null |
//! | `read` | `number`: a device of the person has read up to this message |
//! | `refused` | the server rejected a message: its type as `what`, its `key` or null, `reason` |
//! | `fileAt`, `fileStored`, `fileRejected` | as in the control channel of streams: `id` of the file, `offset`; `id`; `id`, `reason` |
//! | `mute` | a moderator muted the member: it should send no audio until its user unmutes |
//! | `nodes` | `urls`: other nodes of a cluster; a member that loses the connection to this node joins one of them |
//! | `draining` | `seconds` until the server ends the session; the server accepts no new calls |
//! | `stopping` | the server stops now |
//! | `waiting` | in place of `hello`: the person waits in the lobby; `hello` follows when a moderator lets it in |
//! | `lobby` | to moderators: `on`: whether people have to wait; `people` who wait, with `id` and `name` |
//! | `removed` | a moderator ends the session of the member |
//!
//! | to the server | |
//! |---|---|
//! | `name` | `name` |
//! | `muted` | `audio`, `video`: whether the microphone and the camera are switched off |
//! | `sharing` | `on`: whether a screen is shared |
//! | `view` | `stage`: large tiles, as `id` and `source`; `heights`: tiles with `id`, `source`, and `height` in pixels (0: not visible); `lastN`: maximum number of cameras, or null |
//! | `chat` | `text`; `key`: chosen by the sender; a message with a key that the sender has already used is ignored |
//! | `history` | requests messages with numbers above `after`; the server sends a limited number of them |
//! | `read` | `number` of the last message that was read |
//! | `file` | a message with a file, to be sent in chunks (binary: `id` of 4 bytes, offset of 8, data): `id` of the file, `key`, `text`, `kind`, `name`, `mediaType`, `bytes`, `sha256`, `duration` |
//! | `take` | this device becomes the active one of its person |
//! | `mute`, `remove` | `id` of another person, for `remove` also of one who waits; from moderators only |
//! | `lobby` | `on`: whether people have to wait; from moderators only. Turning it off admits all who wait |
//! | `admit` | `id` of a person who waits; from moderators only |

use std::sync::Arc;
use std::time::Duration;

use codec_rtc::extension::Label;
use codec_rtc::room::{ParticipantId, PauseReason, StreamState};
use codec_webrtc::Mid;
use serde_json::{Value, json};

use super::super::file_transfers::CHUNK_BYTES;
use super::super::limits::Limits;
use super::super::outcome::EndReason;
use super::attachment::Refusal;
use super::log::MessageLog;
use super::member::Member;
use super::node_output::Relay;
use super::origin::Origin;
use super::publishing::Source;
use super::view_request::ViewRequest;
use super::{Action, Conference};

/// Maximum number of tiles in a message.
const MAX_TILES: usize = 1000;

pub(super) fn text(value: &Value) -> Arc<str> {
    value.to_string().into()
}

pub(super) fn speaking(id: u64, on: bool) -> Arc<str> {
    text(&json!({ "type": "speaking", "id": id, "on": on }))
}

pub(super) fn dominant(id: Option<u64>) -> Arc<str> {
    text(&json!({ "type": "dominant", "id": id }))
}

pub(super) fn encoding(source: Source, rid: Option<Label>, on: bool) -> Arc<str> {
    let rid = rid.map(|rid| rid.to_string());
    text(&json!({ "type": "encoding", "source": source.name(), "rid": rid, "on": on }))
}

pub(super) fn video(mid: Mid, state: &StreamState) -> Arc<str> {
    let (height, paused) = match state {
        StreamState::Playing { height, .. } => (*height, None),
        // The tile is not visible: nothing is missing.
        StreamState::Paused(PauseReason::SwitchedOff) => (0, None),
        StreamState::Paused(reason) => (0, Some(reason.to_string())),
    };
    text(&json!({ "type": "video", "mid": mid.to_string(), "height": height, "paused": paused }))
}

pub(super) fn device(active: bool, devices: usize) -> Arc<str> {
    text(&json!({ "type": "device", "active": active, "devices": devices }))
}

pub(super) fn log(log: &MessageLog, read: Option<u64>, limits: &Limits) -> Arc<str> {
    text(&json!({
        "type": "log",
        "first": log.first(),
        "last": log.last(),
        "read": read,
        "fileBytes": limits.room_file_bytes,
        "chunkBytes": CHUNK_BYTES,
    }))
}

pub(super) fn nodes(urls: &[String]) -> Arc<str> {
    text(&json!({ "type": "nodes", "urls": urls }))
}

pub(super) fn read(number: u64) -> Arc<str> {
    text(&json!({ "type": "read", "number": number }))
}

pub(super) fn refused(what: &str, key: Option<&str>, refusal: &Refusal) -> Arc<str> {
    let reason = refusal.to_string();
    text(&json!({ "type": "refused", "what": what, "key": key, "reason": reason }))
}

pub(super) fn file_stored(transfer: u64) -> Arc<str> {
    text(&json!({ "type": "fileStored", "id": transfer }))
}

pub(super) fn file_rejected(transfer: u64, refusal: &Refusal) -> Arc<str> {
    text(&json!({ "type": "fileRejected", "id": transfer, "reason": refusal.to_string() }))
}

impl Conference {
    /// Returns the `people` message for `receiver`.
    pub(super) fn people(&self, receiver: &Member) -> Arc<str> {
        let people = self.seats.iter().filter_map(|(number, seat)| {
            let devices = || self.members.values().filter(|it| it.seat == *number);
            let active = seat.active.and_then(|id| self.members.get(&id));
            let mid = |source| {
                // During a hand-over, the device before may still send.
                let mut streams = devices().filter_map(|it| Some(it.published(source)?.stream));
                streams.find_map(|stream| Some(receiver.slot_of(stream)?.mid().to_string()))
            };
            Some(json!({
                "id": number,
                "name": active.or_else(|| devices().next())?.name,
                "muted": active.is_none_or(|it| it.is_muted),
                "cameraOff": active.is_none_or(|it| it.is_camera_off),
                "sharing": active.is_some_and(|it| it.is_sharing),
                "camera": mid(Source::Camera),
                "screen": mid(Source::Screen),
            }))
        });
        text(&json!({ "type": "people", "people": people.collect::<Vec<_>>() }))
    }

    /// Sends the state of the room to a member whose control channel is open.
    pub(in super::super) fn greet(&mut self, id: u64, session: u64) {
        if self.greet_waiting(id, session) {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.is_greeted = true;
        let Some(member) = self.members.get(&id) else { return };
        let mut texts = vec![text(&json!({
            "type": "hello",
            "session": session,
            "you": member.seat,
            "person": member.person.id(),
            "moderates": member.moderates,
            "name": member.has_fixed_name.then_some(&member.name),
        }))];
        texts.push(self.people(member));
        let sources = member.video.iter().filter_map(|slot| Some((slot.mid(), slot.source()?)));
        let states = sources.filter_map(|(mid, stream)| {
            let state = self.room.state(ParticipantId(id), stream)?;
            Some(video(mid, &state))
        });
        texts.extend(states);
        let speakers = self.audio.speakers();
        let spoken = self.members.iter();
        let spoken = spoken.filter(|(id, _)| speakers.is_speaking(ParticipantId(**id)));
        texts.extend(spoken.map(|(_, member)| speaking(member.seat, true)));
        let dominant_id = speakers.dominant().map(|it| it.0);
        let seat = member.seat;
        texts.extend(dominant_id.map(|it| dominant(Some(self.seat_of(it)))));
        if member.moderates {
            texts.push(self.lobby());
        }
        if !self.nodes.is_empty() {
            texts.push(nodes(&self.nodes));
        }
        self.actions.extend(texts.into_iter().map(|text| (id, Action::Tell(text))));
        self.tell_devices(seat);
        if !self.awaits_history(id) {
            self.greet_with_log(id);
        }
    }

    /// Handles a message of a member. Unknown messages of later versions are ignored.
    ///
    /// # Errors
    ///
    /// [`EndReason::Protocol`] if it is not JSON.
    pub(in super::super) fn handle_message(
        &mut self,
        now: Duration,
        id: u64,
        message: &str,
    ) -> Result<(), EndReason> {
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            return Err(EndReason::Protocol("invalid JSON message".to_owned()));
        };
        if self.handle_waiting_message(id, &message) {
            self.forward(now);
            return Ok(());
        }
        let field = |name| message.get(name);
        let is_set = |name| field(name).and_then(Value::as_bool) == Some(true);
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let moderates = member.moderates;
        match field("type").and_then(Value::as_str) {
            Some("name") => {
                member.set_name(field("name").and_then(Value::as_str).unwrap_or_default());
                self.people_changed = true;
            }
            Some("muted") => {
                member.is_muted = is_set("audio");
                member.is_camera_off = is_set("video");
                self.people_changed = true;
                if is_set("video") {
                    self.unpublish(now, id, Source::Camera);
                }
                self.continue_hand_over(now, id);
            }
            Some("sharing") => {
                member.is_sharing = is_set("on");
                self.people_changed = true;
                if !is_set("on") {
                    self.unpublish(now, id, Source::Screen);
                }
            }
            Some("view") => self.set_view(now, id, view_request(&message)),
            Some("lobby") if moderates => self.set_lobby(now, is_set("on")),
            Some("admit") if moderates => {
                self.admit(now, field("id").and_then(Value::as_u64).unwrap_or_default());
            }
            Some(what @ ("mute" | "remove")) if moderates => {
                let own = member.seat;
                let other = field("id").and_then(Value::as_u64).filter(|other| *other != own);
                let removes = what == "remove";
                match other {
                    Some(other) if removes && self.refuse(other) => {}
                    Some(other) => self.moderate(now, other, removes),
                    None => {}
                }
            }
            Some("chat") => self.say(now, id, &message),
            Some("history") => self.repeat(now, id, &message),
            Some("read") => {
                let number = field("number").and_then(Value::as_u64);
                self.mark_read(now, id, number.unwrap_or_default());
            }
            Some("file") => self.offer_file(now, id, &message),
            Some("take") => self.take_call(now, id),
            _ => {}
        }
        self.forward(now);
        Ok(())
    }

    /// Mutes or removes all devices of a person.
    pub(super) fn moderate(&mut self, now: Duration, seat: u64, removes: bool) {
        let devices = self.members.iter_mut().filter(|(_, member)| member.seat == seat);
        for (id, member) in devices {
            let person = member.person;
            if let Some(Origin { node, member }) = member.origin {
                self.relays.push_back(Relay::Moderate { node, member, removes });
            } else if removes {
                self.admissions.remove(now, person);
                self.actions.push_back((*id, Action::Tell(text(&json!({ "type": "removed" })))));
                self.actions.push_back((*id, Action::End(EndReason::Removed)));
            } else {
                // Until the member says otherwise.
                member.is_muted = true;
                self.people_changed = true;
                self.actions.push_back((*id, Action::Tell(text(&json!({ "type": "mute" })))));
            }
        }
    }
}

/// The requests in a message `view`; invalid tiles are ignored.
fn view_request(message: &Value) -> ViewRequest {
    let tiles = |name| {
        let tiles = message.get(name).and_then(Value::as_array);
        tiles.into_iter().flatten().take(MAX_TILES)
    };
    let height_of = |tile: &Value| {
        let height = tile.get("height").and_then(Value::as_u64)?;
        Some((tile_of(tile)?, u32::try_from(height).unwrap_or(u32::MAX)))
    };
    let last_n = message.get("lastN").and_then(Value::as_u64);
    ViewRequest {
        stage: tiles("stage").filter_map(tile_of).collect(),
        heights: tiles("heights").filter_map(height_of).collect(),
        last_n: last_n.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

fn tile_of(tile: &Value) -> Option<(u64, Source)> {
    let source = Source::parse(tile.get("source").and_then(Value::as_str)?)?;
    Some((tile.get("id").and_then(Value::as_u64)?, source))
}
