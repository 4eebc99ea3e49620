//! Hello and records out of a stream of bytes.

use super::error::{FramingError, Part};
use super::hello::{self, Hello};
use super::record::{HEADER_BYTES, Header, Record};

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The first thing, and only that.
    Hello(Hello),
    /// All others.
    Record(Record),
}

#[derive(Clone, Copy, Debug)]
enum State {
    HelloHead,
    HelloRest { total: usize },
    RecordHead,
    RecordRest { header: Header },
    Failed(FramingError),
}

/// Takes a stream apart. It holds what has come of the hello or record at hand, and no more.
#[derive(Debug)]
pub struct Parser {
    state: State,
    held: Vec<u8>,
    /// Bytes taken so far.
    taken: u64,
    /// Byte at which the hello or record at hand begins.
    begin: u64,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::HelloHead, held: Vec::new(), taken: 0, begin: 0 }
    }

    /// Where there is no hello: what a receiver sends back.
    #[must_use]
    pub fn of_records() -> Self {
        Self { state: State::RecordHead, ..Self::new() }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes bytes off the front of `input`, up to the end of the next item. Nothing is left of
    /// `input` where there is none yet.
    ///
    /// # Errors
    /// [`FramingError`], from then on at every call.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Item>, FramingError> {
        loop {
            let wanted = match self.state {
                State::HelloHead => hello::HEAD_BYTES,
                State::HelloRest { total } => total,
                State::RecordHead => HEADER_BYTES,
                State::RecordRest { header } => header.rest_bytes(),
                State::Failed(error) => return Err(error),
            };
            let take = wanted.saturating_sub(self.held.len()).min(input.len());
            let (front, rest) = input.split_at(take);
            self.held.extend(front);
            *input = rest;
            self.taken = self.taken.saturating_add(take as u64);
            if self.held.len() < wanted {
                return Ok(None);
            }
            match self.advance() {
                Ok(None) => {}
                Ok(item) => return Ok(item),
                Err(error) => {
                    self.state = State::Failed(error);
                    self.held = Vec::new();
                    return Err(error);
                }
            }
        }
    }

    /// With all bytes of the state held: the item that they complete, if they do.
    fn advance(&mut self) -> Result<Option<Item>, FramingError> {
        let item = match self.state {
            State::HelloHead => {
                let Some(head) = self.held.first_chunk() else { return Ok(None) };
                self.state = State::HelloRest { total: Hello::total_bytes(head, self.begin)? };
                return Ok(None);
            }
            State::RecordHead => {
                let Some(head) = self.held.first_chunk() else { return Ok(None) };
                self.state = State::RecordRest { header: Header::parse(head, self.begin)? };
                self.held.clear();
                return Ok(None);
            }
            State::HelloRest { .. } => Item::Hello(Hello::parse(&self.held, self.begin)?),
            State::RecordRest { header } => {
                Item::Record(header.complete(std::mem::take(&mut self.held), self.begin)?)
            }
            State::Failed(error) => return Err(error),
        };
        self.held.clear();
        self.begin = self.taken;
        self.state = State::RecordHead;
        Ok(Some(item))
    }

    /// What the end of the stream means here: nothing, between two records.
    ///
    /// # Errors
    /// [`FramingError::Truncated`] inside of one; the error that ended the stream before.
    pub fn finish(&self) -> Result<(), FramingError> {
        let part = match self.state {
            State::Failed(error) => return Err(error),
            State::HelloHead | State::HelloRest { .. } => Part::Hello,
            State::RecordHead if self.held.is_empty() => return Ok(()),
            State::RecordHead => Part::Header,
            State::RecordRest { .. } => Part::Record,
        };
        Err(FramingError::Truncated { at: self.taken, begun_at: self.begin, part })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
