//! Generic NACK. RFC 4585, section 6.2.1.

use super::block::{Block, BlockWriter};
use super::{format, kind};
use crate::rtp::{Malformed, WriteError};

/// Number of packets in the bit mask of an entry.
const MASK_BITS: u16 = 16;

/// Generic NACK: lists lost packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nack {
    /// SSRC of the requesting endpoint.
    pub sender_ssrc: u32,
    /// SSRC of the damaged stream.
    pub media_ssrc: u32,
    /// Lost sequence numbers. When parsed: in the order of the entries, with duplicates. For
    /// writing: should ascend (modulo 2^16), because each one out of order adds four bytes.
    pub sequences: Vec<u16>,
}

impl Nack {
    /// Number of arbitrary sequence numbers that fit a datagram of [`super::MAX_BYTES`].
    pub const MAX_SPARSE: usize = (super::MAX_BYTES - 12) / 4;

    pub(super) fn parse(block: &Block<'_>) -> Result<Self, Malformed> {
        let mut reader = block.reader("NACK");
        let (sender_ssrc, media_ssrc) = (reader.u32()?, reader.u32()?);
        let mut sequences = Vec::new();
        while !reader.is_empty() {
            let (first, mask) = (reader.u16()?, reader.u16()?);
            sequences.push(first);
            let bits = (0..MASK_BITS).filter(|bit| mask >> bit & 1 == 1);
            sequences.extend(bits.map(|bit| first.wrapping_add(bit + 1)));
        }
        Ok(Self { sender_ssrc, media_ssrc, sequences })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut writer =
            BlockWriter::begin(out, kind::TRANSPORT_FEEDBACK, format::NACK.into(), "as format")?;
        writer.u32(self.sender_ssrc);
        writer.u32(self.media_ssrc);
        let mut entry: Option<(u16, u16)> = None;
        for &sequence in &self.sequences {
            if let Some((first, mask)) = &mut entry {
                let behind = sequence.wrapping_sub(*first);
                if behind <= MASK_BITS {
                    *mask |= behind.checked_sub(1).map_or(0, |bit| 1 << bit);
                    continue;
                }
            }
            if let Some((first, mask)) = entry.replace((sequence, 0)) {
                writer.u16(first);
                writer.u16(mask);
            }
        }
        if let Some((first, mask)) = entry {
            writer.u16(first);
            writer.u16(mask);
        }
        writer.end()
    }
}
