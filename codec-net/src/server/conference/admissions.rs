//! Remembers who was admitted: persons who come back after their node has died need not wait in the
//! lobby again.
//!
//! Each node remembers the members of a dead node for 10 minutes, and sends the list to the others, because the
//! members may come back to a node that has just started. Persons whom a moderator has removed have to wait again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::person::Person;
use super::shared_room::{MAX_PERSONS, RemoteRoom, SharedRoom};

/// For this time, a removed person is not admitted: longer than nodes remember the members of a dead one.
const REMOVED: Duration = Duration::from_secs(1800);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Admissions {
    /// Members of dead nodes.
    lost: BTreeSet<Person>,
    /// Members of dead nodes that other nodes know.
    of_others: BTreeSet<Person>,
    /// Persons who were removed at this node, and the time until which they are not admitted.
    removed: BTreeMap<Person, Duration>,
    /// Persons who were removed at other nodes.
    removed_elsewhere: BTreeSet<Person>,
}

impl Admissions {
    /// Replaces the lists of the other nodes, including nodes that have died.
    pub(super) fn set_remote(&mut self, room: &RemoteRoom) {
        self.lost.clone_from(&room.lost);
        self.of_others.clone_from(&room.admitted);
        self.removed_elsewhere.clone_from(&room.removed);
    }

    /// Whether a person may enter without waiting: a member of a node that has died, whom no
    /// moderator has removed.
    pub(super) fn has(&self, person: Person) -> bool {
        let is_known = self.lost.contains(&person) || self.of_others.contains(&person);
        let is_removed =
            self.removed.contains_key(&person) || self.removed_elsewhere.contains(&person);
        is_known && !is_removed
    }

    /// A moderator removes a person.
    pub(super) fn remove(&mut self, now: Duration, person: Person) {
        self.removed.retain(|_, end| *end > now);
        if self.removed.len() >= MAX_PERSONS
            && let Some(oldest) = self.removed.iter().min_by_key(|(_, end)| **end)
        {
            let oldest = *oldest.0;
            self.removed.remove(&oldest);
        }
        self.removed.insert(person, now.saturating_add(REMOVED));
    }

    /// A person enters the room.
    pub(super) fn enter(&mut self, person: Person) {
        self.removed.remove(&person);
    }

    /// Adds the lists that are sent to other nodes. Lists from other nodes are not passed on: otherwise nobody would
    /// ever be forgotten.
    pub(super) fn share(&self, room: &mut SharedRoom) {
        room.admitted.clone_from(&self.lost);
        room.removed = self.removed.keys().copied().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_persons_are_limited_and_not_admitted() {
        let person = |index: usize| Person::of("team", "test", &index.to_string());
        let mut admissions = Admissions::default();
        let lost = [person(0), person(1)].into();
        admissions.set_remote(&RemoteRoom { lost, ..RemoteRoom::default() });
        assert!(admissions.has(person(0)) && !admissions.has(person(2)));
        for index in 0..=MAX_PERSONS {
            admissions.remove(Duration::from_secs(index as u64), person(index));
        }
        assert_eq!(admissions.removed.len(), MAX_PERSONS);
        assert!(admissions.has(person(0)) && !admissions.has(person(1)));
        admissions.enter(person(1));
        assert!(admissions.has(person(1)));
        let mut room = SharedRoom::default();
        admissions.remove(Duration::from_secs(9000), person(1));
        admissions.share(&mut room);
        assert_eq!(room.removed, [person(1)].into());
        assert_eq!(room.admitted.len(), 2);
    }
}
