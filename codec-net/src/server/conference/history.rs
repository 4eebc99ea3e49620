//! Chat messages and read marks of a room from before it was open at this node. They are requested from another node.
//!
//! Members that join get the room's message log when these messages have arrived, or after a timeout. If a node does
//! not answer, the next one is asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Conference;
use super::log::Draft;
use super::node_output::Relay;
use super::shared_history::{HistoryPiece, PIECE_MARKS, PIECE_MESSAGES};
use super::shared_mark::SharedMark;
use super::shared_message::{SharedFile, SharedMessage};

/// If a node does not answer completely within this time, the next one is asked.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// Members wait for the messages at most this long.
const HISTORY_TIME: Duration = Duration::from_secs(2);
/// Maximum number of bytes of the messages in a piece of an answer: it fits into a message of the bus.
const PIECE_BYTES: usize = 128 << 10;

/// State of the messages from before the room was open here.
#[derive(Debug, Default)]
pub(super) enum History {
    /// All of them are here, or there are none.
    #[default]
    Complete,
    /// The nodes that have the room did not answer.
    Incomplete,
    /// They were requested.
    Requested(HistoryRequest),
}

impl History {
    fn request(&mut self) -> Option<&mut HistoryRequest> {
        match self {
            Self::Requested(request) => Some(request),
            Self::Complete | Self::Incomplete => None,
        }
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self {
            Self::Requested(request) => Some(request.poll_timeout()),
            Self::Complete | Self::Incomplete => None,
        }
    }
}

/// A request for messages of a room to other nodes.
#[derive(Debug)]
pub(super) struct HistoryRequest {
    /// The node that was asked last.
    asked: Option<u64>,
    tried: BTreeSet<u64>,
    /// When another one is asked.
    next_ask: Duration,
    end: Duration,
    next_piece: u64,
    messages: Vec<SharedMessage>,
    /// Members that get the state of the log afterwards.
    members: BTreeSet<u64>,
    /// Whether the members got the log without these messages before.
    is_late: bool,
}

impl HistoryRequest {
    fn new(now: Duration, is_late: bool) -> Self {
        Self {
            is_late,
            asked: None,
            tried: BTreeSet::new(),
            next_ask: now,
            end: now.saturating_add(HISTORY_TIME),
            next_piece: 0,
            messages: Vec::new(),
            members: BTreeSet::new(),
        }
    }

    fn poll_timeout(&self) -> Duration {
        // Without an asked node, another one has to appear first.
        if self.asked.is_some() { self.next_ask.min(self.end) } else { self.end }
    }
}

impl Conference {
    /// Starts to request messages for a room that was just opened. `may_change` states whether nodes may exist that are
    /// not known.
    pub(super) fn begin_history(&mut self, now: Duration, may_change: bool) {
        if may_change || !self.room_nodes.is_empty() {
            self.history = History::Requested(HistoryRequest::new(now, false));
        }
    }

    /// Requests the messages again if no node has answered.
    pub(super) fn retry_history(&mut self, now: Duration) {
        if matches!(self.history, History::Incomplete) {
            self.history = History::Requested(HistoryRequest::new(now, true));
            self.continue_history(now);
        }
    }

    /// Sets the other nodes that have the room.
    pub(super) fn set_room_nodes(&mut self, now: Duration, nodes: &[u64], may_change: bool) {
        nodes.clone_into(&mut self.room_nodes);
        if !may_change && self.room_nodes.is_empty() {
            self.end_history(now);
        }
        self.continue_history(now);
    }

    /// Asks the next node if that is due, or ends the request.
    pub(super) fn continue_history(&mut self, now: Duration) {
        let Some(request) = self.history.request() else { return };
        if now >= request.end {
            return self.end_history(now);
        }
        if now < request.next_ask {
            return;
        }
        let other = self.room_nodes.iter().find(|node| !request.tried.contains(node));
        if let Some(node) = other.copied() {
            request.tried.insert(node);
            request.asked = Some(node);
            request.next_ask = now.saturating_add(ANSWER_TIME);
            request.next_piece = 0;
            request.messages.clear();
            self.relays.push_back(Relay::AskHistory { node });
        } else if request.asked.is_some() {
            self.end_history(now);
        }
    }

