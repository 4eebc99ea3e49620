//! Messages of a room: text and files, which are kept for persons who are absent, and read marks: how far
//! each person has read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::attachment::{Attachment, Refusal, key_of, plain};
use super::log::Draft;
use super::member::{FILE_BYTES_PER_SECOND, FILES_PER_SECOND, HISTORIES_PER_SECOND};
use super::node_output::Relay;
use super::person::Person;
use super::shared_mark::SharedMark;
use super::shared_message::{MAX_CHAT_CHARS, SharedFile, SharedMessage, text_for_nodes};
use super::{Action, Conference, messages};
use crate::random;

/// Maximum number of messages that a member gets at once.
const BATCH_MESSAGES: usize = 50;
/// Maximum number of bytes of messages that a member gets at once.
const BATCH_BYTES: usize = 64 << 10;

/// A file that a member offers to the room.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct FileOffer {
    /// The member's number of the transfer.
    pub(in super::super) transfer: u64,
    /// Id of the person: the devices of a person share incomplete files.
    pub(in super::super) owner: String,
    pub(in super::super) attachment: Attachment,
    key: Option<String>,
    text: String,
}

impl Conference {
    /// Sends a member that joins the state of the log, and the messages that it missed.
    pub(super) fn greet_with_log(&mut self, id: u64) {
        let Some(member) = self.members.get(&id) else { return };
        let person = member.person;
        let read = self.log.enter(person);
        if read.is_none() {
            self.relays.push_back(Relay::Read(self.log.shared_mark(person)));
        }
        self.actions.push_back((id, Action::Tell(messages::log(&self.log, read, &self.limits))));
        // Also some that it has read: they show what the others answer to.
        let recent = self.log.last().saturating_sub(BATCH_MESSAGES as u64);
        let after = read.map_or(recent, |read| read.min(recent));
        self.send_history(id, after);
    }

    fn send_history(&mut self, id: u64, after: u64) {
        let lines = self.log.after(after, BATCH_MESSAGES, BATCH_BYTES);
        self.actions.extend(lines.map(|line| (id, Action::Tell(Arc::clone(line)))));
    }

