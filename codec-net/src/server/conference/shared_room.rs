//! A room, as nodes of a cluster describe it to each other: its members, its lobby, and the people who wait.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::member::MAX_NAME_CHARS;
use super::person::Person;
use super::shared::SharedMember;

/// Maximum number of members at a node.
const MAX_MEMBERS: usize = 500;
/// Maximum number of people who wait at a node.
const MAX_WAITING: usize = 100;
/// Maximum number of persons who were admitted, and of persons who were removed.
pub(super) const MAX_PERSONS: usize = 500;
/// Largest revision of a setting, which every JSON reader can represent.
const MAX_REVISION: u64 = 1 << 53;
/// Largest plausible difference of a revision to the time.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(24 * 3600);
/// Largest plausible difference of a revision to the revision before.
const MAX_STEP: u64 = 1000;

/// Whether a room has a lobby. If nodes have different settings, the latest is valid; if both were made at the same
/// time, the one with a lobby.
///
/// The revision of a setting is its Unix time in milliseconds, but at least 1 more than that of the setting before. So a
/// damaged node cannot use up the revisions: those far in the future are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct LobbySetting {
    // The order of the fields is the order of settings.
    revision: u64,
    on: bool,
}

impl LobbySetting {
    /// The setting of a new room.
    pub(super) fn new(on: bool) -> Self {
        Self { revision: 0, on }
    }

    /// A setting that replaces this one, at a Unix time.
    pub(super) fn changed(self, on: bool, at: Duration) -> Self {
        let revision = self.revision.saturating_add(1).max(milliseconds(at));
        Self { revision: revision.min(MAX_REVISION), on }
    }

    /// The latest of this setting and the settings of other nodes that are plausible at a Unix time.
    pub(super) fn latest(self, others: &[Self], at: Duration) -> Self {
        let time = milliseconds(at.saturating_add(MAX_CLOCK_DIFFERENCE));
        let most = time.max(self.revision.saturating_add(MAX_STEP));
        others.iter().copied().filter(|it| it.revision <= most).fold(self, Self::max)
    }

    pub(super) fn is_on(self) -> bool {
        self.on
    }

    fn json(self) -> Value {
        json!({ "revision": self.revision, "on": self.on })
    }

    fn parse(value: &Value) -> Option<Self> {
        Some(Self {
            revision: value.get("revision")?.as_u64().filter(|it| *it <= MAX_REVISION)?,
            on: value.get("on")?.as_bool()?,
        })
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A person who waits in the lobby.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SharedWaiting {
    /// Its number at its node.
    pub(super) member: u64,
    pub(super) name: String,
}

impl SharedWaiting {
    fn json(&self) -> Value {
        json!({ "member": self.member, "name": self.name })
    }

    fn parse(value: &Value) -> Option<Self> {
        let name = value.get("name")?.as_str()?;
        let is_valid =
            name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control);
        Some(Self {
            member: value.get("member")?.as_u64()?,
            name: is_valid.then(|| name.to_owned())?,
        })
    }
}

/// A room at one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct SharedRoom {
    pub(in super::super) members: Vec<SharedMember>,
    pub(in super::super) lobby: LobbySetting,
    pub(in super::super) waiting: Vec<SharedWaiting>,
    /// Members of dead nodes, and persons whom moderators have removed.
    pub(super) admitted: BTreeSet<Person>,
    pub(super) removed: BTreeSet<Person>,
}

impl SharedRoom {
    /// Whether two descriptions differ at most in measured rates, and not by much.
    pub(in super::super) fn is_close(&self, other: &Self) -> bool {
        // Every field, so that a new one is not forgotten.
        let Self { members, lobby, waiting, admitted, removed } = self;
        (lobby, waiting) == (&other.lobby, &other.waiting)
            && (admitted, removed) == (&other.admitted, &other.removed)
            && members.len() == other.members.len()
            && members.iter().zip(&other.members).all(|(one, other)| one.is_close(other))
    }

    /// The description as JSON. Members, and people who wait, above the limits are omitted.
    pub(in super::super) fn json(&self) -> Value {
        let members = self.members.iter().take(MAX_MEMBERS).map(SharedMember::json);
        let waiting = self.waiting.iter().take(MAX_WAITING).map(SharedWaiting::json);
        json!({
            "members": members.collect::<Vec<_>>(),
            "lobby": self.lobby.json(),
            "waiting": waiting.collect::<Vec<_>>(),
            "admitted": ids(&self.admitted),
            "removed": ids(&self.removed),
        })
    }

    /// Reads what [`Self::json`] wrote; `None` if it is not valid.
    pub(in super::super) fn parse(value: &Value) -> Option<Self> {
        let list = |name: &str, most| {
            value.get(name)?.as_array().filter(|it| it.len() <= most).map(|it| it.iter())
        };
        let members = list("members", MAX_MEMBERS)?.map(SharedMember::parse);
        let waiting = list("waiting", MAX_WAITING)?.map(SharedWaiting::parse);
        Some(Self {
            members: members.collect::<Option<_>>()?,
            lobby: LobbySetting::parse(value.get("lobby")?)?,
            waiting: waiting.collect::<Option<_>>()?,
            admitted: persons(value.get("admitted"))?,
            removed: persons(value.get("removed"))?,
        })
    }
}

/// Persons above the limit are omitted.
fn ids(persons: &BTreeSet<Person>) -> Vec<String> {
    persons.iter().take(MAX_PERSONS).map(|it| it.id()).collect()
}