    /// The member gets the state of the log later, if messages are still expected; returns whether they are.
    pub(super) fn awaits_history(&mut self, id: u64) -> bool {
        let Some(request) = self.history.request() else { return false };
        request.members.insert(id);
        true
    }

    /// Handles a piece of an answer. Pieces that were not requested are ignored.
    pub(super) fn receive_history(&mut self, now: Duration, node: u64, piece: HistoryPiece) {
        let most = self.limits.room_messages;
        let Some(request) = self.history.request() else { return };
        if request.asked != Some(node) || request.next_piece != piece.number {
            return;
        }
        request.next_piece += 1;
        request.messages.extend(piece.messages);
        let excess = request.messages.len().saturating_sub(most);
        request.messages.drain(..excess);
        if piece.is_last {
            self.merge_history(now, &piece.marks);
            self.finish_history(now, History::Complete);
        }
        self.forward(now);
    }

    fn merge_history(&mut self, now: Duration, marks: &[SharedMark]) {
        let Some(request) = self.history.request() else { return };
        let mut messages = std::mem::take(&mut request.messages);
        let is_late = request.is_late;
        messages.sort_by_key(|it| it.time);
        if is_late {
            // They must not replace later ones.
            messages.retain(|it| self.log.find(it.person, &it.key).is_none());
            let room = self.limits.room_messages.saturating_sub(self.log.entries().count());
            messages.drain(..messages.len().saturating_sub(room));
        }
        for message in messages {
            let is_new = self.log_remote(now, message, 0);
            let line = self.log.entries().last().map(|it| Arc::clone(&it.line));
            if let Some(line) = line.filter(|_| is_late && is_new) {
                self.tell_all(&line);
            }
        }
        self.log.expire(self.epoch.saturating_add(now));
        marks.iter().for_each(|mark| self.read_remote(now, mark));
    }

    /// Ends without an answer.
    fn end_history(&mut self, now: Duration) {
        let has_others = !self.room_nodes.is_empty();
        self.finish_history(now, if has_others { History::Incomplete } else { History::Complete });
    }

    fn finish_history(&mut self, now: Duration, state: History) {
        if self.history.request().is_none() {
            return;
        }
        let History::Requested(request) = std::mem::replace(&mut self.history, state) else {
            return;
        };
        for id in request.members {
            self.greet_with_log(id);
        }
        self.forward(now);
    }

    /// Answers a request of another node for the messages of the room, unless this node still waits for them itself.
    pub(super) fn share_history(&mut self, node: u64) {
        if self.history.request().is_some_and(|it| !it.is_late) {
            return;
        }
        let (mut pieces, mut bytes) = (vec![Vec::new()], 0);
        let url = self.own_url.as_deref();
        for message in self.log.entries().filter_map(|it| it.shared(url)) {
            bytes += message.bytes();
            if pieces.last().is_some_and(|it| it.len() >= PIECE_MESSAGES) || bytes > PIECE_BYTES {
                bytes = message.bytes();
                pieces.push(Vec::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(message);
            }
        }
        let count = pieces.len();
        for (index, (number, messages)) in (0..).zip(pieces).enumerate() {
            let is_last = index + 1 == count;
            let mut marks = if is_last { self.log.shared_marks() } else { Vec::new() };
            marks.truncate(PIECE_MARKS);
            let piece = HistoryPiece { number, is_last, messages, marks };
            self.relays.push_back(Relay::History { node, piece });
        }
    }

    /// Adds a message of another node to the log, unless it is there already; returns whether it was added.
    pub(super) fn log_remote(&mut self, now: Duration, message: SharedMessage, seat: u64) -> bool {
        let SharedMessage { member: _, time, person, from, key, text, file } = message;
        let now = self.epoch.saturating_add(now);
        // Clocks differ: a message cannot be from the future.
        let at = Duration::from_millis(time).min(now);
        let is_old = at.saturating_add(self.limits.room_message_age) <= now;
        if is_old || self.log.find(person, &key).is_some() {
            return false;
        }
        let key = Some(key);
        // Without room for the file, it stays described in words.
        let file = file.filter(|it| it.attachment.bytes <= self.limits.room_file_bytes);
        let (text, attachment) = match file {
            Some(SharedFile { text, attachment }) => (text, Some(attachment)),
            None => (text, None),
        };
        self.remote_files.extend(attachment.clone());
        self.log.append(at, Draft { person, seat, from, key, text, attachment });
        true
    }
}
