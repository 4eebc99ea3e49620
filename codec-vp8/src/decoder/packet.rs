//! Splitting of a packet into partitions; every size is checked before it is used. RFC 6386,
//! sections 9.1 and 9.5.

use super::super::header::{
    FRAME_TAG_BYTES, FrameTag, KEY_HEADER_BYTES, KeyHeader, parse_frame_tag, parse_key_header,
};
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;
use codec_core::frame::Size;

/// Maximum number of token partitions.
const MAX_PARTITIONS: usize = 8;
/// Size of a partition size field in bytes.
const SIZE_BYTES: usize = 3;

/// Reads a packet's frame tag, and a key frame's size, without decoding it.
///
/// # Errors
/// [`Corrupt::HeaderTruncated`], also for an empty packet, [`Corrupt::StartCode`] or
/// [`Corrupt::ZeroSize`].
pub fn peek(data: &[u8]) -> Result<(FrameTag, Option<KeyHeader>), Corrupt> {
    let tag = parse_frame_tag(data)?;
    let key = tag.is_key.then(|| parse_key_header(&data[FRAME_TAG_BYTES..])).transpose()?;
    Ok((tag, key))
}

/// The parts of a packet.
#[derive(Debug)]
pub(super) struct PacketLayout<'a> {
    pub(super) tag: FrameTag,
    /// Header of a key frame.
    pub(super) key: Option<KeyHeader>,
    pub(super) first_partition: &'a [u8],
    /// Data after the first partition.
    rest: &'a [u8],
    /// Offset of `rest` in the packet.
    rest_offset: usize,
}

impl<'a> PacketLayout<'a> {
    /// Splits off the first partition. With `conceal` it may be truncated.
    pub(super) fn parse(data: &'a [u8], conceal: bool) -> Result<Self, Corrupt> {
        let (tag, key) = peek(data)?;
        let header_bytes = FRAME_TAG_BYTES + if tag.is_key { KEY_HEADER_BYTES } else { 0 };
        let body = &data[header_bytes..];
        let size_bytes = tag.first_partition_bytes as usize;
        if size_bytes > body.len() && !conceal {
            return Err(Corrupt::FirstPartition { size_bytes, had_bytes: body.len() });
        }
        let (first_partition, rest) = body.split_at(size_bytes.min(body.len()));
        let rest_offset = header_bytes + first_partition.len();
        Ok(Self { tag, key, first_partition, rest, rest_offset })
    }

    /// Returns the size of the whole packet.
    pub(super) fn packet_bytes(&self) -> usize {
        self.rest_offset + self.rest.len()
    }

    /// Rejects a key frame whose first partition is too short for the modes of a frame of `size`,
    /// so that a few bytes cannot claim the memory of a large frame. The cheapest macroblock of a
    /// key frame takes more than three bits (sections 11.2 and 11.4). With `conceal` most of the
    /// partition may be missing.
    pub(super) fn check_plausible(&self, size: Size, conceal: bool) -> Result<(), Corrupt> {
        let (cols, rows) = size.macroblocks();
        let least = cols * rows * 3 / 8;
        let least = if conceal { least / 64 } else { least };
        let size_bytes = self.first_partition.len();
        // Encoders may omit trailing zeros.
        if size_bytes + 64 < least {
            return Err(Corrupt::PartitionOverrun { partition: 0, size_bytes, row_mb: 0 });
        }
        Ok(())
    }
}

/// Token partitions of a packet.
#[derive(Debug)]
pub(super) struct Partitions<'a> {
    parts: [&'a [u8]; MAX_PARTITIONS],
    count: usize,
}

impl<'a> Partitions<'a> {
    /// Splits the data after the first partition into `count` parts (1, 2, 4 or 8). If
    /// `conceal` is set, the parts may be truncated.
    pub(super) fn parse(
        layout: &PacketLayout<'a>,
        count: usize,
        conceal: bool,
    ) -> Result<Self, Corrupt> {
        let table_bytes = SIZE_BYTES * (count - 1);
        let had_bytes = layout.packet_bytes();
        let offset_bytes = layout.rest_offset + table_bytes;
        let mut parts: [&[u8]; MAX_PARTITIONS] = [&[]; MAX_PARTITIONS];
        let Some((table, mut rest)) = layout.rest.split_at_checked(table_bytes) else {
            let size_bytes = table_bytes;
            if conceal {
                return Ok(Self { parts, count });
            }
            let offset_bytes = layout.rest_offset;
            return Err(Corrupt::TokenPartition { index: 0, offset_bytes, size_bytes, had_bytes });
        };
        let mut offset_bytes = offset_bytes;
        let sizes = table.chunks_exact(SIZE_BYTES).map(|size| {
            usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16
        });
        for (index, size_bytes) in sizes.enumerate() {
            if size_bytes > rest.len() && !conceal {
                return Err(Corrupt::TokenPartition { index, offset_bytes, size_bytes, had_bytes });
            }
            (parts[index], rest) = rest.split_at(size_bytes.min(rest.len()));
            offset_bytes += size_bytes;
        }
        parts[count - 1] = rest;
        Ok(Self { parts, count })
    }

    /// Returns the size of each partition in bytes.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.parts[..self.count].iter().map(|part| part.len())
    }

    /// Returns a reader for each partition, at most eight, without allocation.
    pub(super) fn readers(&self) -> Readers<'a> {
        Readers { readers: self.parts.map(BoolDecoder::new), count: self.count }
    }
}

/// Readers of the token partitions; row `y` is in partition `y & (count - 1)`.
#[derive(Debug)]
pub(super) struct Readers<'a> {
    readers: [BoolDecoder<'a>; MAX_PARTITIONS],
    count: usize,
}

impl<'a> std::ops::Deref for Readers<'a> {
    type Target = [BoolDecoder<'a>];

    fn deref(&self) -> &Self::Target {
        &self.readers[..self.count]
    }
}

impl std::ops::DerefMut for Readers<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.readers[..self.count]
    }
}
