//! Splits hellos and records into datagrams small enough to avoid IP fragmentation.
//!
//! | datagram | bytes |
//! |---|---|
//! | 0xcdc1 | 2 |
//! | kind: 0 hello, 1 part of a record | 1 |
//! | reserved: 0 | 1 |
//! | low 32 bits of the session number in the hello | 4 |
//! | number of the datagram, from 0; wraps | 4 |
//! | number of the record, from 0; wraps | 4 |
//! | number of the part, from 0; number of parts | 2 + 2 |
//! | part of a hello or a record | |
//! | CRC32C of all bytes before | 4 |
//!
//! A hello is one datagram and is repeated periodically, because the first one may be lost.

use super::crc::{crc32c, flipped_bit};
use super::error::{FramingError, Part};
use super::fields::Fields;
use super::hello::Hello;
use super::record::Record;
use super::stream::{Item, Parser};

/// Maximum datagram size in bytes, without IP and UDP headers.
pub const MAX_DATAGRAM_BYTES: usize = 1200;

const MAGIC: u16 = 0xcdc1;

/// Bytes before the part.
const HEAD_BYTES: usize = 20;

/// Bytes of the checksum.
const CRC_BYTES: usize = 4;

/// Maximum bytes of a record in one datagram.
pub(super) const PART_BYTES: usize = MAX_DATAGRAM_BYTES - HEAD_BYTES - CRC_BYTES;

/// A parsed datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram<'a> {
    pub(super) is_hello: bool,
    pub(super) session: u32,
    pub(super) sequence: u32,
    pub(super) record: u32,
    pub(super) index: u16,
    pub(super) count: u16,
    pub(super) part: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Parses a datagram. Offsets of errors are relative to it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FramingError> {
        let field = |what| FramingError::Field { at: 0, what };
        let (covered, checksum) = bytes
            .split_last_chunk::<CRC_BYTES>()
            .filter(|_| bytes.len() >= HEAD_BYTES + CRC_BYTES)
            .ok_or(FramingError::Truncated {
                at: bytes.len() as u64,
                begun_at: 0,
                part: Part::Datagram,
            })?;
        if bytes.len() > MAX_DATAGRAM_BYTES {
            let (what, bytes) = ("datagram", bytes.len() as u64);
            return Err(FramingError::TooLong { at: 0, what, bytes, limit: MAX_DATAGRAM_BYTES });
        }
        let mut fields = Fields(covered);
        if fields.u16() != Some(MAGIC) {
            return Err(field("not a datagram of `codec send`"));
        }
        let (found, expected) = (crc32c(covered), u32::from_be_bytes(*checksum));
        if found != expected {
            let (part, bytes) = (Part::Datagram, covered.len());
            let flipped = flipped_bit(bytes, expected, found);
            return Err(FramingError::Checksum { at: 0, part, bytes, found, expected, flipped });
        }
        Self::fields(fields).map_err(field)
    }

    fn fields(mut fields: Fields<'a>) -> Result<Self, &'static str> {
        const SHORT: &str = "truncated datagram";
        let kind = fields.u8().ok_or(SHORT)?;
        if kind > 1 || fields.u8() != Some(0) {
            return Err("unknown kind of datagram");
        }
        let datagram = Self {
            is_hello: kind == 0,
            session: fields.u32().ok_or(SHORT)?,
            sequence: fields.u32().ok_or(SHORT)?,
            record: fields.u32().ok_or(SHORT)?,
            index: fields.u16().ok_or(SHORT)?,
            count: fields.u16().ok_or(SHORT)?,
            part: fields.0,
        };
        if datagram.index >= datagram.count || datagram.part.is_empty() {
            return Err(
                "invalid part: it is empty, or its number is not below the number of parts",
            );
        }
        // All parts but the last are full, so the position of each part is known.
        if datagram.index + 1 < datagram.count && datagram.part.len() != PART_BYTES {
            return Err("invalid part: only the last one may be incomplete");
        }
        Ok(datagram)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.part.len() + CRC_BYTES);
        out.extend(MAGIC.to_be_bytes());
        out.extend([u8::from(!self.is_hello), 0]);
        out.extend(self.session.to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.record.to_be_bytes());
        out.extend(self.index.to_be_bytes());
        out.extend(self.count.to_be_bytes());
        out.extend(self.part);
        let checksum = crc32c(&out);
        out.extend(checksum.to_be_bytes());
        out
    }
}

/// Splits records into datagrams.
#[derive(Clone, Debug)]
pub struct Fragmenter {
    session: u32,
    sequence: u32,
    record: u32,
    scratch: Vec<u8>,
}

impl Fragmenter {
    /// Creates the fragmenter of a session ([`Hello::session`]).
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self { session: low_bits(session), sequence: 0, record: 0, scratch: Vec::new() }
    }

    /// Returns the datagram of a hello.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Hello::write`].
    pub fn hello(&mut self, hello: &Hello) -> Result<Vec<u8>, &'static str> {
        let mut part = Vec::new();
        hello.write(&mut part)?;
        let sequence = self.next_sequence();
        let (session, record) = (self.session, self.record);
        let datagram =
            Datagram { is_hello: true, session, sequence, record, index: 0, count: 1, part: &part };
        Ok(datagram.write())
    }

    /// Returns the datagrams of a record, in order.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Record::write`].
    pub fn record(&mut self, record: &Record) -> Result<Vec<Vec<u8>>, FramingError> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        record.write(&mut bytes)?;
        let count = bytes.len().div_ceil(PART_BYTES);
        let count = u16::try_from(count).map_err(|_| FramingError::TooLong {
            at: 0,
            what: "record",
            bytes: bytes.len() as u64,
            limit: PART_BYTES * usize::from(u16::MAX),
        })?;
        let (session, number) = (self.session, self.record);
        self.record = number.wrapping_add(1);
        let mut out = Vec::with_capacity(count.into());
        for (index, part) in (0..count).zip(bytes.chunks(PART_BYTES)) {
            let sequence = self.next_sequence();
            let is_hello = false;
            let datagram =
                Datagram { is_hello, session, sequence, record: number, index, count, part };
            out.push(datagram.write());
        }
        self.scratch = bytes;
        Ok(out)
    }

    fn next_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }
}

/// Parses the feedback record in a datagram that a receiver sent to the sender of `session`; `None`
/// if it is not a complete one.
#[must_use]
pub fn parse_feedback(bytes: &[u8], session: u64) -> Option<Record> {
    let datagram = Datagram::parse(bytes).ok()?;
    if datagram.is_hello || datagram.count != 1 || datagram.session != low_bits(session) {
        return None;
    }
    let (mut rest, mut parser) = (datagram.part, Parser::of_records());
    match parser.next(&mut rest) {
        Ok(Some(Item::Record(record))) if rest.is_empty() => Some(record),
        _ => None,
    }
}

/// The bits of a session id that datagrams carry.
#[expect(clippy::cast_possible_truncation, reason = "truncation is intended")]
pub(super) fn low_bits(session: u64) -> u32 {
    session as u32
}
