//! Temporal layers in VP8's three slots: who refers to whom, and what that makes of a frame.
//!
//! | mode | layers | layer 0 | layer 1 | layer 2 |
//! |---|---|---|---|---|
//! | L1T1 | 0 | last, golden, altref | | |
//! | L1T2 | 0 1 | last, golden, altref | last, golden, altref | |
//! | L1T3 | 0 2 1 2 | last, altref | last, altref; updates golden | last, altref; after layer 1 golden, too |
//!
//! A frame never refers to a slot that holds a frame of a higher layer, also across changes of the
//! mode, so that a stream without its upper layers decodes to the same pictures.

use crate::codec::{Scalability, SlotSet};

const ALL: SlotSet = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
const LAST_AND_ALTREF: SlotSet = SlotSet::LAST.with(SlotSet::ALTREF);

/// Where one frame stands among the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerPlan {
    /// Temporal layer, 0 the base.
    pub temporal_id: u8,
    /// Slots that may be referenced.
    pub references: SlotSet,
    /// Slots that the frame replaces.
    pub updates: SlotSet,
    /// The slot that this frame may also replace as a long-term background; empty: none.
    pub background: SlotSet,
    /// Later frames may start from this frame's probabilities: the base layer's only.
    pub keep_probabilities: bool,
    /// No later frame refers to it.
    pub discardable: bool,
    /// The layer is switched off: drop the frame, and say so by [`LayerPlanner::dropped`].
    pub off: bool,
}

/// What a coded frame was, for its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `PacketMeta`")]
pub struct LayerMeta {
    pub temporal_id: u8,
    pub layer_sync: bool,
    pub tl0_index: u8,
    pub discardable: bool,
}

/// Deals frames out to layers. Usable alone, for any encoder with VP8's slots.
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
    /// Place of the next frame in the mode's pattern.
    position: usize,
    /// Temporal layer of the frame that each slot holds.
    slot_layers: [u8; 3],
    tl0_index: u8,
    any_tl0: bool,
    planned: u8,
    planned_key: bool,
}

impl LayerPlanner {
    /// A planner before its first frame, with all layers on.
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
        }
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> Scalability {
        self.mode
    }

    /// Number of layers that are on.
    #[must_use]
    pub fn active_layers(&self) -> u8 {
        self.active_layers
    }

    /// Another mode from the next frame on, which is one of the base layer; all layers are on.
    pub fn set_mode(&mut self, mode: Scalability) {
        self.mode = mode;
        self.active_layers = mode.temporal_layers();
        self.position = 0;
    }

    /// Switches off the layers from `layers` up; at least the base layer stays on.
    pub fn set_active_layers(&mut self, layers: u8) {
        self.active_layers = layers.clamp(1, self.mode.temporal_layers());
    }

    fn pattern(&self) -> &'static [u8] {
        match self.mode {
            Scalability::L1T1 => &[0],
            Scalability::L1T2 => &[0, 1],
            Scalability::L1T3 => &[0, 2, 1, 2],
        }
    }

    /// The plan of the next frame; a key frame is of the base layer and begins the pattern anew.
    /// Say what became of it by [`Self::coded`] or [`Self::dropped`], or ask again.
    pub fn next(&mut self, key_frame: bool) -> LayerPlan {
        if key_frame {
            self.position = 0;
        }
        let pattern = self.pattern();
        self.position %= pattern.len();
        let temporal_id = pattern[self.position];
        self.planned = temporal_id;
        self.planned_key = key_frame;
        let (references, updates, background) = match (self.mode, temporal_id) {
            (Scalability::L1T1 | Scalability::L1T2, 0) => (ALL, SlotSet::LAST, SlotSet::GOLDEN),
            (Scalability::L1T3, 0) => (LAST_AND_ALTREF, SlotSet::LAST, SlotSet::ALTREF),
            (Scalability::L1T3, 1) => (LAST_AND_ALTREF, SlotSet::GOLDEN, SlotSet::NONE),
            // Golden is older than last here, and without it a receiver can join at this frame.
            (Scalability::L1T3, _) if self.position == 1 => {
                (LAST_AND_ALTREF, SlotSet::NONE, SlotSet::NONE)
            }
            _ => (ALL, SlotSet::NONE, SlotSet::NONE),
        };
        LayerPlan {
            temporal_id,
            references: if key_frame { SlotSet::NONE } else { self.decodable(references) },
            updates: if key_frame { ALL } else { updates },
            background: if key_frame { SlotSet::NONE } else { background },
            keep_probabilities: temporal_id == 0,
            discardable: !key_frame && updates.is_empty(),
            off: temporal_id >= self.active_layers,
        }
    }

    /// Without the slots that hold frames of layers above the planned frame's.
    fn decodable(&self, references: SlotSet) -> SlotSet {
        let above = (0..3)
            .filter(|&slot| self.slot_layers[slot] > self.planned)
            .fold(SlotSet::NONE, |above, slot| above.with(SlotSet(1 << slot)));
        references.without(above)
    }

    /// The planned frame was coded with these references and updates, which may differ from the
    /// plan's.
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

    /// Altref took over what golden held, before the updates of [`Self::coded`].
    pub fn golden_moved_to_altref(&mut self) {
        self.slot_layers[2] = self.slot_layers[1];
    }

    /// The planned frame was dropped. One whose layer is off leaves its place in the pattern
    /// empty; any other place is for the next frame.
    pub fn dropped(&mut self) {
        if self.planned >= self.active_layers {
            self.position += 1;
        }
    }

    /// What one frame of layer `temporal_id` is to take of the mean share of a frame, in 1/256, if
    /// all layers that are on share the rate as 60:40 (two) or 40:20:40 (three).
    #[must_use]
    pub fn weight_q8(mode: Scalability, active_layers: u8, temporal_id: u8) -> u64 {
        let (percent, frames): (&[u64], &[u64]) = match mode {
            Scalability::L1T1 => (&[100], &[1]),
            Scalability::L1T2 => (&[60, 40], &[1, 1]),
            Scalability::L1T3 => (&[40, 20, 40], &[1, 1, 2]),
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
    fn nothing_refers_to_a_layer_above_itself_whatever_the_mode_was_before() {
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
                assert_eq!(meta.temporal_id == 0, plan.keep_probabilities);
            }
        }
    }

    #[test]
    fn three_layers_have_a_switching_point_to_each_in_every_round() {
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
    fn layers_switched_off_leave_their_places_empty() {
        let mut layers = LayerPlanner::new(Scalability::L1T3);
        layers.set_active_layers(2);
        let ids: Vec<_> = run(&mut layers, 8).iter().map(|(p, _)| p.temporal_id).collect();
        assert_eq!(ids, [0, 1, 0, 1]);
        layers.set_active_layers(1);
        assert_eq!(run(&mut layers, 8).len(), 2);
    }

    #[test]
    fn a_dropped_frame_leaves_its_place_to_the_next() {
        let mut layers = LayerPlanner::new(Scalability::L1T2);
        assert_eq!(layers.next(true).temporal_id, 0);
        layers.dropped();
        assert_eq!(layers.next(true).temporal_id, 0);
    }

    #[test]
    fn the_weights_of_one_period_add_up_to_its_frames() {
        let weight = |id| LayerPlanner::weight_q8(Scalability::L1T3, 3, id);
        assert!((weight(0) + weight(1) + 2 * weight(2)).abs_diff(4 * 256) <= 4);
        assert_eq!(LayerPlanner::weight_q8(Scalability::L1T2, 2, 0), 307);
        assert_eq!(LayerPlanner::weight_q8(Scalability::L1T2, 1, 0), 512);
    }
}
