//! RED: redundant copies of earlier payloads along with the current one. RFC 2198.

use std::collections::VecDeque;

use codec_core::error::ConfigError;

use crate::rtp::{Malformed, WriteError};

/// Maximum number of blocks in a payload.
pub const MAX_BLOCKS: usize = 32;
/// Maximum timestamp offset of a block in ticks.
pub const MAX_OFFSET: u16 = 0x3fff;
/// Maximum size of a redundant block in bytes.
pub const MAX_BLOCK_BYTES: usize = 0x3ff;

/// Flag: another block follows.
const MORE: u8 = 0x80;
/// Header size of a redundant block in bytes.
const HEADER_BYTES: usize = 4;

/// A block of a RED payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Timestamp offset before the timestamp of the packet, in ticks; 0 for the primary block.
    pub timestamp_offset: u16,
    /// Block data; may be empty.
    pub data: &'a [u8],
}

/// Parses a RED payload. The last block is the primary one and always exists.
///
/// # Errors
/// Returns [`Malformed`] if a length exceeds the payload, or there are more than [`MAX_BLOCKS`]
/// blocks.
pub fn parse(payload: &[u8]) -> Result<Vec<Block<'_>>, Malformed> {
    let had_bytes = payload.len();
    let mut rest = payload;
    let mut heads = Vec::new();
    let truncated = |what, rest: &[u8], needed: usize| Malformed::Truncated {
        what,
        needed_bytes: had_bytes - rest.len() + needed,
        had_bytes,
    };
    let primary = loop {
        let &first = rest.first().ok_or(truncated("RED block header", rest, 1))?;
        if first & MORE == 0 {
            rest = rest.get(1..).unwrap_or_default();
            break first;
        }
        let Some((&[_, a, b, c], after)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Err(truncated("RED block header", rest, HEADER_BYTES));
        };
        if heads.len() + 1 >= MAX_BLOCKS {
            let (what, most) = ("RED blocks", MAX_BLOCKS);
            return Err(Malformed::TooMany { what, limit: most, actual: MAX_BLOCKS + 1 });
        }
        let offset = u16::from_be_bytes([a, b]) >> 2;
        heads.push((first & !MORE, offset, usize::from(u16::from_be_bytes([b & 3, c]))));
        rest = after;
    };
    let mut blocks = Vec::with_capacity(heads.len() + 1);
    for (payload_type, timestamp_offset, len) in heads {
        let (data, after) = rest.split_at_checked(len).ok_or(truncated("RED block", rest, len))?;
        blocks.push(Block { payload_type, timestamp_offset, data });
        rest = after;
    }
    blocks.push(Block { payload_type: primary, timestamp_offset: 0, data: rest });
    Ok(blocks)
}

/// Appends a payload with these blocks: oldest first, the primary one last.
///
/// # Errors
/// Returns [`WriteError`] and writes nothing if there are no blocks or more than [`MAX_BLOCKS`], or
/// a block does not fit its header.
pub fn write(blocks: &[Block<'_>], out: &mut Vec<u8>) -> Result<(), WriteError> {
    let refuse = |what| Err(WriteError::Field { what });
    let Some((primary, redundant)) = blocks.split_last() else {
        return refuse("the RED payload has no blocks");
    };
    if blocks.len() > MAX_BLOCKS {
        let (what, most) = ("RED blocks", MAX_BLOCKS);
        return Err(WriteError::TooMany { what, limit: most, actual: blocks.len() });
    }
    if blocks.iter().any(|block| block.payload_type > 127) {
        return refuse("the payload type is above 127");
    }
    if primary.timestamp_offset != 0 {
        return refuse("the primary RED block has a timestamp offset");
    }
    for block in redundant {
        if block.timestamp_offset > MAX_OFFSET {
            return refuse("a RED block has a timestamp offset above 16383");
        }
        if block.data.len() > MAX_BLOCK_BYTES {
            let (what, most) = ("bytes in a RED block", MAX_BLOCK_BYTES);
            return Err(WriteError::TooMany { what, limit: most, actual: block.data.len() });
        }
    }
    for block in redundant {
        // Checked above: 14 and 10 bits.
        let len = u32::try_from(block.data.len()).unwrap_or(0);
        let head = u32::from(MORE | block.payload_type) << 24;
        out.extend((head | u32::from(block.timestamp_offset) << 10 | len).to_be_bytes());
    }
    out.push(primary.payload_type);
    blocks.iter().for_each(|block| out.extend_from_slice(block.data));
    Ok(())
}

/// Settings of [`Redundancy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundancyConfig {
    /// Payload type of the blocks, 0..=127.
    pub payload_type: u8,
    /// Number of redundant payloads, 0..=31.
    pub depth: usize,
    /// Maximum size of a RED payload in bytes; the oldest blocks are omitted first, the primary
    /// block never.
    pub max_bytes: usize,
}

