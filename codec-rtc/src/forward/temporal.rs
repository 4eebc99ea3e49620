//! Temporal layers of VP8, by the layer-sync bit (Y). RFC 7741, section 4.2.

use std::collections::VecDeque;

use crate::packet::vp8::Descriptor;

/// Number of frames whose decision is kept.
const MAX_FRAMES: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Frame {
    timestamp: u32,
    passes: bool,
}

/// Selects the temporal layers.
#[derive(Clone, Debug)]
pub(super) struct TemporalLayers {
    /// Requested maximum layer, and the layer currently forwarded.
    target: u8,
    current: u8,
    frames: VecDeque<Frame>,
}

impl TemporalLayers {
    pub(super) fn new() -> Self {
        Self { target: u8::MAX, current: u8::MAX, frames: VecDeque::new() }
    }

    pub(super) fn set_target(&mut self, layer: u8) {
        self.target = layer;
    }

    pub(super) fn current(&self) -> u8 {
        self.current
    }

    /// Forgets the timestamps of a stream that ended.
    pub(super) fn restart(&mut self) {
        self.frames.clear();
    }

    /// Returns whether a packet is forwarded, and whether it is the first one of its frame.
    pub(super) fn decide(
        &mut self,
        timestamp: u32,
        descriptor: &Descriptor,
        is_key: bool,
    ) -> (bool, bool) {
        let known = self.frames.iter().rev().find(|frame| frame.timestamp == timestamp);
        if let Some(frame) = known {
            return (frame.passes, false);
        }
        let layer = descriptor.layer.unwrap_or_default();
        if self.target < self.current {
            self.current = self.target;
        } else if self.target > self.current {
            let climbs = layer.layer_sync && layer.temporal_id > self.current;
            if is_key {
                self.current = self.target;
            } else if climbs && layer.temporal_id <= self.target {
                self.current = layer.temporal_id;
            }
        }
        let passes = layer.temporal_id <= self.current;
        self.frames.push_back(Frame { timestamp, passes });
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
        (passes, true)
    }
}
