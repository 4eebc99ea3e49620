//! Parses hellos and records from a byte stream.

use super::error::{FramingError, Part};
use super::hello::{self, Hello};
use super::record::{HEADER_BYTES, Header, Record};

/// An item of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The hello, which is always first.
    Hello(Hello),
    /// Everything else.
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

/// An incremental parser. It buffers only the current hello or record.
///
/// ```
/// use codec_net::framing::{Item, Parser, Record};
///
/// let mut bytes = Vec::new();
/// Record::end("bye").write(&mut bytes)?;
///
/// let mut parser = Parser::of_records();
/// let (mut first, mut second) = bytes.split_at(10); // however TCP divides it
/// assert!(parser.next(&mut first)?.is_none());
/// let Some(Item::Record(record)) = parser.next(&mut second)? else { panic!("a whole record") };
/// assert_eq!(record.payload, b"bye");
/// # Ok::<(), codec_net::framing::FramingError>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    state: State,
    held: Vec<u8>,
    /// Bytes consumed so far.
    consumed: u64,
    /// Byte offset of the current hello or record.
    begin: u64,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Parses a stream that begins with a hello.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::HelloHead, held: Vec::new(), consumed: 0, begin: 0 }
    }

    /// Parses a stream without a hello: feedback from a receiver.
    #[must_use]
    pub fn of_records() -> Self {
        Self { state: State::RecordHead, ..Self::new() }
    }

    /// Bytes consumed so far.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Consumes bytes from the front of `input`, up to the end of the next item. If there is no
    /// complete item, all of `input` is consumed.
    ///
    /// # Errors
    ///
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
            self.consumed = self.consumed.saturating_add(take as u64);
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

    /// Completes the current state; returns the item if it is complete.
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
        self.begin = self.consumed;
        self.state = State::RecordHead;
        Ok(Some(item))
    }

    /// Checks that the stream may end here: between two records.
    ///
    /// # Errors
    ///
    /// [`FramingError::Truncated`] inside a record, or the error that ended the stream before.
    pub fn finish(&self) -> Result<(), FramingError> {
        let part = match self.state {
            State::Failed(error) => return Err(error),
            State::HelloHead | State::HelloRest { .. } => Part::Hello,
            State::RecordHead if self.held.is_empty() => return Ok(()),
            State::RecordHead => Part::Header,
            State::RecordRest { .. } => Part::Record,
        };
        Err(FramingError::Truncated { at: self.consumed, begun_at: self.begin, part })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
