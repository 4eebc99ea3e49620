//! Earlier messages and read marks of a room, as one node of a cluster passes them to another.

use serde_json::{Value, json};

use super::shared_mark::SharedMark;
use super::shared_message::SharedMessage;

/// Maximum number of messages in a piece.
pub(super) const PIECE_MESSAGES: usize = 100;
/// Maximum number of read marks in a piece.
pub(super) const PIECE_MARKS: usize = 1000;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct HistoryPiece {
    /// Its number, from 0.
    pub(super) number: u64,
    pub(super) is_last: bool,
    pub(super) messages: Vec<SharedMessage>,
    /// Read marks, in the last piece.
    pub(super) marks: Vec<SharedMark>,
}

impl HistoryPiece {
    /// The piece as JSON.
    pub(in super::super) fn json(&self) -> Value {
        json!({
            "number": self.number,
            "last": self.is_last,
            "messages": self.messages.iter().map(SharedMessage::json).collect::<Vec<_>>(),
            "marks": self.marks.iter().map(SharedMark::json).collect::<Vec<_>>(),
        })
    }

    #[cfg(test)]
    pub(in super::super) fn new(number: u64, is_last: bool, messages: Vec<SharedMessage>) -> Self {
        Self { number, is_last, messages, marks: vec![SharedMark::example("Ann", None)] }
    }

    /// Reads what [`Self::json`] wrote; `None` if it is not valid.
    pub(in super::super) fn parse(value: &Value) -> Option<Self> {
        let messages = value.get("messages")?.as_array();
        let messages = messages.filter(|it| it.len() <= PIECE_MESSAGES)?;
        let marks = value.get("marks")?.as_array().filter(|it| it.len() <= PIECE_MARKS)?;
        Some(Self {
            number: value.get("number")?.as_u64()?,
            is_last: value.get("last")?.as_bool()?,
            messages: messages.iter().map(SharedMessage::parse).collect::<Option<_>>()?,
            marks: marks.iter().map(SharedMark::parse).collect::<Option<_>>()?,
        })
    }
}
