//! Messages of the control channel of a member: JSON texts with a `type`.
//!
//! | from the server | |
//! |---|---|
//! | `hello` | `session`; `you`: the member's number; `moderates`: whether it may mute and remove others; `name`: the name in its token, which it cannot change, or null |
//! | `people` | `people`: all members with `id`, `name`, `muted`, `cameraOff`, `sharing`; `camera` and `screen`: the MID of the section on which the receiver of the message gets them, or null |
//! | `video` | `mid`, `height` in pixels (0: unknown), `paused`: why nothing is sent although the tile is visible, or null |
//! | `speaking` | `id`, `on` |
//! | `dominant` | `id` of the dominant speaker, or null |
//! | `encoding` | `source`, `rid`, `on`: whether anybody watches this layer of the member |
//! | `chat` | `id`, `from`, `text` |
//! | `mute` | a moderator muted the member: it should send no audio until its user wants to |
//! | `draining` | `seconds` until the server ends the session; it accepts no new calls |
//! | `stopping` | the server stops now |
//! | `waiting` | in place of `hello`: the person waits in the lobby; `hello` follows when a moderator lets it in |
//! | `lobby` | to moderators: `on`, and `people` who wait, with `id` and `name` |
//! | `removed` | a moderator ends the session of the member |
//!
//! | to the server | |
//! |---|---|
//! | `name` | `name` |
//! | `muted` | `audio`, `video`: what is switched off |
//! | `sharing` | `on`: whether a screen is shared |
//! | `view` | `stage`: large tiles, as `id` and `source`; `heights`: tiles with `id`, `source`, `height`; `lastN`: most cameras, or null |
//! | `chat` | `text` |
//! | `mute`, `remove` | `id` of another member, or of a person who waits; from moderators only |
//! | `lobby` | `on`: whether people have to wait; from moderators only. Who waits comes in when it is off |
//! | `admit` | `id` of a person who waits; from moderators only |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codec_rtc::extension::Label;
use codec_rtc::room::{ParticipantId, PauseReason, StreamState};
use codec_webrtc::Mid;
use serde_json::{Value, json};

use super::super::outcome::EndReason;
use super::member::Member;
use super::publishing::Source;
use super::wishes::Wishes;
use super::{Action, Conference, MAX_CHAT_LINES};

/// Most characters of a line of chat.
const MAX_CHAT_CHARS: usize = 1000;
/// Most tiles in a message.
const MAX_TILES: usize = 1000;

/// Members and sources of video by their ids.
type Members = BTreeMap<u64, Member>;

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

/// Who is there, for one member.
pub(super) fn people(members: &Members, receiver: &Member) -> Arc<str> {
    let people = members.iter().map(|(id, member)| {
        let mid = |source| {
            let stream = member.published(source)?.stream;
            Some(receiver.slot_of(stream)?.mid().to_string())
        };
        json!({
            "id": id,
            "name": member.name,
            "muted": member.is_muted,
            "cameraOff": member.is_camera_off,
            "sharing": member.is_sharing,
            "camera": mid(Source::Camera),
            "screen": mid(Source::Screen),
        })
    });
    text(&json!({ "type": "people", "people": people.collect::<Vec<_>>() }))
}

impl Conference {
    /// Tells a member whose control channel is open everything that it needs to know.
    pub(in super::super) fn greet(&mut self, id: u64, session: u64) {
        if self.greet_waiting(id, session) {
            return;
        }
        let Some(member) = self.members.get(&id) else { return };
        let mut texts = vec![text(&json!({
            "type": "hello",
            "session": session,
            "you": id,
            "moderates": member.moderates,
            "name": member.has_fixed_name.then_some(&member.name),
        }))];
        texts.push(people(&self.members, member));
        let sources = member.video.iter().filter_map(|slot| Some((slot.mid(), slot.source()?)));
        let states = sources.filter_map(|(mid, stream)| {
            let state = self.room.state(ParticipantId(id), stream)?;
            Some(video(mid, &state))
        });
        texts.extend(states);
        let speakers = self.audio.speakers();
        let spoken = self.members.keys().filter(|id| speakers.is_speaking(ParticipantId(**id)));
        texts.extend(spoken.map(|id| speaking(*id, true)));
        texts.extend(speakers.dominant().map(|it| dominant(Some(it.0))));
        texts.extend(self.chat.iter().cloned());
        if member.moderates {
            texts.push(self.lobby());
        }
        self.actions.extend(texts.into_iter().map(|text| (id, Action::Tell(text))));
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
            }
            Some("sharing") => {
                member.is_sharing = is_set("on");
                self.people_changed = true;
                if !is_set("on") {
                    self.unpublish(now, id, Source::Screen);
                }
            }
            Some("view") => self.set_wishes(now, id, wishes(&message)),
            Some("lobby") if moderates => self.set_lobby(now, is_set("on")),
            Some("admit") if moderates => {
                self.admit(now, field("id").and_then(Value::as_u64).unwrap_or_default());
            }
            Some(what @ ("mute" | "remove")) if moderates => {
                let other = field("id").and_then(Value::as_u64).filter(|other| *other != id);
                let removes = what == "remove";
                match other {
                    Some(other) if removes && self.refuse(other) => {}
                    Some(other) if self.members.contains_key(&other) => {
                        self.moderate(other, removes);
                    }
                    _ => {}
                }
            }
            Some("chat") => self.say(id, field("text").and_then(Value::as_str).unwrap_or_default()),
            _ => {}
        }
        self.forward(now);
        Ok(())
    }

    /// Mutes or removes a member.
    fn moderate(&mut self, id: u64, removes: bool) {
        if removes {
            self.actions.push_back((id, Action::Tell(text(&json!({ "type": "removed" })))));
            self.actions.push_back((id, Action::End(EndReason::Removed)));
        } else if let Some(member) = self.members.get_mut(&id) {
            // Until the member says otherwise.
            member.is_muted = true;
            self.people_changed = true;
            self.actions.push_back((id, Action::Tell(text(&json!({ "type": "mute" })))));
        }
    }

    fn say(&mut self, id: u64, line: &str) {
        let Some(member) = self.members.get(&id) else { return };
        let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_CHAT_CHARS).collect();
        if line.trim().is_empty() {
            return;
        }
        let said = line;
        let line = text(&json!({ "type": "chat", "id": id, "from": member.name, "text": said }));
        self.said.push_back((id, said));
        if self.chat.len() >= MAX_CHAT_LINES {
            self.chat.pop_front();
        }
        self.chat.push_back(Arc::clone(&line));
        self.tell_all(&line);
    }
}

/// The wishes in a message `view`; invalid tiles are left out.
fn wishes(message: &Value) -> Wishes {
    let tiles = |name| {
        let tiles = message.get(name).and_then(Value::as_array);
        tiles.into_iter().flatten().take(MAX_TILES)
    };
    let height_of = |tile: &Value| {
        let height = tile.get("height").and_then(Value::as_u64)?;
        Some((tile_of(tile)?, u32::try_from(height).unwrap_or(u32::MAX)))
    };
    let last_n = message.get("lastN").and_then(Value::as_u64);
    Wishes {
        stage: tiles("stage").filter_map(tile_of).collect(),
        heights: tiles("heights").filter_map(height_of).collect(),
        last_n: last_n.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

fn tile_of(tile: &Value) -> Option<(u64, Source)> {
    let source = match tile.get("source").and_then(Value::as_str)? {
        "camera" => Source::Camera,
        "screen" => Source::Screen,
        _ => return None,
    };
    Some((tile.get("id").and_then(Value::as_u64)?, source))
}
