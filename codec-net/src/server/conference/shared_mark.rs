//! Read marks, as one node of a cluster passes them to the others: nodes number messages differently.

use std::time::Duration;

use serde_json::{Value, json};

use super::attachment::key_of;
use super::person::Person;
use super::{Action, Conference, messages};

/// How far a person has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SharedMark {
    pub(super) person: Person,
    /// Author and key of the last message that it has read; `None` if it has read no message of the log.
    pub(super) message: Option<(Person, String)>,
}

impl SharedMark {
    /// The mark as JSON.
    pub(in super::super) fn json(&self) -> Value {
        let author = self.message.as_ref().map(|(author, _)| author.id());
        let key = self.message.as_ref().map(|(_, key)| key);
        json!({ "person": self.person.id(), "author": author, "key": key })
    }

    /// Reads what [`Self::json`] wrote; `None` if it is not valid.
    pub(in super::super) fn parse(value: &Value) -> Option<Self> {
        let person = |name| Person::parse(value.get(name)?.as_str()?);
        let message = match value.get("author")? {
            Value::Null => None,
            _ => Some((person("author")?, key_of(value)?)),
        };
        Some(Self { person: person("person")?, message })
    }

    #[cfg(test)]
    pub(in super::super) fn example(name: &str, author: Option<&str>) -> Self {
        let person = |name| Person::of("team", "test", name);
        Self {
            person: person(name),
            message: author.map(|author| (person(author), "1".to_owned())),
        }
    }
}

impl Conference {
    /// Sets the read mark of a person at another node. One at an unknown message is ignored.
    pub(super) fn read_remote(&mut self, now: Duration, mark: &SharedMark) {
        let SharedMark { person, message } = mark;
        let Some((author, key)) = message else { return self.log.see(*person) };
        if let Some(number) = self.log.find(*author, key).map(|it| it.number) {
            self.set_read(*person, number);
        }
        self.forward(now);
    }

    /// Sets the read mark of a person, and reports it to the person's devices at this node. Returns whether it has moved.
    pub(super) fn set_read(&mut self, person: Person, number: u64) -> bool {
        let Some(number) = self.log.set_read(person, number) else { return false };
        let text = messages::read(number);
        let devices = self.members.iter().filter(|(_, it)| it.person == person && it.is_greeted);
        let told = devices.map(|(id, _)| (*id, Action::Tell(text.clone())));
        self.actions.extend(told);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_a_round_trip_and_damaged_ones_are_rejected() {
        for author in [None, Some("Bob")] {
            let mark = SharedMark::example("Ann", author);
            assert_eq!(SharedMark::parse(&mark.json()), Some(mark));
        }
        for (field, wrong) in [
            ("person", json!("x")),
            ("author", json!(1)),
            ("author", json!("x")),
            ("key", json!("")),
        ] {
            let mut value = SharedMark::example("Ann", Some("Bob")).json();
            value[field] = wrong;
            assert_eq!(SharedMark::parse(&value), None, "{field}");
        }
    }
}
