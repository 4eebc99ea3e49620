//! Selects the layers of one encoding that are forwarded to a viewer.

use std::collections::VecDeque;

use super::packet::{MediaPacket, SwitchPoint};

/// Number of frames whose decision is kept for their remaining packets.
const MAX_FRAMES: usize = 64;

/// Highest spatial and temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
}

/// Decision for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) passes: bool,
    /// Whether the packet is the first of its frame that arrived.
    pub(super) is_new_frame: bool,
    /// Whether the packet is the last of the frame that the viewer gets.
    pub(super) marker: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    timestamp: u32,
    top: u8,
    passes: bool,
}

/// Selects layers. Layers are dropped with the next frame, and added only where decoding allows it:
/// temporal layers at a switch point or a key frame, spatial layers at a key frame.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerFilter {
    target: Layers,
    current: Layers,
    frames: VecDeque<Frame>,
}

impl LayerFilter {
    /// Sets the wanted layers.
    pub(super) fn set_target(&mut self, target: Layers) {
        self.target = target;
    }

    /// The layers that are forwarded.
    pub(super) fn current(&self) -> Layers {
        self.current
    }

    /// Whether a packet belongs to the wanted layers.
    pub(super) fn wants(&self, packet: &MediaPacket) -> bool {
        let info = packet.frame;
        info.spatial_id <= self.target.spatial && info.temporal_id <= self.target.temporal
    }

    /// Whether a wanted spatial layer needs a key frame.
    pub(super) fn needs_key_frame(&self) -> bool {
        self.target.spatial > self.current.spatial
    }

    /// Continues with another encoding.
    pub(super) fn restart(&mut self) {
        self.frames.clear();
    }

    /// Drops the upper temporal layers until the next switch point.
    pub(super) fn drop_to_base(&mut self) {
        self.current.temporal = 0;
    }

    /// Decides about a packet.
    pub(super) fn decide(&mut self, packet: &MediaPacket) -> Verdict {
        let info = packet.frame;
        let known = self.frames.iter().rev().find(|it| it.timestamp == packet.timestamp).copied();
        let frame = known.unwrap_or_else(|| self.begin(packet));
        let passes = frame.passes && info.spatial_id <= frame.top;
        Verdict {
            passes,
            is_new_frame: known.is_none(),
            marker: passes && info.ends_frame && info.spatial_id == frame.top,
        }
    }

    fn begin(&mut self, packet: &MediaPacket) -> Frame {
        let info = packet.frame;
        self.current.spatial = self.current.spatial.min(self.target.spatial);
        self.current.temporal = self.current.temporal.min(self.target.temporal);
        let is_within = info.temporal_id <= self.target.temporal;
        if info.is_key {
            self.current = self.target;
        } else if let SwitchPoint::UpTo(temporal) = info.switch_point
            && is_within
        {
            let reached = temporal.min(self.target.temporal);
            self.current.temporal = self.current.temporal.max(reached);
        }
        let passes = info.temporal_id <= self.current.temporal;
        let frame = Frame { timestamp: packet.timestamp, top: self.current.spatial, passes };
        if info.switch_point == SwitchPoint::After && passes {
            self.current.temporal = self.target.temporal;
        }
        self.keep(frame);
        frame
    }

    /// Drops the frame of a packet: later packets of it are not forwarded.
    pub(super) fn drop_frame(&mut self, packet: &MediaPacket) {
        let timestamp = packet.timestamp;
        if !self.frames.iter().any(|frame| frame.timestamp == timestamp) {
            self.keep(Frame { timestamp, top: 0, passes: false });
        }
    }

    fn keep(&mut self, frame: Frame) {
        self.frames.push_back(frame);
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::packet::{Fields, FrameInfo};

    #[test]
    fn a_frame_whose_first_packet_was_dropped_is_dropped_as_a_whole() {
        let mut filter = LayerFilter::default();
        filter.set_target(Layers { spatial: 0, temporal: 2 });
        let switch_point = SwitchPoint::UpTo(2);
        let frame = FrameInfo { temporal_id: 2, switch_point, ..FrameInfo::default() };
        let (data, fields) = (Vec::new().into(), Fields::default());
        let packet = MediaPacket { data, number: 1, timestamp: 7, frame, fields };
        // The replay of a join lacks upper layers; then live packets of the frame arrive.
        filter.drop_frame(&packet);
        assert!(!filter.decide(&packet).passes);
        let next = MediaPacket { timestamp: 8, ..packet };
        assert!(filter.decide(&next).passes);
    }
}