/// RED encoder: adds the last payloads of an audio stream to each new one.
#[derive(Clone, Debug)]
pub struct Redundancy {
    config: RedundancyConfig,
    /// Timestamp and payload, oldest first.
    earlier: VecDeque<(u32, Vec<u8>)>,
}

impl Redundancy {
    /// Creates an encoder without earlier payloads.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: RedundancyConfig) -> Result<Self, ConfigError> {
        if config.payload_type > 127 {
            return Err(ConfigError::new("payload type", config.payload_type, "0..=127"));
        }
        if config.depth >= MAX_BLOCKS {
            return Err(ConfigError::new("number of redundant payloads", config.depth, "0..=31"));
        }
        Ok(Self { config, earlier: VecDeque::new() })
    }

    /// Sets the number of redundant payloads, at most 31.
    pub fn set_depth(&mut self, depth: usize) {
        self.config.depth = depth.min(MAX_BLOCKS - 1);
    }

    /// Appends a RED payload with `data`, whose first sample is at `timestamp`, and the earlier
    /// payloads that fit its size and offset limits. Returns the number of redundant blocks.
    ///
    /// # Errors
    /// Returns [`WriteError::EmptyPayload`] if `data` is empty.
    pub fn push(
        &mut self,
        timestamp: u32,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, WriteError> {
        if data.is_empty() {
            return Err(WriteError::EmptyPayload);
        }
        let payload_type = self.config.payload_type;
        let mut room = self.config.max_bytes.saturating_sub(1 + data.len());
        let mut blocks = vec![Block { payload_type, timestamp_offset: 0, data }];
        for (earlier, data) in self.earlier.iter().rev().take(self.config.depth) {
            let offset = u16::try_from(timestamp.wrapping_sub(*earlier)).unwrap_or(u16::MAX);
            let bytes = HEADER_BYTES + data.len();
            if offset == 0 || offset > MAX_OFFSET || data.len() > MAX_BLOCK_BYTES || bytes > room {
                break;
            }
            room -= bytes;
            blocks.push(Block { payload_type, timestamp_offset: offset, data });
        }
        blocks.reverse();
        let repeated = blocks.len() - 1;
        write(&blocks, out)?;
        while self.earlier.len() >= self.config.depth.max(1) {
            self.earlier.pop_front();
        }
        self.earlier.push_back((timestamp, data.to_vec()));
        Ok(repeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_specified_layout() {
        // RFC 2198, section 3: offset of 14 bits, length of 10.
        let blocks = [
            Block { payload_type: 111, timestamp_offset: 0x2345, data: &[1, 2, 3] },
            Block { payload_type: 5, timestamp_offset: 0, data: &[4, 5] },
        ];
        let mut bytes = Vec::new();
        write(&blocks, &mut bytes).unwrap();
        assert_eq!(bytes, [0x80 | 111, 0x8d, 0x14, 3, 5, 1, 2, 3, 4, 5]);
        assert_eq!(parse(&bytes).unwrap(), blocks);
        for len in 0..8 {
            assert!(matches!(parse(&bytes[..len]), Err(Malformed::Truncated { .. })), "{len}");
        }
    }

    #[test]
    fn largest_blocks_round_trip() {
        let long = [7; MAX_BLOCK_BYTES];
        let one = Block { payload_type: 127, timestamp_offset: MAX_OFFSET, data: &long };
        let empty = Block { payload_type: 0, timestamp_offset: 1, data: &[] };
        let last = Block { payload_type: 0, timestamp_offset: 0, data: &[] };
        let blocks = [one, empty, last];
        let mut bytes = Vec::new();
        write(&blocks, &mut bytes).unwrap();
        assert_eq!(parse(&bytes).unwrap(), blocks);
        let many = [0x80, 0, 0, 0].repeat(32);
        assert!(matches!(parse(&many), Err(Malformed::TooMany { .. })));
        let most = [[0x80, 0, 0, 0].repeat(31), vec![0]].concat();
        assert_eq!(parse(&most).unwrap().len(), MAX_BLOCKS);
    }

    #[test]
    fn values_out_of_range_are_not_written() {
        let long = [7; MAX_BLOCK_BYTES + 1];
        let last = Block { payload_type: 0, timestamp_offset: 0, data: &[1] };
        for wrong in [
            &[][..],
            &[Block { data: &long, ..last }, last],
            &[Block { timestamp_offset: MAX_OFFSET + 1, ..last }, last],
            &[Block { payload_type: 128, ..last }],
            &[Block { timestamp_offset: 1, ..last }],
            &[last; 33],
        ] {
            let mut bytes = Vec::new();
            assert!(write(wrong, &mut bytes).is_err());
            assert!(bytes.is_empty());
        }
    }

    fn repeated(redundancy: &mut Redundancy, timestamp: u32, data: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut bytes = Vec::new();
        redundancy.push(timestamp, data, &mut bytes).unwrap();
        let blocks = parse(&bytes).unwrap();
        assert_eq!(blocks.last().map(|block| block.data), Some(data));
        let all = blocks.iter().map(|block| (block.timestamp_offset, block.data.to_vec()));
        all.take(blocks.len() - 1).collect()
    }

    #[test]
    fn recent_payloads_are_repeated() {
        let config = RedundancyConfig { payload_type: 111, depth: 2, max_bytes: 1200 };
        let mut it = Redundancy::new(config).unwrap();
        let start = u32::MAX - 900;
        let at = |index: u32| start.wrapping_add(index * 960);
        assert_eq!(repeated(&mut it, at(0), &[0]), []);
        assert_eq!(repeated(&mut it, at(1), &[1]), [(960, vec![0])]);
        assert_eq!(repeated(&mut it, at(2), &[2]), [(1920, vec![0]), (960, vec![1])]);
        assert_eq!(repeated(&mut it, at(3), &[3]), [(1920, vec![1]), (960, vec![2])]);
        it.set_depth(1);
        assert_eq!(repeated(&mut it, at(4), &[4]), [(960, vec![3])]);
        // After 0.4 s of silence the last payload is too old.
        assert_eq!(repeated(&mut it, at(24), &[5]), []);
        it.set_depth(0);
        assert_eq!(repeated(&mut it, at(25), &[6]), []);
        assert!(it.push(0, &[], &mut Vec::new()).is_err());
    }

    #[test]
    fn oldest_blocks_are_omitted_first() {
        let config = RedundancyConfig { payload_type: 111, depth: 3, max_bytes: 60 };
        let mut it = Redundancy::new(config).unwrap();
        for index in 0..4_u32 {
            let mut bytes = Vec::new();
            let count = it.push(index * 960, &[7; 20], &mut bytes).unwrap();
            assert_eq!(count, usize::from(index > 0));
            assert!(bytes.len() <= 60);
        }
        assert_eq!(repeated(&mut it, 5 * 960, &[1; 100]), []);
        let deep = RedundancyConfig { depth: 32, ..config };
        assert!(Redundancy::new(deep).is_err());
        assert!(Redundancy::new(RedundancyConfig { payload_type: 128, ..config }).is_err());
    }
}
