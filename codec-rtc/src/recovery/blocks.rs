//! Memory for the packets of the retransmission history. Packets are stored one after the other in large blocks; a block
//! is released when all of its packets have been removed.
//!
//! Storing a packet takes a copy and, except for a new block, no allocation.

use std::collections::VecDeque;

/// Size of a block; a larger packet gets one of its own.
const BLOCK_BYTES: usize = 32 << 10;

/// A packet in a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    block: u64,
    start: usize,
    len: usize,
}

impl Place {
    /// Size of the packet.
    pub(super) fn bytes(self) -> usize {
        self.len
    }
}

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    blocks: VecDeque<Block>,
    /// Number of the first block.
    first: u64,
    /// Memory of the last released block.
    spare: Vec<u8>,
    /// Bytes of all kept packets.
    bytes: usize,
}

#[derive(Clone, Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// Kept packets.
    packets: usize,
}

impl Blocks {
    /// Bytes of all kept packets.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }

    /// Copies a packet.
    pub(super) fn push(&mut self, packet: &[u8]) -> Place {
        let has_room = |block: &Block| block.bytes.len() + packet.len() <= BLOCK_BYTES;
        if !self.blocks.back().is_some_and(has_room) {
            let mut bytes = std::mem::take(&mut self.spare);
            bytes.clear();
            bytes.reserve(BLOCK_BYTES.max(packet.len()));
            self.blocks.push_back(Block { bytes, packets: 0 });
        }
        let block = self.first + (self.blocks.len() as u64).saturating_sub(1);
        let mut start = 0;
        if let Some(last) = self.blocks.back_mut() {
            start = last.bytes.len();
            last.bytes.extend_from_slice(packet);
            last.packets += 1;
        }
        self.bytes += packet.len();
        Place { block, start, len: packet.len() }
    }

    /// A kept packet.
    pub(super) fn get(&self, place: Place) -> Option<&[u8]> {
        let at = usize::try_from(place.block.checked_sub(self.first)?).ok()?;
        self.blocks.get(at)?.bytes.get(place.start..place.start + place.len)
    }

    /// Removes a packet.
    pub(super) fn remove(&mut self, place: Place) {
        let at = place.block.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(block) = at.and_then(|at| self.blocks.get_mut(at)) else { return };
        block.packets = block.packets.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(place.len);
        while self.blocks.len() > 1 && self.blocks.front().is_some_and(|it| it.packets == 0) {
            self.spare = self.blocks.pop_front().unwrap_or_default().bytes;
            self.first += 1;
        }
    }
}
