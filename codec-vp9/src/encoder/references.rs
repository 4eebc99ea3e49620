//! The references of the encoder: each has a slot of its own.

use std::sync::Arc;

use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};
use codec_core::frame::FrameBuf;

/// The references in the order of the frame header, as sets; their slots are 0, 1 and 2.
pub(super) const REFERENCES: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// The frames of the references.
#[derive(Clone, Debug, Default)]
pub(super) struct References([Option<Arc<FrameBuf>>; 3]);

impl References {
    /// Whether each reference has a frame.
    pub(super) fn are_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// Returns the frames that a plan allows to refer to, without duplicates.
    pub(super) fn usable(&self, plan: &FramePlan) -> [Option<&FrameBuf>; 3] {
        let mut used: [Option<&FrameBuf>; 3] = [None; 3];
        if plan.kind == FrameKind::Key {
            return used;
        }
        for (index, set) in REFERENCES.into_iter().enumerate() {
            let frame = self.0[index].as_deref().filter(|_| plan.references.contains(set));
            let is_new = |frame: &&FrameBuf| {
                !used.iter().flatten().any(|known| std::ptr::eq(*known, *frame))
            };
            let frame = frame.filter(is_new);
            used[index] = frame;
        }
        used
    }

    /// Replaces the references in `updates`.
    pub(super) fn update(&mut self, updates: SlotSet, frame: &Arc<FrameBuf>) {
        for (reference, set) in self.0.iter_mut().zip(REFERENCES) {
            if updates.contains(set) {
                *reference = Some(Arc::clone(frame));
            }
        }
    }
}
