//! Messages of the members of this node, kept to be sent again, because messages are lost while the bus is down.
//!
//! A node numbers its messages, and announces the number of the last one in each room. A node that misses some of them
//! requests all messages after the last number that it has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::conference::SharedMessage;

/// Maximum number of messages that are kept of a room: as in its log.
const MAX_MESSAGES: usize = 500;
/// Maximum number of bytes of these messages.
const MAX_BYTES: usize = 256 << 10;
/// Maximum number of rooms.
const MAX_ROOMS: usize = 1000;
/// A room is forgotten after this time without messages.
const KEEP: Duration = Duration::from_secs(3600);
/// Maximum number of messages that are sent again at once.
const BATCH: usize = 100;
/// All nodes get what is sent again: in this time, requests of others are answered by it, too.
const SHARED_ANSWER: Duration = Duration::from_millis(500);

/// A message with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    /// Its number at its node; 0 if the node does not number messages.
    pub(super) number: u64,
    /// The number of the message before, in the same room; 0 if there is none.
    pub(super) previous: u64,
    pub(super) message: SharedMessage,
}

/// Messages in a room.
#[derive(Debug, Default)]
struct Sent {
    messages: VecDeque<Numbered>,
    bytes: usize,
    last_at: Duration,
    /// The last time when messages were sent again, and the number before them.
    again: Option<(Duration, u64)>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Number of the last message.
    last: u64,
    rooms: BTreeMap<Arc<str>, Sent>,
}

impl Outbox {
    /// Numbers a message, and keeps it.
    pub(super) fn push(
        &mut self,
        now: Duration,
        room: &Arc<str>,
        message: SharedMessage,
    ) -> Numbered {
        self.expire(now, room);
        self.last += 1;
        let sent = self.rooms.entry(Arc::clone(room)).or_default();
        let previous = sent.messages.back().map_or(0, |it| it.number);
        let numbered = Numbered { number: self.last, previous, message };
        sent.last_at = now;
        sent.bytes += numbered.message.bytes();
        sent.messages.push_back(numbered.clone());
        while sent.messages.len() > MAX_MESSAGES
            || (sent.bytes > MAX_BYTES && sent.messages.len() > 1)
        {
            let first = sent.messages.pop_front();
            sent.bytes -= first.map_or(0, |it| it.message.bytes());
        }
        numbered
    }

    /// Forgets rooms without messages for a long time, and the oldest one if there is no space for another.
    fn expire(&mut self, now: Duration, room: &Arc<str>) {
        self.rooms.retain(|_, it| now.saturating_sub(it.last_at) < KEEP);
        if self.rooms.len() >= MAX_ROOMS && !self.rooms.contains_key(room) {
            let oldest = self.rooms.iter().min_by_key(|(_, it)| it.last_at);
            if let Some(oldest) = oldest.map(|(room, _)| Arc::clone(room)) {
                self.rooms.remove(&oldest);
            }
        }
    }

    /// The number of the last message in each room.
    pub(super) fn last_numbers(&self) -> BTreeMap<Arc<str>, u64> {
        let last = self.rooms.iter().filter_map(|(room, it)| Some((room, it.messages.back()?)));
        last.map(|(room, it)| (Arc::clone(room), it.number)).collect()
    }

    /// Returns messages of a room after a number, to send them again. Their count is limited; the other node requests
    /// the next ones.
    pub(super) fn after(&mut self, now: Duration, room: &Arc<str>, number: u64) -> Vec<Numbered> {
        let Some(sent) = self.rooms.get_mut(room) else { return Vec::new() };
        let is_answered = |(at, after): (Duration, u64)| {
            now.saturating_sub(at) < SHARED_ANSWER && number >= after
        };
        if sent.again.is_some_and(is_answered) {
            return Vec::new();
        }
        sent.again = Some((now, number));
        let missing = sent.messages.iter().filter(|it| it.number > number).take(BATCH);
        let mut missing: Vec<Numbered> = missing.cloned().collect();
        if let Some(first) = missing.first_mut() {
            // Those in between are gone.
            first.previous = first.previous.min(number);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(messages: &[Numbered]) -> Vec<(u64, u64)> {
        messages.iter().map(|it| (it.previous, it.number)).collect()
    }

    #[test]
    fn messages_are_kept_within_limits() {
        let (team, other) = (Arc::from("team"), Arc::from("other"));
        let mut outbox = Outbox::default();
        let at = Duration::from_secs;
        let message = |text: &str| SharedMessage::example("Ann", text);
        outbox.push(at(1), &team, message("1"));
        outbox.push(at(1), &other, message("2"));
        assert_eq!(outbox.push(at(1), &team, message("3")).previous, 1);
        assert_eq!(outbox.last_numbers(), [(other.clone(), 2), (team.clone(), 3)].into());
        assert_eq!(numbers(&outbox.after(at(2), &team, 0)), [(0, 1), (1, 3)]);
        assert!(outbox.after(at(2), &team, 1).is_empty(), "all nodes have just got it");
        assert_eq!(numbers(&outbox.after(at(3), &team, 1)), [(1, 3)]);
        for _ in 0..MAX_MESSAGES {
            outbox.push(at(4), &team, message("x"));
        }
        let again = numbers(&outbox.after(at(5), &team, 1));
        assert_eq!((again[0], again.len()), ((1, 4), BATCH), "the third one is gone");
        for _ in 0..200 {
            outbox.push(at(4), &team, message(&"x".repeat(3000)));
        }
        assert!(outbox.rooms[&team].bytes <= MAX_BYTES);
        outbox.push(at(4000), &other, message("later"));
        assert_eq!(outbox.last_numbers(), [(other, 704)].into());
        assert!(outbox.after(at(4000), &team, 0).is_empty());
    }

    #[test]
    fn rooms_are_limited() {
        let mut outbox = Outbox::default();
        for index in 0..=MAX_ROOMS {
            let at = Duration::from_millis(index as u64);
            let room = Arc::from(index.to_string());
            outbox.push(at, &room, SharedMessage::example("Ann", "Hello"));
        }
        let last = outbox.last_numbers();
        assert_eq!((last.len(), last.get("0")), (MAX_ROOMS, None));
    }
}
