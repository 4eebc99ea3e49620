//! Translation of plans to header fields. RFC 6386, sections 9.5 and 9.7.

use crate::header::{BufferCopy, ReferenceUpdates};
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};

/// Returns the header fields for the reference updates of the plan. Section 9.7.
pub(super) fn references(plan: &FramePlan) -> ReferenceUpdates {
    if plan.kind == FrameKind::Key {
        return ReferenceUpdates::KEY;
    }
    let refresh_altref = plan.updates.contains(SlotSet::ALTREF);
    let copy = plan.copy_golden_to_altref && !refresh_altref;
    ReferenceUpdates {
        refresh_golden: plan.updates.contains(SlotSet::GOLDEN),
        refresh_altref,
        refresh_last: plan.updates.contains(SlotSet::LAST),
        copy_to_golden: BufferCopy::None,
        copy_to_altref: if copy { BufferCopy::Other } else { BufferCopy::None },
        sign_bias_golden: false,
        sign_bias_altref: false,
    }
}

/// Returns the base-2 logarithm of a number of partitions, which is 1, 2, 4 or 8.
pub(super) fn log2_partitions(count: u8) -> u8 {
    match count {
        8 => 3,
        4 => 2,
        2 => 1,
        _ => 0,
    }
}
