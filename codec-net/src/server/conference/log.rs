//! The log of a room: its messages, in the order of their numbers, and how far each person has read. The
//! number of messages, their bytes and their age are limited.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::limits::Limits;
use super::attachment::Attachment;
use super::person::Person;
use super::shared_mark::SharedMark;
use super::shared_message::{SharedFile, SharedMessage, text_for_nodes};

/// Maximum number of read marks. The marks of the persons who read last are kept.
const MAX_MARKS: usize = 1000;
/// Memory of a message except its text, in bytes.
const ENTRY_BYTES: usize = 256;

/// A message before it has a number.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) person: Person,
    /// Number of the person among the persons in the room.
    pub(super) seat: u64,
    pub(super) from: String,
    /// Identifies the message among the messages of its person: a repeated one is not added again.
    pub(super) key: Option<String>,
    pub(super) text: String,
    pub(super) attachment: Option<Attachment>,
}

/// A message of the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// Unix time in milliseconds.
    at_ms: u64,
    person: Person,
    key: Option<String>,
    /// The message as members get it.
    pub(super) line: Arc<str>,
    pub(super) attachment: Option<Attachment>,
}

impl Entry {
    fn new(number: u64, at_ms: u64, draft: Draft) -> Self {
        let Draft { person, seat, from, key, text, attachment } = draft;
        let mut message = serde_json::json!({
            "type": "chat",
            "number": number,
            "time": at_ms,
            "id": seat,
            "person": person.id(),
            "from": from,
            "text": text,
        });
        if let Some(key) = &key {
            message["key"] = key.as_str().into();
        }
        if let Some(attachment) = &attachment {
            message["attachment"] = attachment.json();
        }
        Self { number, at_ms, person, key, line: message.to_string().into(), attachment }
    }

    /// Reads a message that [`Self::new`] wrote.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        let attachment = match message.get("attachment") {
            Some(attachment) => Some(Attachment::parse(attachment)?),
            None => None,
        };
        Some(Self {
            number: message.get("number")?.as_u64()?,
            at_ms: message.get("time")?.as_u64()?,
            person: Person::parse(message.get("person")?.as_str()?)?,
            key: message.get("key").and_then(Value::as_str).map(str::to_owned),
            line: line.into(),
            attachment,
        })
    }

    /// The message for other nodes, if it can be identified there. `url` is the address of this node's pages.
    pub(super) fn shared(&self, url: Option<&str>) -> Option<SharedMessage> {
        let message: Value = serde_json::from_str(&self.line).ok()?;
        let text = message.get("text")?.as_str()?;
        let file = self.attachment.clone();
        let file = file.map(|attachment| SharedFile { text: text.to_owned(), attachment });
        Some(SharedMessage {
            member: 0,
            time: self.at_ms,
            person: self.person,
            from: message.get("from")?.as_str()?.to_owned(),
            key: self.key.clone()?,
            text: text_for_nodes(text, self.attachment.as_ref(), url),
            file,
        })
    }

    fn file_bytes(&self) -> u64 {
        self.attachment.as_ref().map_or(0, |it| it.bytes)
    }

    fn bytes(&self) -> usize {
        self.line.len() + ENTRY_BYTES
    }
}

/// A read mark: the number of the last message that was read, and when it was set.
type Mark = (u64, u64);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct MessageLog {
    limits: Limits,
    entries: VecDeque<Entry>,
    bytes: usize,
    file_bytes: u64,
    last: u64,
    marks: BTreeMap<Person, Mark>,
    next_mark: u64,
    /// Attachments of messages that were dropped.
    dropped: Vec<Attachment>,
    /// Whether it has changed since it was last saved.
    is_changed: bool,
}

