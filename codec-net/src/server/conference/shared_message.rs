//! Messages of members (text and files), as one node of a cluster passes them to the others.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Conference;
use super::attachment::{Attachment, key_of, plain};
use super::member::MAX_NAME_CHARS;
use super::origin::Origin;
use super::person::Person;

/// Maximum number of characters of a text.
pub(super) const MAX_CHAT_CHARS: usize = 1000;

/// A message of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SharedMessage {
    /// Its number at its node.
    pub(super) member: u64,
    /// Unix time in milliseconds.
    pub(super) time: u64,
    pub(super) person: Person,
    pub(super) from: String,
    /// Identifies it among the messages of its person.
    pub(super) key: String,
    /// The text, which describes the file in words: some nodes cannot store files.
    pub(super) text: String,
    pub(super) file: Option<SharedFile>,
}

/// A file of a message, and the text without its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SharedFile {
    pub(super) text: String,
    pub(super) attachment: Attachment,
}

impl SharedFile {
    /// Reads a file; `None` if it is not valid.
    fn parse(value: &Value) -> Option<Self> {
        let text = plain(value.get("text")?.as_str()?, MAX_CHAT_CHARS);
        Some(Self { text, attachment: Attachment::of_node(value.get("attachment")?)? })
    }
}

impl SharedMessage {
    /// The message as JSON.
    pub(in super::super) fn json(&self) -> Value {
        let mut message = json!({
            "member": self.member,
            "time": self.time,
            "person": self.person.id(),
            "from": self.from,
            "key": self.key,
            "text": self.text,
        });
        if let Some(SharedFile { text, attachment }) = &self.file {
            message["file"] = json!({ "text": text, "attachment": attachment.json() });
        }
        message
    }

    /// About as many bytes as it has in a message on the bus.
    pub(in super::super) fn bytes(&self) -> usize {
        const REST: usize = 256;
        let file = self.file.as_ref();
        let file = file.map_or(0, |it| it.text.len() + it.attachment.name.len() + REST);
        self.text.len() + self.from.len() + file + REST
    }

    #[cfg(test)]
    pub(in super::super) fn example(from: &str, text: &str) -> Self {
        Self {
            member: 3,
            time: 1_000,
            person: Person::of("team", "test", from),
            from: from.to_owned(),
            key: "1".to_owned(),
            text: text.to_owned(),
            file: None,
        }
    }

    /// Reads what [`Self::json`] wrote; `None` if it is not valid.
    pub(in super::super) fn parse(value: &Value) -> Option<Self> {
        let text = |name: &str, most| Some(plain(value.get(name)?.as_str()?, most));
        Some(Self {
            member: value.get("member")?.as_u64()?,
            time: value.get("time")?.as_u64()?,
            person: Person::parse(value.get("person")?.as_str()?)?,
            from: text("from", MAX_NAME_CHARS)?,
            key: key_of(value)?,
            text: text("text", MAX_CHAT_CHARS).filter(|text| !text.is_empty())?,
            // One that is not valid stays described in words.
            file: value.get("file").and_then(SharedFile::parse),
        })
    }
}

/// The text of a message for nodes that cannot store its file, which is described in words.
pub(super) fn text_for_nodes(text: &str, file: Option<&Attachment>, url: Option<&str>) -> String {
    const DASH: &str = " – ";
    let Some(words) = file.map(|it| it.in_words(url)) else { return text.to_owned() };
    if text.is_empty() {
        return words;
    }
    let room = MAX_CHAT_CHARS.saturating_sub(words.chars().count() + DASH.chars().count());
    let kept: String = text.chars().take(room).collect();
    format!("{kept}{DASH}{words}")
}

impl Conference {
    /// Adds a message of a member at another node to the log, unless it is there already.
    pub(super) fn say_remote(&mut self, now: Duration, node: u64, message: SharedMessage) {
        let origin = Origin { node, member: message.member };
        let author = message.person;
        let seat = self.number_of(origin).unwrap_or_default();
        if self.log_remote(now, message, seat)
            && let Some(line) = self.log.entries().last().map(|it| Arc::clone(&it.line))
        {
            self.tell_all(&line);
            self.set_read(author, self.log.last());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_leaves_room_for_the_words_of_a_file() {
        let file = Attachment::example("a");
        let words = file.in_words(Some("https://a.example"));
        let text = "é".repeat(MAX_CHAT_CHARS);
        let shared = text_for_nodes(&text, Some(&file), Some("https://a.example"));
        assert!(shared.ends_with(&format!("é – {words}")));
        assert_eq!(shared.chars().count(), MAX_CHAT_CHARS);
        assert_eq!(text_for_nodes("", Some(&file), Some("https://a.example")), words);
        assert_eq!(text_for_nodes("text", None, None), "text");
    }

    #[test]
    fn messages_survive_a_round_trip_and_damaged_ones_are_rejected() {
        let message = SharedMessage::example("Ann", "Hello");
        assert_eq!(SharedMessage::parse(&message.json()), Some(message.clone()));
        for (field, wrong) in [
            ("member", json!(null)),
            ("time", json!(-1)),
            ("person", json!("x")),
            ("key", json!(null)),
            ("text", json!(" \u{7}")),
        ] {
            let mut value = message.json();
            value[field] = wrong;
            assert_eq!(SharedMessage::parse(&value), None, "{field}");
        }
        let attachment = Attachment { file: "0a".repeat(16), ..Attachment::example("a") };
        let file = Some(SharedFile { text: String::new(), attachment });
        let with_file = SharedMessage { file, ..message.clone() };
        let mut value = with_file.json();
        assert_eq!(SharedMessage::parse(&value), Some(with_file));
        value["file"]["attachment"]["sha256"] = json!("x");
        assert_eq!(SharedMessage::parse(&value), Some(message.clone()), "without the file");
        let mut long = message.json();
        long["text"] = json!("x".repeat(5000));
        assert_eq!(SharedMessage::parse(&long).unwrap().text.len(), MAX_CHAT_CHARS);
    }
}
