//! Temporal layers in VP8's three reference slots: references, updates and layer metadata of each
//! frame.
//!
//! | mode | layers of successive frames | layer 0 references | layer 1 references | layer 2 references |
//! |---|---|---|---|---|
//! | L1T1 | 0 | last, golden, altref | | |
//! | L1T2 | 0 1 | last, golden, altref | last, golden, altref | |
//! | L1T3 | 0 2 1 2 | last, altref | last, altref | last, altref; also golden if the previous frame is in layer 1 |
//!
//! Key frames update all slots. Other frames of layer 0 update last, and may replace golden (in
//! L1T3 altref) as a background reference. In L1T3, frames of layer 1 update golden. The remaining
//! frames update no slot.
//!
//! A frame never references a slot that holds a frame of a higher layer, even after a change of the
//! mode. If an SFU drops the upper layers, the frames of the lower layers still decode to the same
//! pixels.

use crate::codec::{Scalability, SlotSet};

const ALL: SlotSet = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
const LAST_AND_ALTREF: SlotSet = SlotSet::LAST.with(SlotSet::ALTREF);

/// References and updates of the next frame in the layer structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerPlan {
    /// Temporal layer, 0 the base.
    pub temporal_id: u8,
    /// Reference slots that may be used.
    pub references: SlotSet,
    /// Reference slots that the frame replaces.
    pub updates: SlotSet,
    /// Slot that this frame may also replace as a long-term background reference; empty if none.
    pub background: SlotSet,
    /// Whether later frames may start from this frame's probabilities; only in the base layer.
    pub refresh_entropy: bool,
    /// Whether no later frame references it.
    pub discardable: bool,
    /// The layer is disabled: drop the frame, and report it with [`LayerPlanner::dropped`].
    pub off: bool,
}

/// Layer metadata of a coded frame, for its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `PacketMeta`")]
pub struct LayerMeta {
    pub temporal_id: u8,
    pub layer_sync: bool,
    pub tl0_index: u8,
    pub discardable: bool,
}

/// Assigns frames to temporal layers.
///
/// It can be used separately, for any encoder with VP8's slots.
///
/// ```
/// use codec_core::codec::Scalability;
/// use codec_core::rate::LayerPlanner;
///
/// let mut layers = LayerPlanner::new(Scalability::L1T3);
/// let mut ids = Vec::new();
/// for frame in 0..8 {
///     let plan = layers.next(frame == 0);
///     let meta = layers.coded(plan.references, plan.updates);
///     ids.push(meta.temporal_id);
/// }
/// assert_eq!(ids, [0, 2, 1, 2, 0, 2, 1, 2]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LayerPlanner {
    mode: Scalability,
    active_layers: u8,
    /// Position of the next frame in the mode's pattern.
    position: usize,
    /// Temporal layer of the frame in each slot.
    slot_layers: [u8; 3],
    tl0_index: u8,
    any_tl0: bool,
    planned: u8,
    planned_key: bool,
    /// Long-term reference of three temporal layers; empty if altref is not available.
    long_term: SlotSet,
}

impl LayerPlanner {
    /// Creates a planner with all layers enabled.
    #[must_use]
    pub fn new(mode: Scalability) -> Self {
        Self {
            mode,
            active_layers: mode.temporal_layers(),
            position: 0,
            slot_layers: [0; 3],
            tl0_index: 0,
            any_tl0: false,
            planned: 0,
            planned_key: false,
            long_term: SlotSet::ALTREF,
        }
    }

    /// Never updates altref, for codecs that have last and golden only.
    pub(crate) fn without_altref(&mut self) {
        self.long_term = SlotSet::NONE;
    }

    /// Returns the temporal layer of the next frame, unless it is a key frame.
    pub(crate) fn next_temporal_id(&self) -> u8 {
        let pattern = self.pattern();
        pattern[self.position % pattern.len()]
    }

    /// Continues the pattern where the planner of the lowest spatial layer was before its last frame.
    pub(crate) fn follow(&mut self, lowest: &Self) {
        self.position = lowest.position;
    }

    /// Returns the scalability mode.
    #[must_use]
    pub fn mode(&self) -> Scalability {
        self.mode
    }