impl MessageLog {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            bytes: 0,
            file_bytes: 0,
            last: 0,
            marks: BTreeMap::new(),
            next_mark: 1,
            dropped: Vec::new(),
            is_changed: false,
        }
    }

    /// A log with saved messages and read marks; those that are out of order are omitted.
    pub(super) fn restored(
        limits: Limits,
        last: u64,
        entries: impl IntoIterator<Item = Entry>,
        marks: impl IntoIterator<Item = (Person, u64)>,
    ) -> Self {
        let mut log = Self::new(limits);
        for entry in entries {
            if entry.number > log.last {
                log.push(entry);
            } else {
                log.dropped.extend(entry.attachment);
            }
        }
        log.last = log.last.max(last);
        marks.into_iter().for_each(|(person, number)| log.mark(person, number.min(log.last)));
        log.is_changed = false;
        log
    }

    /// Adds a message at a Unix time; returns it.
    pub(super) fn append(&mut self, at: Duration, draft: Draft) -> Arc<str> {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let entry = Entry::new(self.last.saturating_add(1), at_ms, draft);
        let line = Arc::clone(&entry.line);
        self.push(entry);
        line
    }

    fn push(&mut self, entry: Entry) {
        self.last = entry.number;
        self.bytes += entry.bytes();
        self.file_bytes += entry.file_bytes();
        self.entries.push_back(entry);
        while self.is_over() {
            self.drop_first();
        }
        self.is_changed = true;
    }

    fn is_over(&self) -> bool {
        let limits = &self.limits;
        self.entries.len() > limits.room_messages
            || self.entries.len() > 1
                && (self.bytes > limits.room_message_bytes
                    || self.file_bytes > limits.room_files_bytes)
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.bytes();
        self.file_bytes -= entry.file_bytes();
        self.dropped.extend(entry.attachment);
        self.is_changed = true;
    }

    /// Drops messages that are too old at a Unix time.
    pub(super) fn expire(&mut self, at: Duration) {
        while self.next_expiry().is_some_and(|due| due <= at) {
            self.drop_first();
        }
    }

    /// The Unix time when the first message is too old.
    pub(super) fn next_expiry(&self) -> Option<Duration> {
        let first = Duration::from_millis(self.entries.front()?.at_ms);
        Some(first.saturating_add(self.limits.room_message_age))
    }

    /// Whether the log has no messages; it may have read marks.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of the last message, also if it was dropped; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The number of the first message, or of the next one if there is no message.
    pub(super) fn first(&self) -> u64 {
        self.entries.front().map_or(self.last.saturating_add(1), |it| it.number)
    }

    /// The message of a person with this key.
    pub(super) fn find(&self, person: Person, key: &str) -> Option<&Entry> {
        let is_it = |it: &&Entry| it.person == person && it.key.as_deref() == Some(key);
        self.entries.iter().rev().find(is_it)
    }

    /// The messages after `number`: at most `count` of them, and at most `bytes` in total, but at
    /// least one.
    pub(super) fn after(
        &self,
        number: u64,
        count: usize,
        bytes: usize,
    ) -> impl Iterator<Item = &Arc<str>> {
        let first = self.entries.partition_point(|it| it.number <= number);
        let mut sum = 0;
        self.entries.range(first..).take(count).map(|it| &it.line).take_while(move |line| {
            let is_first = sum == 0;
            sum += line.len();
            is_first || sum <= bytes
        })
    }

    /// Sets the read mark of a person; returns it if it has moved.
    pub(super) fn set_read(&mut self, person: Person, number: u64) -> Option<u64> {
        let number = number.min(self.last);
        let before = self.marks.get(&person).map_or(0, |(number, _)| *number);
        if number <= before {
            return None;
        }
        self.mark(person, number);
        Some(number)
    }

    /// The read mark of a person, for other nodes.
    pub(super) fn shared_mark(&self, person: Person) -> SharedMark {
        let number = self.marks.get(&person).map_or(0, |(number, _)| *number);
        let read = self.entries.partition_point(|it| it.number <= number);
        let last = self.entries.range(..read).rev();
        let mut last = last.filter_map(|it| Some((it.person, it.key.clone()?)));
        SharedMark { person, message: last.next() }
    }

    /// All read marks for other nodes, in the order in which they were set.
    pub(super) fn shared_marks(&self) -> Vec<SharedMark> {
        self.marks().into_iter().map(|(person, _)| self.shared_mark(person)).collect()
    }

    /// Records that a person has seen the room at another node, and read none of these messages.
    pub(super) fn see(&mut self, person: Person) {
        if !self.marks.contains_key(&person) {
            self.mark(person, 0);
        }
    }

    /// Records that a person has seen the room: from now on it misses messages. Returns the read mark, if the
    /// person was here before.
    pub(super) fn enter(&mut self, person: Person) -> Option<u64> {
        let read = self.marks.get(&person).map(|(number, _)| *number);
        if read.is_none() {
            self.mark(person, self.last);
        }
        read
    }

    fn mark(&mut self, person: Person, number: u64) {
        if self.marks.len() >= MAX_MARKS && !self.marks.contains_key(&person) {
            let oldest = self.marks.iter().min_by_key(|(_, (_, set))| *set);
            if let Some(oldest) = oldest.map(|(person, _)| *person) {
                self.marks.remove(&oldest);
            }
        }
        self.marks.insert(person, (number, self.next_mark));
        self.next_mark += 1;
        self.is_changed = true;
    }

    /// Drops all messages.
    pub(super) fn clear(&mut self) {
        while !self.entries.is_empty() {
            self.drop_first();
        }
    }

    /// Attachments of messages that were dropped since the last call: their files can be deleted.
    pub(super) fn take_dropped(&mut self) -> Vec<Attachment> {
        std::mem::take(&mut self.dropped)
    }

    /// All messages and read marks.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// All read marks, in the order in which they were set.
    pub(super) fn marks(&self) -> Vec<(Person, u64)> {
        let mut marks: Vec<_> = self.marks.iter().collect();
        marks.sort_by_key(|(_, (_, set))| *set);
        marks.into_iter().map(|(person, (number, _))| (*person, *number)).collect()
    }

    /// Whether it has changed since it was saved.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Records that it was saved.
    pub(super) fn set_saved(&mut self) {
        self.is_changed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(100);

    fn person(name: &str) -> Person {
        Person::of("team", "test", name)
    }

    fn log() -> MessageLog {
        MessageLog::new(Limits {
            room_messages: 5,
            room_message_bytes: 5000,
            room_message_age: AGE,
            room_files_bytes: 1000,
            ..Limits::default()
        })
    }

    fn say(text: &str) -> Draft {
        Draft {
            person: person("ann"),
            seat: 1,
            from: "Ann".to_owned(),
            key: Some(text.to_owned()),
            text: text.to_owned(),
            attachment: None,
        }
    }

    fn file(name: &str, bytes: u64) -> Draft {
        let attachment = Attachment { bytes, ..Attachment::example(name) };
        Draft { attachment: Some(attachment), ..say(name) }
    }

    fn numbers(log: &MessageLog, after: u64, count: usize, bytes: usize) -> Vec<u64> {
        let lines = log.after(after, count, bytes);
        lines.map(|line| Entry::parse(line).unwrap().number).collect()
    }

    #[test]
    fn numbers_increase_and_the_oldest_messages_are_dropped() {
        let mut log = log();
        assert_eq!((log.first(), log.last()), (1, 0));
        for index in 1..=7_u64 {
            let line = log.append(Duration::from_secs(index), say(&index.to_string()));
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&line["number"], &line["time"]), (&index.into(), &(index * 1000).into()));
        }
        assert_eq!((log.first(), log.last()), (3, 7));
        assert_eq!(numbers(&log, 0, 9, 9999), [3, 4, 5, 6, 7]);
        assert_eq!(numbers(&log, 5, 1, 9999), [6]);
        assert_eq!(numbers(&log, 5, 9, 1), [6], "at least one");
        assert!(numbers(&log, 7, 9, 9999).is_empty());
        log.append(Duration::from_secs(8), say(&"x".repeat(4000)));
        assert!(log.first() > 4, "bytes are limited, too");
        log.append(Duration::from_secs(9), say(&"y".repeat(6000)));
        assert_eq!((log.first(), log.last()), (9, 9), "the newest one stays");
    }

    #[test]
    fn messages_expire_and_their_files_are_dropped() {
        let mut log = log();
        log.append(Duration::from_secs(1), file("a", 600));
        log.append(Duration::from_secs(2), say("text"));
        assert_eq!(log.next_expiry(), Some(Duration::from_secs(101)));
        log.expire(Duration::from_secs(100));
        assert_eq!(log.first(), 1);
        log.append(Duration::from_secs(3), file("b", 600));
        let dropped: Vec<_> = log.take_dropped().into_iter().map(|it| it.name).collect();
        assert_eq!(dropped, ["a"], "files of a room are limited");
        log.expire(Duration::from_secs(102));
        assert_eq!(log.first(), 3);
        log.expire(Duration::from_secs(103));
        assert!(log.is_empty() && log.next_expiry().is_none());
        assert_eq!(log.last(), 3, "numbers continue");
        assert_eq!(log.take_dropped().len(), 1);
    }

    #[test]
    fn a_repeated_message_is_found_by_person_and_key() {
        let mut log = log();
        log.append(Duration::ZERO, say("once"));
        assert_eq!(log.find(person("ann"), "once").unwrap().number, 1);
        assert!(log.find(person("bob"), "once").is_none());
        assert!(log.find(person("ann"), "twice").is_none());
    }

    #[test]
    fn read_marks_only_advance_and_are_limited() {
        let mut log = log();
        (1..=3).for_each(|index| _ = log.append(Duration::ZERO, say(&index.to_string())));
        assert_eq!(log.enter(person("ann")), None);
        assert_eq!(log.enter(person("ann")), Some(3), "from now on it misses messages");
        assert_eq!(log.enter(person("bob")), None);
        (4..=6).for_each(|index| _ = log.append(Duration::ZERO, say(&index.to_string())));
        assert_eq!(log.set_read(person("ann"), 5), Some(5));
        assert_eq!(log.set_read(person("ann"), 4), None);
        assert_eq!(log.set_read(person("ann"), u64::MAX), Some(6), "at most the last message");
        for index in 0..MAX_MARKS {
            log.set_read(person(&index.to_string()), 1);
        }
        assert_eq!(log.marks().len(), MAX_MARKS);
        assert_eq!(log.enter(person("bob")), None, "the oldest marks were dropped");
    }

    #[test]
    fn a_log_is_restored_from_its_lines() {
        let mut log = log();
        log.append(Duration::from_secs(1), say("text"));
        log.append(Duration::from_secs(2), file("a", 600));
        log.set_read(person("bob"), 1);
        assert!(log.is_changed());
        log.set_saved();
        assert!(!log.is_changed());
        let lines: Vec<_> = log.entries().map(|it| Arc::clone(&it.line)).collect();
        let entries = lines.iter().filter_map(|line| Entry::parse(line));
        let mut restored = MessageLog::restored(log.limits, 9, entries, log.marks());
        assert_eq!(numbers(&restored, 0, 9, 9999), [1, 2]);
        assert_eq!(restored.enter(person("bob")), Some(1));
        assert_eq!(restored.find(person("ann"), "text").unwrap().number, 1);
        restored.append(Duration::from_secs(3), file("b", 600));
        assert_eq!(restored.last(), 10);
        assert_eq!(restored.take_dropped().len(), 1);
        for damaged in ["", "{}", "[]", "{\"number\":1}", "{\"number\":-1,\"time\":0}"] {
            assert!(Entry::parse(damaged).is_none(), "{damaged}");
        }
    }
}
