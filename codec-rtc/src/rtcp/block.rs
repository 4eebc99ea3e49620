//! Common parts of RTCP packets: the header, and reading and writing of big-endian fields. RFC
//! 3550, section 6.4.1.

use crate::rtp::{Malformed, WriteError};

/// Size of the RTCP header in bytes.
pub(super) const HEAD_BYTES: usize = 4;
/// Maximum number of entries that the count field can hold.
pub(super) const MAX_COUNT: usize = 31;

/// One packet of a compound, without its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) packet_type: u8,
    /// Count of entries, or format (FMT) of a feedback message, 0..=31.
    pub(super) count: u8,
    /// Body without padding.
    pub(super) body: &'a [u8],
}

impl<'a> Block<'a> {
    /// Splits the first packet off `data`.
    pub(super) fn split(data: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let had_bytes = data.len();
        let truncated = |what, needed_bytes| Malformed::Truncated { what, needed_bytes, had_bytes };
        let (head, _) =
            data.split_first_chunk::<HEAD_BYTES>().ok_or(truncated("RTCP header", HEAD_BYTES))?;
        let &[first, packet_type, high, low] = head;
        if first >> 6 != 2 {
            return Err(Malformed::Version(first >> 6));
        }
        let whole = HEAD_BYTES + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, rest) = data.split_at_checked(whole).ok_or(truncated("RTCP packet", whole))?;
        let mut body = packet.get(HEAD_BYTES..).unwrap_or_default();
        if first & 0x20 != 0 {
            let padding_bytes = body.last().copied().map_or(0, usize::from);
            let had_bytes = body.len();
            let kept = had_bytes.checked_sub(padding_bytes).filter(|_| padding_bytes > 0);
            let kept = kept.ok_or(Malformed::Padding { padding_bytes, had_bytes })?;
            body = body.get(..kept).unwrap_or_default();
        }
        Ok((Self { packet_type, count: first & 0x1f, body }, rest))
    }

    /// Returns a reader of the body; `what` names it in errors.
    pub(super) fn reader(&self, what: &'static str) -> Reader<'a> {
        Reader { rest: self.body, whole: self.body.len(), what }
    }
}

/// Reads fields from the start of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    whole: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(self.truncated(len))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(self.truncated(N))?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn truncated(&self, len: usize) -> Malformed {
        let before = HEAD_BYTES + self.whole - self.rest.len();
        Malformed::Truncated {
            what: self.what,
            needed_bytes: before + len,
            had_bytes: HEAD_BYTES + self.whole,
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Result<u32, Malformed> {
        self.array().map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Writes one packet: header first, length at the end.
#[derive(Debug)]
pub(super) struct BlockWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> BlockWriter<'a> {
    /// Starts a packet with a count of 0..=31; `what` names the entries in errors.
    pub(super) fn begin(
        out: &'a mut Vec<u8>,
        packet_type: u8,
        count: usize,
        what: &'static str,
    ) -> Result<Self, WriteError> {
        let too_many = WriteError::TooMany { what, limit: MAX_COUNT, actual: count };
        let first = u8::try_from(count).ok().filter(|&count| usize::from(count) <= MAX_COUNT);
        let start = out.len();
        out.extend([0x80 | first.ok_or(too_many)?, packet_type, 0, 0]);
        Ok(Self { out, start })
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.out.extend(number.to_be_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.out.extend(number.to_be_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.out.extend(number.to_be_bytes());
    }

    /// Pads with zeros to a multiple of 32 bits.
    pub(super) fn align(&mut self) {
        let len = self.out.len() - self.start;
        self.out.resize(self.start + len.next_multiple_of(4), 0);
    }

    /// Number of bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Ends a packet, padded to a multiple of 32 bits, and sets its length.
    pub(super) fn end(mut self) -> Result<(), WriteError> {
        self.align();
        let (most, had) = (usize::from(u16::MAX), self.len() / 4 - 1);
        let words = u16::try_from(had).map_err(|_| WriteError::TooMany {
            what: "words in an RTCP packet",
            limit: most,
            actual: had,
        })?;
        if let Some(place) = self.out.get_mut(self.start + 2..self.start + HEAD_BYTES) {
            place.copy_from_slice(&words.to_be_bytes());
        }
        Ok(())
    }

    /// Like [`Self::end`], but marks the added zeros as padding (RFC 3550, section 6.4.1).
    pub(super) fn end_padded(mut self) -> Result<(), WriteError> {
        let before = self.len();
        self.align();
        let padding = self.len() - before;
        if padding > 0 {
            if let (Some(last), Ok(padding)) = (self.out.last_mut(), u8::try_from(padding)) {
                *last = padding;
            }
            if let Some(first) = self.out.get_mut(self.start) {
                *first |= 0x20;
            }
        }
        self.end()
    }
}
