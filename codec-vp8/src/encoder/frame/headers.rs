//! Header fields that are known before the macroblocks are coded. RFC 6386, sections 9.3 to 9.7.

use super::{FrameEncoder, FrameInput};
use crate::encoder::loop_filter::{default_level, filter_header};
use crate::encoder::quant::Quantisers;
use crate::header::{
    BufferCopy, FrameHeader, HeaderContext, ModeProbabilities, QuantIndices, ReferenceUpdates,
    Segmentation,
};
use crate::types::QIndex;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet, Tune};

impl FrameEncoder {
    /// Returns the header of a frame at `qindex`, with the probabilities that it starts from.
    pub(super) fn plan_header(
        &mut self,
        input: &FrameInput<'_>,
        qindex: QIndex,
        context: &HeaderContext,
        modes: ModeProbabilities,
    ) -> FrameHeader {
        let plan = input.plan;
        let knobs = self.settings.knobs;
        let level = self.filter_level(input, qindex);
        FrameHeader {
            is_key: input.is_key(),
            color_space: 0,
            no_clamping: false,
            segmentation: self.plan_segments(input, qindex),
            filter: filter_header(level, input.is_screen(), knobs),
            log2_partitions: log2_partitions(knobs.token_partitions),
            quant: QuantIndices { y_ac: qindex, ..QuantIndices::default() },
            references: references(plan),
            refresh_entropy: plan.refresh_entropy,
            probs: context.probs.clone(),
            modes,
        }
    }

    /// Assigns macroblocks to segments: by their quantiser offsets, or by the offsets of the cyclic refresh.
    /// Section 9.3.
    fn plan_segments(&mut self, input: &FrameInput<'_>, qindex: QIndex) -> Segmentation {
        let offsets = input.quantiser_offsets();
        if offsets.is_empty() {
            let share_pct = if input.is_key() { 0 } else { input.plan.cyclic_refresh_pct };
            return self.segments.refresh(qindex, share_pct);
        }
        let mut segmentation = self.segments.offset(qindex, offsets, input.plan.block_qindex);
        segmentation.filter_level = [0, 1, 2, 3].map(|segment| {
            self.filter_level(input, segmentation.qindex(qindex, segment)).cast_signed()
        });
        segmentation
    }

    /// Returns the level of the loop filter at `qindex`.
    fn filter_level(&self, input: &FrameInput<'_>, qindex: QIndex) -> u8 {
        let default = || default_level(qindex, input.is_screen(), input.plan.filter_pct);
        self.settings.knobs.filter_level.unwrap_or_else(default)
    }
}

impl FrameHeader {
    /// Updates `quantisers` for the segments of the frame.
    pub(super) fn update_quantisers(&self, tune: Tune, quantisers: &mut Quantisers) {
        let indices =
            [0, 1, 2, 3].map(|segment| self.segmentation.qindex(self.quant.y_ac, segment));
        quantisers.update(indices, &self.quant, tune);
    }
}

/// Returns the header fields for the reference updates of the plan. Section 9.7.
fn references(plan: &FramePlan) -> ReferenceUpdates {
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
fn log2_partitions(count: u8) -> u8 {
    match count {
        8 => 3,
        4 => 2,
        2 => 1,
        _ => 0,
    }
}