/// Persons, which nodes of earlier versions do not list.
fn persons(list: Option<&Value>) -> Option<BTreeSet<Person>> {
    let Some(list) = list else { return Some(BTreeSet::new()) };
    let list = list.as_array().filter(|it| it.len() <= MAX_PERSONS)?;
    list.iter().map(|it| Person::parse(it.as_str()?)).collect()
}

/// A room at all other nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct RemoteRoom {
    /// Members, and people who wait, each with the number of its node.
    pub(in super::super) members: Vec<(u64, SharedMember)>,
    pub(in super::super) waiting: Vec<(u64, SharedWaiting)>,
    /// The settings of all nodes.
    pub(in super::super) lobbies: Vec<LobbySetting>,
    /// Members of dead nodes, and those that other nodes list.
    pub(super) lost: BTreeSet<Person>,
    pub(super) admitted: BTreeSet<Person>,
    /// Persons whom moderators have removed.
    pub(super) removed: BTreeSet<Person>,
    /// Nodes that have the room.
    pub(in super::super) nodes: Vec<u64>,
    /// Whether a node has the room in a state that this one does not know.
    pub(in super::super) is_unknown: bool,
}

impl RemoteRoom {
    /// Adds the room at a node.
    pub(in super::super) fn add(&mut self, node: u64, room: &SharedRoom) {
        self.members.extend(room.members.iter().map(|it| (node, it.clone())));
        self.waiting.extend(room.waiting.iter().map(|it| (node, it.clone())));
        self.add_rules(room);
    }

    /// Adds the room at a node that is gone: its lobby, and its members, who may come back elsewhere.
    pub(in super::super) fn add_dead(&mut self, room: &SharedRoom) {
        self.lost.extend(room.members.iter().map(|it| it.person));
        self.add_rules(room);
    }

    fn add_rules(&mut self, room: &SharedRoom) {
        self.lobbies.push(room.lobby);
        self.admitted.extend(&room.admitted);
        self.removed.extend(&room.removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_survive_a_round_trip_and_damaged_ones_are_rejected() {
        let waiting = |member| SharedWaiting { member, name: "Bob".to_owned() };
        let lobby = LobbySetting { revision: 3, on: true };
        let person = |name| Person::of("team", "test", name);
        let room = SharedRoom {
            members: Vec::new(),
            lobby,
            waiting: vec![waiting(7)],
            admitted: [person("ann"), person("bob")].into(),
            removed: [person("eve")].into(),
        };
        assert_eq!(SharedRoom::parse(&room.json()), Some(room.clone()));
        type Damage = fn(&mut Value);
        let damages: [Damage; 11] = [
            |it| it["members"] = json!(vec![1; 501]),
            |it| it["waiting"] = json!([1]),
            |it| it["waiting"] = json!(vec![json!({ "member": 1, "name": "" }); 101]),
            |it| it["waiting"][0]["name"] = json!("x".repeat(61)),
            |it| it["waiting"][0]["name"] = json!("\u{7}"),
            |it| it["lobby"] = json!(null),
            |it| it["lobby"]["revision"] = json!(u64::MAX),
            |it| it["lobby"]["on"] = json!(1),
            |it| it["admitted"] = json!(["ann"]),
            |it| it["removed"] = json!("ann"),
            |it| it["admitted"] = json!(vec!["0a".repeat(16); 501]),
        ];
        for (index, damage) in damages.iter().enumerate() {
            let mut value = room.json();
            damage(&mut value);
            assert_eq!(SharedRoom::parse(&value), None, "{index}");
        }
        let mut earlier = room.json();
        for field in ["admitted", "removed"] {
            earlier.as_object_mut().unwrap().remove(field);
        }
        assert!(SharedRoom::parse(&earlier).is_some_and(|it| it.admitted.is_empty()));
        // A node with a longer list still says what others accept.
        let long = SharedRoom { waiting: (0..200).map(waiting).collect(), ..room };
        assert_eq!(SharedRoom::parse(&long.json()).unwrap().waiting.len(), MAX_WAITING);
    }

    #[test]
    fn the_later_setting_is_valid() {
        let first = LobbySetting::new(false);
        let at = Duration::from_millis(1_790_000_000_000);
        let closed = first.changed(true, at);
        assert!(first < LobbySetting::new(true) && first < closed);
        assert!(closed < closed.changed(false, at));
        assert!(closed < closed.changed(false, Duration::ZERO), "a clock that is late");
        assert!(first.changed(false, at) < first.changed(true, at), "at the same time");
        let last = LobbySetting { revision: MAX_REVISION, on: false }.changed(true, at);
        assert_eq!(LobbySetting::parse(&last.json()), Some(last));
    }

    #[test]
    fn revisions_in_the_future_are_ignored() {
        let at = Duration::from_millis(1_790_000_000_000);
        let own = LobbySetting::new(false).changed(false, at);
        let hour = Duration::from_secs(3600);
        let setting = |time: Duration| LobbySetting { revision: milliseconds(time), on: true };
        let ahead = setting(at + hour);
        assert_eq!(own.latest(&[setting(at - hour), ahead], at), ahead, "clocks differ");
        let wrong = [setting(at + 25 * hour), LobbySetting { revision: MAX_REVISION, on: true }];
        assert_eq!(own.latest(&wrong, at), own);
        // One that was accepted can be changed, and others accept the change.
        let most = own.latest(&[setting(at + 24 * hour)], at);
        assert_eq!(most, setting(at + 24 * hour));
        let changed = most.changed(false, at);
        assert_eq!(most.latest(&[changed], at - hour), changed);
        assert_eq!(
            LobbySetting::new(false).latest(&[own], at),
            own,
            "a node that has just started"
        );
    }
}
