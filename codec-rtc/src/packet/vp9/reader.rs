//! Reads the bytes of a payload descriptor.

use crate::rtp::Malformed;

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
    read: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest, read: 0 }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated {
            what: "VP9 payload descriptor",
            needed_bytes: self.read + 1,
            had_bytes: self.read,
        })?;
        (self.rest, self.read) = (rest, self.read + 1);
        Ok(byte)
    }

    pub(super) fn word(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }
}
