//! Queue of finished packets, which reuses the memory of packets that the caller has received.

use std::collections::VecDeque;

use crate::codec::Packet;

/// Packets in coding order. Buffers are swapped: the one that the caller passes to `receive` is
/// written to later.
#[derive(Debug)]
pub(super) struct PacketQueue {
    ready: VecDeque<Packet>,
    spare: Vec<Packet>,
}

/// Maximum number of packets kept for their memory.
const MAX_SPARE: usize = 4;

impl PacketQueue {
    pub(super) fn new() -> Self {
        Self { ready: VecDeque::with_capacity(4), spare: Vec::with_capacity(MAX_SPARE) }
    }

    /// Returns an empty packet to write to, with capacity for `bytes`.
    pub(super) fn blank(&mut self, bytes: usize) -> Packet {
        let mut packet = self.spare.pop().unwrap_or_default();
        packet.data.clear();
        packet.data.reserve(bytes);
        packet
    }

    pub(super) fn push(&mut self, packet: Packet) {
        self.ready.push_back(packet);
    }

    /// Recycles the memory of an unused packet.
    pub(super) fn recycle(&mut self, packet: Packet) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(packet);
        }
    }

    pub(super) fn pop(&mut self, into: &mut Packet) -> bool {
        let Some(packet) = self.ready.pop_front() else {
            return false;
        };
        let old = std::mem::replace(into, packet);
        self.recycle(old);
        true
    }

    /// Returns the packet that was pushed last.
    pub(super) fn last_mut(&mut self) -> Option<&mut Packet> {
        self.ready.back_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }
}
