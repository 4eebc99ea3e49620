//! The lobby of a room: people wait there until a moderator lets them in.
//!
//! Waiting persons are connected, but receive and send no media and no messages. Only moderators see them. The nodes of
//! a cluster share the lobby: moderators see the persons who wait at any node, and can admit or refuse them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codec_rtc::room::ParticipantId;
use codec_webrtc::Media;
use serde_json::{Value, json};

use super::super::outcome::EndReason;
use super::member::{Invitation, Member};
use super::messages::text;
use super::node_output::Relay;
use super::origin::Origin;
use super::shared_room::{RemoteRoom, SharedRoom, SharedWaiting};
use super::{Action, Conference};

/// A person in the lobby.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The member to be, with its name.
    member: Member,
    sections: Vec<Media>,
    /// The session, once its control channel is open.
    session: Option<u64>,
}

/// A person in the lobby at another node.
#[derive(Debug)]
pub(super) struct RemoteWaiting {
    origin: Origin,
    name: String,
}

impl Conference {
    /// Whether people without the right to moderate have to wait.
    fn is_closed(&self) -> bool {
        self.lobby.is_on() || self.is_lobby_unknown
    }

    /// Whether a person with this invitation has to wait.
    pub(super) fn must_wait(&self, invitation: &Invitation) -> bool {
        // Another device of a member need not wait.
        let is_inside = self.seats.values().any(|seat| seat.person == invitation.person);
        let is_known = is_inside || self.admissions.has(invitation.person);
        self.is_closed() && !invitation.moderates && !is_known
    }

    /// Whether a person waits.
    pub(super) fn is_waiting(&self, id: u64) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Adds a person to the lobby.
    pub(super) fn wait(&mut self, id: u64, invitation: Invitation) {
        let member = Member::new(invitation, id, &self.limits);
        self.waiting.insert(id, Waiting { member, sections: Vec::new(), session: None });
        self.lobby_changed = true;
    }

    /// A person who waits.
    pub(super) fn waiting_member(&self, id: u64) -> Option<&Member> {
        self.waiting.get(&id).map(|it| &it.member)
    }

    /// Adds a media section of a waiting person; returns whether the person waits.
    pub(super) fn add_waiting_section(&mut self, id: u64, media: &Media) -> bool {
        let Some(person) = self.waiting.get_mut(&id) else { return false };
        person.sections.push(media.clone());
        true
    }

    /// Notifies a waiting person, whose control channel is open; returns whether the person waits.
    pub(super) fn greet_waiting(&mut self, id: u64, session: u64) -> bool {
        let Some(person) = self.waiting.get_mut(&id) else { return false };
        person.session = Some(session);
        self.actions.push_back((id, Action::Tell(text(&json!({ "type": "waiting" })))));
        true
    }

    /// Handles a message of a waiting person, who can only set a name; returns whether the person
    /// waits.
    pub(super) fn handle_waiting_message(&mut self, id: u64, message: &Value) -> bool {
        let Some(person) = self.waiting.get_mut(&id) else { return false };
        if message.get("type").and_then(Value::as_str) == Some("name") {
            let name = message.get("name").and_then(Value::as_str);
            person.member.set_name(name.unwrap_or_default());
            self.lobby_changed = true;
        }
        true
    }

    /// Turns the lobby on or off, at the request of a moderator. Turning it off admits all waiting
    /// persons.
    pub(super) fn set_lobby(&mut self, now: Duration, on: bool) {
        self.lobby = self.lobby.changed(on, self.epoch.saturating_add(now));
        self.lobby_changed = true;
        if !on {
            self.admit_all(now);
        }
    }

