//! The references of the encoder: each has a slot of its own.

use std::sync::Arc;

use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};
use codec_core::frame::FrameBuf;

/// The references of plans, as sets; their slots are 0, 1 and 2.
pub(super) const REFERENCES: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// A frame, and how many input frames were before it.
#[derive(Clone, Debug)]
struct Reference {
    frame: Arc<FrameBuf>,
    time: u64,
}

/// The frames of the references.
#[derive(Clone, Debug, Default)]
pub(super) struct References([Option<Reference>; 3]);

impl References {
    /// Whether each reference has a frame.
    pub(super) fn are_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// Returns the references of a plan in the order of the frame header: the newer one of last and golden is the
    /// first, because blocks predict from it with motion and at the lowest cost. Golden is newer in the
    /// frames after one of temporal layer 1.
    pub(super) fn order(&self, plan: &FramePlan) -> [usize; 3] {
        let [last, golden, _] = &self.0;
        let time = |reference: &Option<Reference>| reference.as_ref().map(|known| known.time);
        let is_newer = plan.references.contains(SlotSet::GOLDEN) && time(golden) > time(last);
        if is_newer { [1, 0, 2] } else { [0, 1, 2] }
    }

    /// Returns the frames that a plan allows to refer to, without duplicates, in the order of the frame header.
    pub(super) fn usable(&self, plan: &FramePlan) -> [Option<&FrameBuf>; 3] {
        let mut used: [Option<&FrameBuf>; 3] = [None; 3];
        if plan.kind == FrameKind::Key {
            return used;
        }
        for (place, index) in self.order(plan).into_iter().enumerate() {
            let is_allowed = plan.references.contains(REFERENCES[index]);
            let frame = self.0[index].as_ref().filter(|_| is_allowed);
            let frame = frame.map(|reference| &*reference.frame);
            let is_new = |frame: &&FrameBuf| {
                !used.iter().flatten().any(|known| std::ptr::eq(*known, *frame))
            };
            used[place] = frame.filter(is_new);
        }
        used
    }

    /// Returns how many input frames after its first reference a frame is.
    pub(super) fn distance(&self, plan: &FramePlan, time: u64) -> u64 {
        let [first, ..] = self.order(plan);
        self.0[first].as_ref().map_or(1, |reference| time.saturating_sub(reference.time)).max(1)
    }

    /// Replaces the references in `updates` by the frame at `time`.
    pub(super) fn update(&mut self, updates: SlotSet, frame: &Arc<FrameBuf>, time: u64) {
        for (reference, set) in self.0.iter_mut().zip(REFERENCES) {
            if updates.contains(set) {
                *reference = Some(Reference { frame: Arc::clone(frame), time });
            }
        }
    }
}
