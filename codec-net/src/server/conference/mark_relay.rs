//! Limits how often the read mark of a person is sent to other nodes: at most one, the latest, in 500 ms.

use std::collections::BTreeMap;
use std::time::Duration;

use super::person::Person;

/// Shortest time between two marks of a person.
const MARK_INTERVAL: Duration = Duration::from_millis(500);

/// The mark of a person.
#[derive(Debug)]
struct State {
    /// When it may be passed on again.
    next: Duration,
    /// Whether it has moved since.
    waits: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct MarkRelay {
    persons: BTreeMap<Person, State>,
}

impl MarkRelay {
    /// The mark of a person has moved; returns whether it is passed on now.
    pub(super) fn has_moved(&mut self, now: Duration, person: Person) -> bool {
        let unknown = || State { next: Duration::ZERO, waits: false };
        let state = self.persons.entry(person).or_insert_with(unknown);
        state.waits = now < state.next;
        if !state.waits {
            state.next = now.saturating_add(MARK_INTERVAL);
        }
        !state.waits
    }

    /// Persons whose marks are passed on now.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<Person> {
        let mut due = Vec::new();
        self.persons.retain(|person, state| {
            if state.next > now {
                return true;
            }
            let waited = std::mem::replace(&mut state.waits, false);
            if waited {
                due.push(*person);
                state.next = now.saturating_add(MARK_INTERVAL);
            }
            waited
        });
        due
    }

    /// When the next mark is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.persons.values().filter(|it| it.waits).map(|it| it.next).min()
    }

    /// Persons whose marks have not been passed on.
    pub(super) fn take_all(&mut self) -> Vec<Person> {
        let all = std::mem::take(&mut self.persons);
        all.into_iter().filter(|(_, it)| it.waits).map(|(person, _)| person).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_of_an_interval_is_passed_on() {
        let (ann, bob) = (Person::of("team", "test", "ann"), Person::of("team", "test", "bob"));
        let at = Duration::from_millis;
        let mut marks = MarkRelay::default();
        assert!(marks.has_moved(at(0), ann));
        assert!(!marks.has_moved(at(10), ann) && !marks.has_moved(at(20), ann));
        assert!(marks.has_moved(at(20), bob), "each person has its own limit");
        assert_eq!((marks.poll_timeout(), marks.take_due(at(499))), (Some(at(500)), Vec::new()));
        assert_eq!((marks.take_due(at(500)), marks.poll_timeout()), (vec![ann], None));
        assert!(!marks.has_moved(at(600), ann));
        assert_eq!((marks.take_all(), marks.poll_timeout()), (vec![ann], None));
        assert!(marks.has_moved(at(600), ann));
        assert!(marks.take_due(at(1100)).is_empty() && marks.persons.is_empty());
    }
}
