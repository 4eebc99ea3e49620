//! A record: header, payload, checksums.

use super::crc::{Crc32c, crc32c, flipped_bit};
use super::error::{FramingError, Part};
use super::fields::Fields;

/// Bytes of the header including its checksum.
pub const HEADER_BYTES: usize = 28;

/// Bytes of the header that its checksum covers.
const COVERED_BYTES: usize = 24;

/// Bytes of the checksum after the payload.
pub(super) const CRC_BYTES: usize = 4;

/// Maximum payload of video and audio records in bytes.
pub const MAX_MEDIA_BYTES: usize = 8 << 20;

/// Maximum payload of other records in bytes.
pub const MAX_CONTROL_BYTES: usize = 64 << 10;

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A coded frame.
    Video = 1,
    /// An audio packet.
    Audio = 2,
    /// The sender's statistics as JSON.
    Stats = 3,
    /// The end of the session; the payload is the reason in UTF-8.
    End = 4,
    /// From the receiver to the sender: [`super::feedback::Feedback`].
    Feedback = 5,
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        let all = [Self::Video, Self::Audio, Self::Stats, Self::End, Self::Feedback];
        all.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Maximum payload in bytes.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::Video | Self::Audio => MAX_MEDIA_BYTES,
            Self::Stats | Self::End | Self::Feedback => MAX_CONTROL_BYTES,
        }
    }
}

/// Properties of the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Decodable independently of other frames.
    pub key: bool,
    /// Decoded but not shown (VP8 altref frames).
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
    /// The kind.
    pub kind: Kind,
    /// Properties of the payload.
    pub flags: Flags,
    /// Index of the stream in the hello; 0 for kinds without a stream.
    pub stream: u8,
    /// Presentation time, in ticks of the stream.
    pub pts: i64,
    /// Wall time of the capture, NTP 32.32; 0 if unknown.
    pub captured: u64,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Record {
    /// Creates a record that belongs to no stream.
    #[must_use]
    pub fn control(kind: Kind, payload: Vec<u8>) -> Self {
        Self { kind, flags: Flags::default(), stream: 0, pts: 0, captured: 0, payload }
    }

    /// Creates an end record with a reason.
    #[must_use]
    pub fn end(reason: &str) -> Self {
        let mut len = reason.len().min(1000);
        while !reason.is_char_boundary(len) {
            len -= 1;
        }
        Self::control(Kind::End, reason.as_bytes().get(..len).unwrap_or_default().to_vec())
    }

    /// Appends the encoded record.
    ///
    /// # Errors
    ///
    /// If the payload exceeds the limit of its kind.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), FramingError> {
        let limit = self.kind.limit();
        let len = u32::try_from(self.payload.len()).ok().filter(|_| self.payload.len() <= limit);
        let len = len.ok_or(FramingError::TooLong {
            at: 0,
            what: "payload",
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

    /// Total bytes of the record including checksums.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len() + CRC_BYTES
    }
}

/// A validated header.
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
    /// Validates a header that begins at byte `at` of a stream.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES], at: u64) -> Result<Self, FramingError> {
        let field = |what| FramingError::Field { at, what };
        let (covered, checksum) = bytes.split_at(COVERED_BYTES);
        let expected = Fields(checksum).u32().ok_or_else(|| field("missing checksum"))?;
        let found = crc32c(covered);
        if found != expected {
            let (part, bytes) = (Part::Header, COVERED_BYTES);
            let flipped = flipped_bit(bytes, expected, found);
            return Err(FramingError::Checksum { at, part, bytes, found, expected, flipped });
        }
        let header = Self::fields(covered, Crc32c::new().over(bytes));
        let (header, len) = header.map_err(field)?;
        let limit = header.kind.limit();
        if header.len > limit {
            let bytes = len.into();
            return Err(FramingError::TooLong { at, what: "payload", bytes, limit });
        }
        Ok(header)
    }

    fn fields(covered: &[u8], crc: Crc32c) -> Result<(Self, u32), &'static str> {
        const SHORT: &str = "truncated header";
        let mut fields = Fields(covered);
        let kind = Kind::of(fields.u8().ok_or(SHORT)?).ok_or("unknown kind of record")?;
        let flags = Flags::of(fields.u8().ok_or(SHORT)?).ok_or("unknown flags in a record")?;
        let stream = fields.u8().ok_or(SHORT)?;
        if fields.u8() != Some(0) {
            return Err("non-zero reserved byte in a record");
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

    /// Completes the record with the remaining bytes; the header begins at byte `at` of a stream.
    pub(super) fn complete(&self, mut rest: Vec<u8>, at: u64) -> Result<Record, FramingError> {
        let checksum = rest.split_off(self.len.min(rest.len()));
        let expected = Fields(&checksum).u32();
        let expected = expected.ok_or(FramingError::Truncated {
            at: at.saturating_add((HEADER_BYTES + rest.len() + checksum.len()) as u64),
            begun_at: at,
            part: Part::Record,
        })?;
        let found = self.crc.over(&rest).value();
        if found != expected {
            let (part, bytes) = (Part::Record, HEADER_BYTES + rest.len());
            let flipped = flipped_bit(bytes, expected, found);
            return Err(FramingError::Checksum { at, part, bytes, found, expected, flipped });
        }
        let &Self { kind, flags, stream, pts, captured, .. } = self;
        Ok(Record { kind, flags, stream, pts, captured, payload: rest })
    }
}