    /// Sends earlier messages again.
    pub(super) fn repeat(&mut self, now: Duration, id: u64, message: &Value) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let after = message.get("after").and_then(Value::as_u64).unwrap_or_default();
        if member.histories.take(now, 1) {
            self.send_history(id, after);
        } else {
            let refusal = Refusal::MessageRate(HISTORIES_PER_SECOND);
            self.actions
                .push_back((id, Action::Tell(messages::refused("history", None, &refusal))));
        }
    }

    /// Adds a text to the log, and sends it to all members.
    pub(super) fn say(&mut self, now: Duration, id: u64, message: &Value) {
        let key = key_of(message);
        let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
        let text = plain(text, MAX_CHAT_CHARS);
        if text.is_empty() || self.has_said(id, key.as_deref()) {
            return;
        }
        let limit = u64::from(self.limits.room_messages_per_second);
        let Some(member) = self.members.get_mut(&id) else { return };
        if !member.messages.take(now, 1) {
            let refused = messages::refused("chat", key.as_deref(), &Refusal::MessageRate(limit));
            self.actions.push_back((id, Action::Tell(refused)));
            return;
        }
        self.append(now, id, key, text, None);
    }

    /// Whether the log has a message of this person already, after a cut connection; sends it again to
    /// this member only.
    fn has_said(&mut self, id: u64, key: Option<&str>) -> bool {
        let said = self.members.get(&id).zip(key);
        let entry = said.and_then(|(member, key)| self.log.find(member.person, key));
        let Some(entry) = entry else { return false };
        self.actions.push_back((id, Action::Tell(Arc::clone(&entry.line))));
        true
    }

    fn append(
        &mut self,
        now: Duration,
        id: u64,
        key: Option<String>,
        text: String,
        attachment: Option<Attachment>,
    ) {
        let Some(member) = self.members.get(&id) else { return };
        let (person, seat, from) = (member.person, member.seat, member.name.clone());
        // Other nodes identify the message by its key.
        let key = key.unwrap_or_else(|| random::hex(&random::bytes::<16>()));
        let at = self.epoch.saturating_add(now);
        // A file without a text is reported by its name.
        let name = attachment.as_ref().map(|it| it.name.clone()).filter(|_| text.is_empty());
        let said = name.unwrap_or_else(|| text.clone());
        self.said.push_back((id, said));
        let shared = text_for_nodes(&text, attachment.as_ref(), self.own_url.as_deref());
        let file = attachment.clone();
        let file = file.map(|attachment| SharedFile { text: text.clone(), attachment });
        self.relays.push_back(Relay::Message(SharedMessage {
            member: id,
            time: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            person,
            from: from.clone(),
            key: key.clone(),
            text: shared,
            file,
        }));
        let draft = Draft { person, seat, from, key: Some(key), text, attachment };
        let line = self.log.append(at, draft);
        self.tell_all(&line);
        // The author has read it: other nodes know that, too.
        self.set_read(person, self.log.last());
    }

    /// Handles the offer of a file: its transfer begins, or is refused with a reason.
    pub(super) fn offer_file(&mut self, now: Duration, id: u64, message: &Value) {
        let transfer = message.get("id").and_then(Value::as_u64).unwrap_or_default();
        let key = key_of(message);
        if self.has_said(id, key.as_deref()) {
            self.actions.push_back((id, Action::Tell(messages::file_stored(transfer))));
            return;
        }
        let offered = Attachment::of_offer(message, self.limits.room_file_bytes);
        let Some(member) = self.members.get_mut(&id) else { return };
        let allowed = offered.and_then(|attachment| {
            // An offer that is repeated after a cut connection costs no bytes again.
            if !member.files.take(now, 1) {
                return Err(Refusal::FileRate(FILES_PER_SECOND));
            }
            let digest = Some(&attachment.sha256);
            if member.last_offer.as_ref() != digest
                && !member.file_bytes.take(now, attachment.bytes)
            {
                return Err(Refusal::ByteRate(FILE_BYTES_PER_SECOND));
            }
            member.last_offer = digest.cloned();
            Ok(attachment)
        });
        let action = match allowed {
            Ok(attachment) => {
                let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
                let text = plain(text, MAX_CHAT_CHARS);
                let owner = member.person.id();
                Action::Receive(Box::new(FileOffer { transfer, owner, attachment, key, text }))
            }
            Err(refusal) => Action::Tell(messages::file_rejected(transfer, &refusal)),
        };
        self.actions.push_back((id, action));
    }

    /// Adds a message with a file that has arrived completely, stored under an id.
    pub(in super::super) fn file_stored(
        &mut self,
        now: Duration,
        id: u64,
        offer: FileOffer,
        file: String,
    ) {
        let FileOffer { attachment, key, text, .. } = offer;
        if self.has_said(id, key.as_deref()) {
            // Two devices sent the same message.
            self.unused_files.push(file);
            return;
        }
        self.append(now, id, key, text, Some(Attachment { file, ..attachment }));
    }

    /// Sets the read mark of a member's person.
    pub(super) fn mark_read(&mut self, now: Duration, id: u64, number: u64) {
        let Some(person) = self.members.get(&id).map(|it| it.person) else { return };
        if self.set_read(person, number) && self.marks.has_moved(now, person) {
            self.share_marks(vec![person]);
        }
    }

    /// Passes the read marks of persons to other nodes.
    pub(super) fn share_marks(&mut self, persons: Vec<Person>) {
        let log = &self.log;
        self.relays.extend(persons.into_iter().map(|it| Relay::Read(log.shared_mark(it))));
    }

    /// Sets the read mark of a person as reported by another node. A mark at an unknown message is
    /// ignored.
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

    /// Files attached to messages from other nodes, since the last call.
    pub(super) fn take_remote_files(&mut self) -> Vec<Attachment> {
        std::mem::take(&mut self.remote_files)
    }

    /// Ids of files that no message refers to any more.
    pub(super) fn take_unused_files(&mut self) -> Vec<String> {
        let dropped = self.log.take_dropped().into_iter().map(|it| it.file);
        self.unused_files.extend(dropped);
        std::mem::take(&mut self.unused_files)
    }
}
