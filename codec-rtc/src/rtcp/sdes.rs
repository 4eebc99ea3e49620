//! Source descriptions (SDES). RFC 3550, section 6.5.

use super::block::{Block, BlockWriter, Reader};
use super::kind;
use crate::rtp::{Malformed, WriteError};

/// SDES item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdesItem {
    /// Item type: [`Self::CNAME`], 2 for name, 3 for email, and so on; not 0.
    pub kind: u8,
    /// At most 255 bytes, UTF-8 according to the standard but not validated.
    pub text: Vec<u8>,
}

impl SdesItem {
    /// Canonical name, which identifies the streams of one endpoint.
    pub const CNAME: u8 = 1;
}

/// Items of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SdesChunk {
    /// SSRC.
    pub ssrc: u32,
    /// Items in order.
    pub items: Vec<SdesItem>,
}

/// SDES: source descriptions, at most 31.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sdes {
    /// Chunks by source.
    pub chunks: Vec<SdesChunk>,
}

impl Sdes {
    /// Creates an SDES packet with the CNAME of one source.
    #[must_use]
    pub fn cname(ssrc: u32, name: &str) -> Self {
        let item = SdesItem { kind: SdesItem::CNAME, text: name.into() };
        Self { chunks: vec![SdesChunk { ssrc, items: vec![item] }] }
    }

    /// Returns the CNAME of `ssrc`.
    #[must_use]
    pub fn cname_of(&self, ssrc: u32) -> Option<&[u8]> {
        let chunk = self.chunks.iter().find(|chunk| chunk.ssrc == ssrc)?;
        let item = chunk.items.iter().find(|item| item.kind == SdesItem::CNAME)?;
        Some(&item.text)
    }

    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("SDES packet");
        let chunks = (0..block.count).map(|_| SdesChunk::parse(&mut reader));
        Ok(Self { chunks: chunks.collect::<Result<_, _>>()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let what = "chunks in an SDES packet";
        let mut writer = BlockWriter::begin(out, kind::SDES, self.chunks.len(), what)?;
        for chunk in &self.chunks {
            writer.u32(chunk.ssrc);
            for item in &chunk.items {
                let (what, most, had) = ("bytes in an SDES item", 255, item.text.len());
                let len = u8::try_from(had).map_err(|_| WriteError::TooMany {
                    what,
                    limit: most,
                    actual: had,
                })?;
                if item.kind == 0 {
                    return Err(WriteError::Field { what: "an SDES item has type 0" });
                }
                writer.out.extend([item.kind, len]);
                writer.out.extend(&item.text);
            }
            // At least one zero ends the list.
            writer.out.push(0);
            writer.align();
        }
        writer.end()
    }
}

impl SdesChunk {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let ssrc = reader.u32()?;
        let mut items = Vec::new();
        let before = reader.rest().len();
        loop {
            let kind = reader.u8()?;
            if kind == 0 {
                break;
            }
            let len = reader.u8()?;
            items.push(SdesItem { kind, text: reader.bytes(usize::from(len))?.to_vec() });
        }
        let read = before - reader.rest().len();
        reader.bytes(read.next_multiple_of(4) - read)?;
        Ok(Self { ssrc, items })
    }
}