    fn admit_all(&mut self, now: Duration) {
        for id in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.admit(now, id);
        }
    }

    /// Sets the state of the lobby at other nodes, and the persons who wait there. `may_change`: whether nodes may
    /// exist that are not known.
    pub(super) fn set_remote_lobby(&mut self, now: Duration, room: &RemoteRoom, may_change: bool) {
        let lobby = self.lobby.latest(&room.lobbies, self.epoch.saturating_add(now));
        self.lobby_changed |= lobby != self.lobby;
        self.lobby = lobby;
        self.is_lobby_unknown = may_change || room.is_unknown;
        self.set_remote_waiting(&room.waiting);
        self.admissions.set_remote(room);
        if !self.is_closed() {
            self.admit_all(now);
        }
        let known = self.waiting.iter().filter(|(_, it)| self.admissions.has(it.member.person));
        for id in known.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.admit(now, id);
        }
        self.forward(now);
    }

    fn set_remote_waiting(&mut self, waiting: &[(u64, SharedWaiting)]) {
        let there = waiting
            .iter()
            .map(|(node, it)| (Origin { node: *node, member: it.member }, it.name.as_str()));
        let mut there: BTreeMap<Origin, &str> = there.collect();
        let count = self.remote_waiting.len();
        // Those who are known keep their numbers.
        self.remote_waiting.retain(|_, it| {
            let name = there.remove(&it.origin);
            if let Some(name) = name.filter(|name| **name != it.name) {
                name.clone_into(&mut it.name);
                self.lobby_changed = true;
            }
            name.is_some()
        });
        self.lobby_changed |= self.remote_waiting.len() != count || !there.is_empty();
        for (origin, name) in there {
            let id = self.remote.take_number();
            self.remote_waiting.insert(id, RemoteWaiting { origin, name: name.to_owned() });
        }
    }

    /// The lobby and who waits at this node, for the other nodes.
    pub(super) fn share_lobby(&self, room: &mut SharedRoom) {
        room.lobby = self.lobby;
        let waiting = self.waiting.iter();
        let waiting =
            waiting.map(|(id, it)| SharedWaiting { member: *id, name: it.member.name.clone() });
        room.waiting = waiting.collect();
        self.admissions.share(room);
    }

    /// A moderator at another node admits or refuses a person who waits at this one.
    pub(super) fn decide(&mut self, now: Duration, id: u64, admits: bool) {
        if !self.is_waiting(id) {
            return;
        }
        if admits {
            self.admit(now, id);
        } else {
            self.refuse(id);
        }
        self.forward(now);
    }

    /// Passes a decision to the node where a person waits; returns whether it waits at another node.
    fn relay_decision(&mut self, id: u64, admits: bool) -> bool {
        let Some(Origin { node, member }) = self.remote_waiting.get(&id).map(|it| it.origin) else {
            return false;
        };
        self.relays.push_back(Relay::Lobby { node, member, admits });
        true
    }

    /// Lets a person in.
    pub(super) fn admit(&mut self, now: Duration, id: u64) {
        if self.relay_decision(id, true) {
            return;
        }
        let Some(person) = self.waiting.remove(&id) else { return };
        self.lobby_changed = true;
        self.enter(now, id, person.member);
        for media in &person.sections {
            self.add_section(now, id, media);
        }
        if let Some(session) = person.session {
            self.greet(id, session);
        }
        self.admitted.push_back(id);
    }

    /// Refuses a waiting person; returns whether the person waited.
    pub(super) fn refuse(&mut self, id: u64) -> bool {
        if self.relay_decision(id, false) {
            return true;
        }
        if !self.is_waiting(id) {
            return false;
        }
        self.actions.push_back((id, Action::Tell(text(&json!({ "type": "removed" })))));
        self.actions.push_back((id, Action::End(EndReason::Removed)));
        true
    }

    /// Removes a person from the lobby; returns whether the person waited.
    pub(super) fn leave_lobby(&mut self, id: u64) -> bool {
        let waited = self.waiting.remove(&id).is_some();
        self.lobby_changed |= waited;
        waited
    }

    /// Returns the next person who was let in.
    pub(super) fn poll_admitted(&mut self) -> Option<u64> {
        self.admitted.pop_front()
    }

    /// Returns the `lobby` message for moderators, with all waiting persons.
    pub(super) fn lobby(&self) -> Arc<str> {
        let here = self.waiting.iter().map(|(id, it)| (id, &it.member.name));
        let there = self.remote_waiting.iter().map(|(id, it)| (id, &it.name));
        let people = here.chain(there).map(|(id, name)| json!({ "id": id, "name": name }));
        let people: Vec<_> = people.collect();
        text(&json!({ "type": "lobby", "on": self.lobby.is_on(), "people": people }))
    }

    /// Sends the list of waiting persons to the moderators.
    pub(super) fn announce_lobby(&mut self) {
        let lobby = self.lobby();
        for (id, _) in self.members.iter().filter(|(_, member)| member.moderates) {
            self.actions.push_back((*id, Action::Tell(Arc::clone(&lobby))));
        }
    }

    /// Makes a person a member.
    pub(super) fn enter(&mut self, now: Duration, id: u64, mut member: Member) {
        // A number is never used twice, and the server limits the members.
        if self.room.add_viewer(ParticipantId(id)).is_err() {
            return;
        }
        self.admissions.enter(member.person);
        let seat = self.take_seat(id, member.person);
        member.seat = seat;
        self.members.insert(id, member);
        self.subscribe_to_audio_of_others(id);
        self.tell_devices(seat);
        self.people_changed = true;
        self.forward(now);
    }
}
