//! A publisher's encoder in virtual time.

use super::world::PACKET_BYTES;
use crate::packet::vp8::{Descriptor, LayerInfo, PictureId};
use crate::rng::Rng;
use crate::room::StreamId;
use crate::rtp::{self, Header};

/// An L1T3 encoder of VP8 with its packetizer. Frames carry their number and that of their reference.
pub(super) struct Source {
    pub(super) stream: StreamId,
    pub(super) ssrc: u32,
    pub(super) height: u16,
    pub(super) kbps: u64,
    /// Milliseconds between two frames; 0 for a still screen that sends nothing.
    pub(super) interval_ms: u64,
    pub(super) is_on: bool,
    /// Temporal layers, 1 or 3.
    pub(super) layers: usize,
    pub(super) next_ms: u64,
    pub(super) key_due_ms: Option<u64>,
    frame: u32,
    /// Frames since the key frame.
    position: u32,
    sequence: u16,
    picture_id: u16,
    tl0: u8,
    clock_offset: u32,
    pub(super) key_frames: u32,
}

impl Source {
    pub(super) fn new(stream: StreamId, ssrc: u32, height: u16, kbps: u64) -> Self {
        let seed = u64::from(ssrc).wrapping_mul(0x9e37_79b9);
        let mut rng = Rng::new(seed);
        Self {
            stream,
            ssrc,
            height,
            kbps,
            interval_ms: 33,
            is_on: true,
            layers: 3,
            next_ms: 1 + u64::from(ssrc % 7),
            key_due_ms: Some(0),
            frame: 0,
            position: 0,
            sequence: u16::try_from(rng.below(65_536)).unwrap(),
            picture_id: u16::try_from(rng.below(32_768)).unwrap(),
            tl0: rng.byte(),
            clock_offset: u32::try_from(rng.below(1 << 32)).unwrap(),
            key_frames: 0,
        }
    }

    /// Packets of the frame that is due.
    pub(super) fn poll(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        let is_key_due = self.key_due_ms.is_some_and(|at| now_ms >= at);
        if !self.is_on || now_ms < self.next_ms || (self.interval_ms == 0 && !is_key_due) {
            return Vec::new();
        }
        self.next_ms = now_ms + self.interval_ms.max(1);
        self.encode(now_ms, is_key_due)
    }

    pub(super) fn encode(&mut self, now_ms: u64, is_key: bool) -> Vec<Vec<u8>> {
        if is_key {
            (self.key_due_ms, self.position) = (None, 0);
            self.key_frames += 1;
        }
        let place = if self.layers == 1 { 0 } else { self.position % 4 };
        let (temporal_id, reference) = match place {
            0 if self.layers == 1 => (0, 1),
            0 => (0, 4),
            1 => (2, 1),
            2 => (1, 2),
            _ => (2, 1),
        };
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal_id == 0));
        let descriptor = Descriptor {
            picture_id: Some(PictureId::Long(self.picture_id)),
            tl0_pic_idx: Some(self.tl0),
            layer: Some(LayerInfo { temporal_id, layer_sync: matches!(place, 1 | 2) }),
            ..Descriptor::default()
        };
        let per_second = 1000 / self.interval_ms.max(33);
        let bytes = usize::try_from(self.kbps * 125 / per_second).unwrap();
        let bytes = if is_key { bytes * 5 } else { bytes };
        let parts = bytes.div_ceil(PACKET_BYTES).max(1);
        let timestamp = u32::try_from(now_ms * 90 % (1 << 32)).unwrap();
        let mut packets = Vec::new();
        for part in 0..parts {
            let mut payload = Vec::new();
            let start_of_partition = part == 0;
            Descriptor { start_of_partition, ..descriptor }.write(&mut payload).unwrap();
            payload.extend([u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a]);
            payload.extend((self.height / 9 * 16).to_le_bytes());
            payload.extend(self.height.to_le_bytes());
            payload.extend(self.frame.to_be_bytes());
            let reference = if is_key { self.frame } else { self.frame - reference };
            payload.extend(reference.to_be_bytes());
            payload.extend(u16::try_from(part).unwrap().to_be_bytes());
            payload.resize(bytes / parts + 40, 0);
            let header = Header {
                marker: part + 1 == parts,
                payload_type: 96,
                sequence: self.sequence,
                timestamp: timestamp.wrapping_add(self.clock_offset),
                ssrc: self.ssrc,
            };
            self.sequence = self.sequence.wrapping_add(1);
            let packet = rtp::Packet { header, csrcs: &[], extension: None, payload: &payload };
            let mut data = Vec::new();
            rtp::write_packet(&packet, 0, &mut data).unwrap();
            packets.push(data);
        }
        self.frame += 1;
        self.position += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        packets
    }
}
