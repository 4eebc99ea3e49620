//! Goodbye, and packets of applications. RFC 3550, sections 6.6 and 6.7.

use super::block::{Block, BlockWriter};
use super::kind;
use crate::rtp::Malformed;

/// BYE: sources that are no longer active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bye {
    /// At most 31.
    pub ssrcs: Vec<u32>,
    /// Why they leave: at most 255 bytes, UTF-8 by the standard and not checked; empty for none.
    pub reason: Vec<u8>,
}

/// APP: what an application defines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// 0..=31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Four characters.
    pub name: [u8; 4],
    /// A whole number of words.
    pub data: Vec<u8>,
}

impl Bye {
    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("goodbye");
        let ssrcs = (0..block.count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        let mut reason = Vec::new();
        if !reader.is_empty() {
            let len = reader.u8()?;
            reason = reader.bytes(usize::from(len))?.to_vec();
        }
        Ok(Self { ssrcs, reason })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let (what, most, had) = ("bytes of a goodbye's reason", 255, self.reason.len());
        let len = u8::try_from(had).map_err(|_| Malformed::TooMany { what, most, had })?;
        let mut writer =
            BlockWriter::begin(out, kind::BYE, self.ssrcs.len(), "sources that leave")?;
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
        let mut reader = block.reader("application packet");
        let (ssrc, name) = (reader.u32()?, reader.array()?);
        Ok(Self { subtype: block.count, ssrc, name, data: reader.rest().to_vec() })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if !self.data.len().is_multiple_of(4) {
            return Err(Malformed::Field { what: "application data that is no whole words" });
        }
        let mut writer = BlockWriter::begin(out, kind::APP, self.subtype.into(), "as subtype")?;
        writer.u32(self.ssrc);
        writer.out.extend(self.name);
        writer.out.extend(&self.data);
        writer.end()
    }
}
