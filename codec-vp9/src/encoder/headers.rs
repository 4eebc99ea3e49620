//! Builds the header of a frame from its plan (type, references, quantiser).

use codec_core::codec::plan::FramePlan;
use codec_core::codec::{Content, SlotSet};
use codec_core::frame::{SampleFormat, Size};

use super::inter_layer::FrameSlots;
use super::settings::FrameKnobs;
use super::speed::Tools;
use crate::header::{
    ContextHeader, ContextReset, Filter, FrameHeader, FrameType, LoopFilterDeltas,
    LoopFilterHeader, QuantiserHeader, ReferenceHeader, Segmentation, TileLayout,
};
use crate::tables::quantiser::AC_8;

/// Added to the level of the loop filter that follows from the step.
const FILTER_BASE: u32 = 3;

/// Index of the saved context of hidden frames. A stream with spatial layers has no hidden frames.
const HIDDEN_CONTEXT: usize = 1;
/// Index of the saved context of hidden frames in the middle of a group.
const MIDDLE_CONTEXT: usize = 2;

/// The saved context of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameContext {
    /// Its index, if the frame is shown.
    pub(super) index: usize,
    /// Whether its probabilities may adapt to the frame's statistics.
    pub(super) adapts: bool,
}

/// Inputs of the header, apart from the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderInput {
    pub(super) is_key: bool,
    pub(super) slots: FrameSlots,
    pub(super) size: Size,
    pub(super) knobs: FrameKnobs,
    pub(super) qindex: u8,
    pub(super) error_resilient: bool,
    pub(super) context: FrameContext,
    pub(super) segmentation: Segmentation,
    /// By reference: whether it is a frame that is shown later. If altref is one, blocks may have a second reference.
    pub(super) ahead: [bool; 3],
    /// Tools of files and slow speeds.
    pub(super) tools: Option<Tools>,
    pub(super) color: codec_core::frame::Color,
}

/// Returns the header of a frame; the sizes of its parts are not known yet.
pub(super) fn frame_header(plan: &FramePlan, input: HeaderInput) -> FrameHeader {
    let is_key = input.is_key;
    let deltas = LoopFilterDeltas::default();
    let is_reset = is_key || input.error_resilient;
    let has = |tool: fn(&Tools) -> bool| !is_key && input.tools.as_ref().is_some_and(tool);
    let has_compound = input.ahead[2] && !is_reset && has(|tools| tools.compound);
    let (log2_cols, _) = TileLayout::limits(input.size);
    FrameHeader {
        profile: 0,
        frame_type: if is_key { FrameType::Key } else { FrameType::Inter },
        show: plan.shown,
        error_resilient: input.error_resilient,
        format: SampleFormat::YUV420,
        color: is_key.then_some(input.color),
        size: input.size,
        render_size: input.size,
        refresh_slots: if is_key { 0xff } else { input.slots.refresh },
        references: ReferenceHeader {
            slots: input.slots.references,
            sign_bias: input.ahead.map(|is_ahead| is_ahead && has_compound),
            high_precision: false,
            // Blocks select it, unless the tools have one alone.
            filter: input.tools.filter(|tools| !tools.filters).map(|_| Filter::Regular),
        },
        contexts: ContextHeader {
            reset: is_reset.then_some(ContextReset::All),
            index: match is_reset {
                true => 0,
                false if plan.shown => input.context.index,
                false if plan.updates.contains(SlotSet::GOLDEN) => MIDDLE_CONTEXT,
                false => HIDDEN_CONTEXT,
            },
            refresh: plan.refresh_entropy && !input.error_resilient,
            adapt: input.context.adapts && !input.error_resilient,
        },
        loop_filter: LoopFilterHeader {
            level: input.knobs.filter_level.unwrap_or_else(|| filter_level(plan, input.qindex)),
            sharpness: input.knobs.sharpness,
            deltas: Some(deltas),
            next_deltas: deltas,
        },
        quantiser: QuantiserHeader { base: input.qindex, ..QuantiserHeader::default() },
        segmentation: input.segmentation,
        tiles: TileLayout { log2_cols, log2_rows: 0 },
        header_bytes: 0,
        compressed_bytes: 0,
    }
}

/// Returns the level of the loop filter: it rises with the step. Screens are not filtered.
fn filter_level(plan: &FramePlan, qindex: u8) -> u8 {
    if plan.content == Content::Screen {
        return 0;
    }
    let step = u32::from(AC_8[usize::from(qindex)]);
    let level = step * u32::from(plan.filter_pct) / 100 + FILTER_BASE;
    level.min(63).to_le_bytes()[0]
}