    /// Returns the number of active layers.
    #[must_use]
    pub fn active_layers(&self) -> u8 {
        self.active_layers
    }

    /// Sets another mode from the next frame on, which becomes a base layer frame; enables all
    /// layers.
    pub fn set_mode(&mut self, mode: Scalability) {
        self.mode = mode;
        self.active_layers = mode.temporal_layers();
        self.position = 0;
    }

    /// Disables the layers from `layers` up; the base layer always stays active.
    pub fn set_active_layers(&mut self, layers: u8) {
        self.active_layers = layers.clamp(1, self.mode.temporal_layers());
    }

    fn pattern(&self) -> &'static [u8] {
        match self.mode.temporal_layers() {
            1 => &[0],
            2 => &[0, 1],
            _ => &[0, 2, 1, 2],
        }
    }

    /// Returns the plan of the next frame. A key frame belongs to the base layer and restarts the
    /// pattern. Report the result with [`Self::coded`] or [`Self::dropped`]; without a report the
    /// next call replaces the plan.
    pub fn next(&mut self, key_frame: bool) -> LayerPlan {
        if key_frame {
            self.position = 0;
        }
        let pattern = self.pattern();
        self.position %= pattern.len();
        let temporal_id = pattern[self.position];
        self.planned = temporal_id;
        self.planned_key = key_frame;
        let (references, updates, background) = match (self.mode.temporal_layers(), temporal_id) {
            (1 | 2, 0) => (ALL, SlotSet::LAST, SlotSet::GOLDEN),
            (3, 0) => (LAST_AND_ALTREF, SlotSet::LAST, self.long_term),
            (3, 1) => (LAST_AND_ALTREF, SlotSet::GOLDEN, SlotSet::NONE),
            // Golden is older than last here, and excluding it lets a receiver switch up at this
            // frame.
            (3, _) if self.position == 1 => (LAST_AND_ALTREF, SlotSet::NONE, SlotSet::NONE),
            _ => (ALL, SlotSet::NONE, SlotSet::NONE),
        };
        LayerPlan {
            temporal_id,
            references: if key_frame { SlotSet::NONE } else { self.decodable(references) },
            updates: if key_frame { ALL } else { updates },
            background: if key_frame { SlotSet::NONE } else { background },
            refresh_entropy: temporal_id == 0,
            discardable: !key_frame && updates.is_empty(),
            off: temporal_id >= self.active_layers,
        }
    }

    /// Removes slots that hold frames of layers above the layer of the planned frame.
    fn decodable(&self, references: SlotSet) -> SlotSet {
        let above = (0..3)
            .filter(|&slot| self.slot_layers[slot] > self.planned)
            .fold(SlotSet::NONE, |above, slot| above.with(SlotSet(1 << slot)));
        references.without(above)
    }

    /// Reports that the planned frame was coded with these references and updates, which may differ
    /// from the plan.
    pub fn coded(&mut self, references: SlotSet, updates: SlotSet) -> LayerMeta {
        let temporal_id = self.planned;
        if temporal_id == 0 {
            self.tl0_index = if self.any_tl0 { self.tl0_index.wrapping_add(1) } else { 0 };
            self.any_tl0 = true;
        }
        let of_base =
            |slot: usize| self.slot_layers[slot] == 0 || !references.contains(SlotSet(1 << slot));
        let layer_sync = temporal_id > 0 && (0..3).all(of_base);
        for slot in 0..3 {
            if self.planned_key || updates.contains(SlotSet(1 << slot)) {
                self.slot_layers[slot] = temporal_id;
            }
        }
        self.position += 1;
        LayerMeta {
            temporal_id,
            layer_sync,
            tl0_index: self.tl0_index,
            discardable: !self.planned_key && updates.is_empty(),
        }
    }

    /// Reports that golden was copied to altref, before the updates of [`Self::coded`].
    pub fn golden_moved_to_altref(&mut self) {
        self.slot_layers[2] = self.slot_layers[1];
    }

    /// Reports that the planned frame was dropped. A frame of a disabled layer still consumes its
    /// position in the pattern; otherwise the next frame takes the position.
    pub fn dropped(&mut self) {
        if self.planned >= self.active_layers {
            self.position += 1;
        }
    }

    /// Returns the weight of a frame of layer `temporal_id` relative to the mean frame, in 1/256,
    /// if all active layers share the rate 60:40 (two layers) or 40:20:40 (three).
    #[must_use]
    pub fn weight_q8(mode: Scalability, active_layers: u8, temporal_id: u8) -> u64 {
        let (percent, frames): (&[u64], &[u64]) = match mode.temporal_layers() {
            1 => (&[100], &[1]),
            2 => (&[60, 40], &[1, 1]),
            _ => (&[40, 20, 40], &[1, 1, 2]),
        };
        let id = usize::from(temporal_id).min(percent.len() - 1);
        let active = usize::from(active_layers).clamp(1, percent.len());
        let period: u64 = frames.iter().sum();
        let total: u64 = percent[..active].iter().sum();
        256 * percent[id] * period / (total * frames[id])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(layers: &mut LayerPlanner, frames: usize) -> Vec<(LayerPlan, LayerMeta)> {
        let mut out = Vec::new();
        for _ in 0..frames {
            let plan = layers.next(false);
            if plan.off {
                layers.dropped();
            } else {
                out.push((plan, layers.coded(plan.references, plan.updates)));
            }
        }
        out
    }

    #[test]
    fn no_frame_references_a_higher_layer_after_any_mode_change() {
        let modes = [Scalability::L1T3, Scalability::L1T1, Scalability::L1T2];
        let mut layers = LayerPlanner::new(Scalability::L1T3);
        let mut held = [0; 3];
        layers.next(true);
        layers.coded(SlotSet::NONE, ALL);
        for step in 0..200 {
            if step % 7 == 0 {
                layers.set_mode(modes[step / 7 % 3]);
            }
            for (plan, meta) in run(&mut layers, 1) {
                for (slot, held) in held.iter_mut().enumerate() {
                    if plan.references.contains(SlotSet(1 << slot)) {
                        assert!(*held <= plan.temporal_id, "step {step}");
                    }
                    if plan.updates.contains(SlotSet(1 << slot)) {
                        *held = plan.temporal_id;
                    }
                }
                assert_eq!(meta.temporal_id == 0, plan.refresh_entropy);
            }
        }
    }

    #[test]
    fn three_layers_have_a_switch_up_point_in_every_period() {
        let mut layers = LayerPlanner::new(Scalability::L1T3);
        layers.next(true);
        layers.coded(SlotSet::NONE, ALL);
        let frames = run(&mut layers, 8);
        let sync: Vec<_> = frames.iter().map(|(_, meta)| meta.layer_sync).collect();
        assert_eq!(sync, [true, true, false, false, true, true, false, false]);
        let tl0: Vec<_> = frames.iter().map(|(_, meta)| meta.tl0_index).collect();
        assert_eq!(tl0, [0, 0, 0, 1, 1, 1, 1, 2]);
        assert!(frames.iter().all(|(p, meta)| meta.discardable == (p.temporal_id == 2)));
    }

    #[test]
    fn disabled_layers_keep_their_positions_in_the_pattern() {
        let mut layers = LayerPlanner::new(Scalability::L1T3);
        layers.set_active_layers(2);
        let ids: Vec<_> = run(&mut layers, 8).iter().map(|(p, _)| p.temporal_id).collect();
        assert_eq!(ids, [0, 1, 0, 1]);
        layers.set_active_layers(1);
        assert_eq!(run(&mut layers, 8).len(), 2);
    }

    #[test]
    fn next_frame_takes_position_of_dropped_frame() {
        let mut layers = LayerPlanner::new(Scalability::L1T2);
        assert_eq!(layers.next(true).temporal_id, 0);
        layers.dropped();
        assert_eq!(layers.next(true).temporal_id, 0);
    }

    #[test]
    fn weights_of_one_period_sum_to_its_frame_count() {
        let weight = |id| LayerPlanner::weight_q8(Scalability::L1T3, 3, id);
        assert!((weight(0) + weight(1) + 2 * weight(2)).abs_diff(4 * 256) <= 4);
        assert_eq!(LayerPlanner::weight_q8(Scalability::L1T2, 2, 0), 307);
        assert_eq!(LayerPlanner::weight_q8(Scalability::L1T2, 1, 0), 512);
    }
}
