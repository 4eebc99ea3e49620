//! BYE and APP packets. RFC 3550, sections 6.6 and 6.7.

use super::block::{Block, BlockWriter};
use super::kind;
use crate::rtp::{Malformed, WriteError};

/// BYE: sources that leave the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bye {
    /// Leaving SSRCs, at most 31.
    pub ssrcs: Vec<u32>,
    /// Reason for leaving: at most 255 bytes, UTF-8 according to the standard but not validated;
    /// empty for none.
    pub reason: Vec<u8>,
}

/// APP: application-defined packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Subtype, 0..=31.
    pub subtype: u8,
    /// SSRC of the sender.
    pub ssrc: u32,
    /// Four ASCII characters.
    pub name: [u8; 4],
    /// Data, a multiple of four bytes.
    pub data: Vec<u8>,
}

impl Bye {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("BYE packet");
        let ssrcs = (0..block.count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        let mut reason = Vec::new();
        if !reader.is_empty() {
            let len = reader.u8()?;
            reason = reader.bytes(usize::from(len))?.to_vec();
        }
        Ok(Self { ssrcs, reason })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (what, most, had) = ("bytes in the BYE reason", 255, self.reason.len());
        let len = u8::try_from(had).map_err(|_| WriteError::TooMany {
            what,
            limit: most,
            actual: had,
        })?;
        let mut writer =
            BlockWriter::begin(out, kind::BYE, self.ssrcs.len(), "sources in a BYE packet")?;
        for &ssrc in &self.ssrcs {
            writer.u32(ssrc);
        }
        if len > 0 {
            writer.out.push(len);
            writer.out.extend(&self.reason);
        }
        writer.end()
    }
}

impl App {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("APP packet");
        let (ssrc, name) = (reader.u32()?, reader.array()?);
        Ok(Self { subtype: block.count, ssrc, name, data: reader.rest().to_vec() })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if !self.data.len().is_multiple_of(4) {
            return Err(WriteError::Field { what: "APP data is not a multiple of four bytes" });
        }
        let mut writer =
            BlockWriter::begin(out, kind::APP, self.subtype.into(), "in the APP subtype field")?;
        writer.u32(self.ssrc);
        writer.out.extend(self.name);
        writer.out.extend(&self.data);
        writer.end()
    }
}
