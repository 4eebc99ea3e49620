//! Layers of VP9, packet by packet.

use std::collections::VecDeque;

use super::selector::{LayerDependencies, LayerSelector, PictureStart};
use crate::packet::vp9::{Descriptor, FrameGroup};

/// Number of frames whose timestamp is kept, if there are no `PictureID`s.
const MAX_FRAMES: usize = 64;

/// Selects the layers of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Vp9Layers {
    pub(super) selector: LayerSelector,
    group: FrameGroup,
    /// Spatial layers by the last scalability structure.
    spatial_layers: u8,
    /// Timestamps of superframes without a `PictureID`, and their numbers.
    unnumbered: VecDeque<(u32, i64)>,
}

impl Vp9Layers {
    /// The number of a superframe: the number in its `PictureID`, or the next one.
    pub(super) fn number(&mut self, timestamp: u32, number: Option<i64>) -> i64 {
        if let Some(number) = number {
            return number;
        }
        let known = self.unnumbered.iter().rev().find(|(known, _)| *known == timestamp);
        if let Some((_, number)) = known {
            return *number;
        }
        let next = self.unnumbered.back().map_or(0, |(_, number)| number + 1);
        self.unnumbered.push_back((timestamp, next));
        if self.unnumbered.len() > MAX_FRAMES {
            self.unnumbered.pop_front();
        }
        next
    }

    /// Returns whether a packet is forwarded, and whether it ends the superframe for the subscriber.
    pub(super) fn decide(
        &mut self,
        number: i64,
        descriptor: &Descriptor,
        is_key: bool,
    ) -> (bool, bool) {
        self.group.update(descriptor);
        let layers = descriptor.structure.as_ref().map(|structure| structure.spatial_layers);
        // A layer that starts without a key frame is announced in the lowest layer. A subscriber of all
        // layers so far can receive it.
        let before = self.spatial_layers;
        let starts = layers.is_some_and(|layers| before > 0 && layers > before);
        let may_join = starts && self.selector.spatial_layer() + 1 >= before;
        self.spatial_layers = layers.unwrap_or(before);
        let temporal_id = descriptor.temporal_id();
        self.selector.begin(PictureStart { number, temporal_id, is_key, may_join });
        let spatial_id = descriptor.spatial_id();
        let layer = descriptor.layer.unwrap_or_default();
        let passes = self.selector.admits(
            number,
            &LayerDependencies {
                spatial_id,
                inter_layer: layer.inter_layer_predicted,
                references: self.group.references(descriptor),
                switching_up: layer.switching_up,
            },
        );
        (passes, descriptor.end_of_frame && self.selector.is_top(number, spatial_id))
    }
}
