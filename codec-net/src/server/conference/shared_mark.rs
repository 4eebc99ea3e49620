//! Read marks, as one node of a cluster passes them to the others. A mark identifies a message by author and key,
//! because each node numbers messages differently.

use serde_json::{Value, json};

use super::attachment::key_of;
use super::person::Person;

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
