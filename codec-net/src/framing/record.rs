//! One record: header, payload, checksums.

use super::crc::{Crc32c, crc32c, flipped_bit};
use super::error::{FramingError, Part};
use super::fields::Fields;

/// Bytes of the header, with its checksum.
pub const HEADER_BYTES: usize = 28;

/// Bytes of the header that its checksum is over.
const COVERED_BYTES: usize = 24;

/// Bytes of the checksum after the payload.
pub(super) const CRC_BYTES: usize = 4;

/// Longest payload of pictures and sound, in bytes.
pub const MAX_MEDIA_BYTES: usize = 8 << 20;

/// Longest payload of the other kinds, in bytes.
pub const MAX_CONTROL_BYTES: usize = 64 << 10;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A coded frame.
    Video = 1,
    /// A packet of sound.
    Sound = 2,
    /// The sender's statistics, JSON.
    Stats = 3,
    /// Nothing follows; the payload says why, in UTF-8.
    End = 4,
    /// From the receiver to the sender: [`super::feedback::Feedback`].
    Feedback = 5,
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        let all = [Self::Video, Self::Sound, Self::Stats, Self::End, Self::Feedback];
        all.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Longest payload, in bytes.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::Video | Self::Sound => MAX_MEDIA_BYTES,
            Self::Stats | Self::End | Self::Feedback => MAX_CONTROL_BYTES,
        }
    }
}

/// What is told of the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Decodable alone.
    pub key: bool,
    /// Decoded and not shown (VP8's altref frames).
    pub hidden: bool,
}

impl Flags {
    const fn to_byte(self) -> u8 {
        self.key as u8 | (self.hidden as u8) << 1
    }

    const fn of(byte: u8) -> Option<Self> {
        if byte > 3 {
            return None;
        }
        Some(Self { key: byte & 1 != 0, hidden: byte & 2 != 0 })
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it holds.
    pub kind: Kind,
    /// What is told of it.
    pub flags: Flags,
    /// Number of the stream in the hello; 0 for kinds that belong to none.
    pub stream: u8,
    /// Presentation time, in ticks of the stream.
    pub pts: i64,
    /// Wall time of the capture, NTP 32.32; 0 if not known.
    pub captured: u64,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Record {
    /// A record that belongs to no stream.
    #[must_use]
    pub fn control(kind: Kind, payload: Vec<u8>) -> Self {
        Self { kind, flags: Flags::default(), stream: 0, pts: 0, captured: 0, payload }
    }

    /// Nothing follows, and why.
    #[must_use]
    pub fn end(reason: &str) -> Self {
        let mut len = reason.len().min(1000);
        while !reason.is_char_boundary(len) {
            len -= 1;
        }
        Self::control(Kind::End, reason.as_bytes().get(..len).unwrap_or_default().to_vec())
    }

    /// Appends the record.
    ///
    /// # Errors
    /// If the payload is longer than its kind may be.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), FramingError> {
        let limit = self.kind.limit();
        let len = u32::try_from(self.payload.len()).ok().filter(|_| self.payload.len() <= limit);
        let len = len.ok_or(FramingError::TooLong {
            at: 0,
            what: "a payload",
            bytes: self.payload.len() as u64,
            limit,
        })?;
        let begin = out.len();
        out.extend([self.kind as u8, self.flags.to_byte(), self.stream, 0]);
        out.extend(self.pts.to_be_bytes());
        out.extend(self.captured.to_be_bytes());
        out.extend(len.to_be_bytes());
        let checksum = crc32c(out.get(begin..).unwrap_or_default());
        out.extend(checksum.to_be_bytes());
        out.extend(&self.payload);
        let checksum = crc32c(out.get(begin..).unwrap_or_default());
        out.extend(checksum.to_be_bytes());
        Ok(())
    }

    /// Bytes of the whole record, checksums included.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len() + CRC_BYTES
    }
}

/// A header, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    kind: Kind,
    flags: Flags,
    stream: u8,
    pts: i64,
    captured: u64,
    len: usize,
    /// The checksum so far.
    crc: Crc32c,
}

impl Header {
    /// Checks a header that begins at byte `at` of a stream.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES], at: u64) -> Result<Self, FramingError> {
        let field = |what| FramingError::Field { at, what };
        let (covered, checksum) = bytes.split_at(COVERED_BYTES);
        let should_be = Fields(checksum).u32().ok_or_else(|| field("no checksum"))?;
        let is = crc32c(covered);
        if is != should_be {
            let (part, bytes) = (Part::Header, COVERED_BYTES);
            let flipped = flipped_bit(bytes, should_be, is);
            return Err(FramingError::Checksum { at, part, bytes, is, should_be, flipped });
        }
        let header = Self::fields(covered, Crc32c::new().over(bytes));
        let (header, len) = header.map_err(field)?;
        let limit = header.kind.limit();
        if header.len > limit {
            let bytes = len.into();
            return Err(FramingError::TooLong { at, what: "a payload", bytes, limit });
        }
        Ok(header)
    }

    fn fields(covered: &[u8], crc: Crc32c) -> Result<(Self, u32), &'static str> {
        const SHORT: &str = "a short header";
        let mut fields = Fields(covered);
        let kind = Kind::of(fields.u8().ok_or(SHORT)?).ok_or("a record of an unknown kind")?;
        let flags = Flags::of(fields.u8().ok_or(SHORT)?).ok_or("a record with unknown flags")?;
        let stream = fields.u8().ok_or(SHORT)?;
        if fields.u8() != Some(0) {
            return Err("a record with something where 0 should be");
        }
        let (pts, captured) = (fields.i64().ok_or(SHORT)?, fields.u64().ok_or(SHORT)?);
        let len = fields.u32().ok_or(SHORT)?;
        let bytes = usize::try_from(len).unwrap_or(usize::MAX);
        Ok((Self { kind, flags, stream, pts, captured, len: bytes, crc }, len))
    }

    /// Bytes that follow: payload and checksum.
    pub(super) fn rest_bytes(&self) -> usize {
        self.len + CRC_BYTES
    }

    /// The record, once the rest of it is there; the header begins at byte `at` of a stream.
    pub(super) fn complete(&self, mut rest: Vec<u8>, at: u64) -> Result<Record, FramingError> {
        let checksum = rest.split_off(self.len.min(rest.len()));
        let should_be = Fields(&checksum).u32();
        let should_be = should_be.ok_or(FramingError::Truncated {
            at: at.saturating_add((HEADER_BYTES + rest.len() + checksum.len()) as u64),
            begun_at: at,
            part: Part::Record,
        })?;
        let is = self.crc.over(&rest).value();
        if is != should_be {
            let (part, bytes) = (Part::Record, HEADER_BYTES + rest.len());
            let flipped = flipped_bit(bytes, should_be, is);
            return Err(FramingError::Checksum { at, part, bytes, is, should_be, flipped });
        }
        let &Self { kind, flags, stream, pts, captured, .. } = self;
        Ok(Record { kind, flags, stream, pts, captured, payload: rest })
    }
}
