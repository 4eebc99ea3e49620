//! Spatial layers: the reference slots of each layer, and prediction from the next lower layer,
//! which is a reference of another size.
//!
//! | slot | contents |
//! |---|---|
//! | 2 s, 2 s + 1 | last and golden of layer s |
//! | 6, 7 | the current superframe's frame of layers 0 and 1, if the next higher layer predicts from it |
//!
//! | frame | LAST | GOLDEN | ALTREF |
//! |---|---|---|---|
//! | key frame, layer 0: replaces all slots | | | |
//! | first frame of a higher layer | lower layer | lower layer, unused | lower layer, unused |
//! | other frames with prediction between layers | own last | own golden | lower layer |
//! | other frames | own last | own golden | own last, unused |
//!
//! If golden is newer than last, own last and own golden change places ([`References::order`]).
//!
//! Predictions from the lower layer have zero motion vectors. To compare them with other
//! predictions, the luma of the lower layer is first scaled to the size of the frame, with the
//! function by which the decoder predicts from references of another size.

use std::sync::Arc;

use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};
use codec_core::encoder::LayerInput;
use codec_core::frame::FrameBuf;
use codec_simd::vp9::Vp9Motion;

use super::job::FrameJob;
use super::last_frames::LastFrame;
use super::references::References;
use crate::block::planes::{planes, planes_mut};
use crate::block::reconstruct::predict_scaled;
use crate::block::references::{PlaneVector, Scale};
use crate::block::sample::Kit;
use crate::header::Filter;
use crate::types::Reference;

/// First slot of frames that the next higher layer predicts from.
const BASE_SLOTS: u8 = 6;
/// Side of a superblock.
const SUPERBLOCK: usize = 64;

/// The layer of a frame encoder, and the place of its next frame in the superframe.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerState {
    pub(super) id: u8,
    pub(super) input: LayerInput,
    /// The last frame, if the next higher layer may predict from it.
    pub(super) reconstruction: Option<Arc<FrameBuf>>,
}

/// Slots of the references of a frame, and slots that it replaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSlots {
    pub(super) references: [usize; 3],
    pub(super) refresh: u8,
}

impl FrameSlots {
    /// The slots of a frame without layers that replaces the references `updates`, and whose references are in the
    /// `order` of the header.
    pub(super) fn without_layers(updates: SlotSet, order: [usize; 3]) -> Self {
        Self { references: order, refresh: updates.0 & 7 }
    }
}

impl LayerState {
    /// Returns the frame that the receivers of a frame have decoded last, of any layer; `last` is the last frame of
    /// this layer.
    pub(super) fn last_frame(&self, last: LastFrame, plan: &FramePlan) -> LastFrame {
        let is_key = match plan.kind {
            FrameKind::Inter => last.is_key.filter(|&is_key| !is_key),
            // In a key superframe, layer 1 follows the key frame.
            FrameKind::Key => (!self.input.resets).then_some(self.id == 1),
        };
        LastFrame { is_known: false, has_vectors: false, is_key }
    }

    /// Whether a frame with the plan of a key frame is predicted from the next lower layer.
    pub(super) fn is_predicted(&self) -> bool {
        self.input.lower.is_some()
    }

    /// Returns the slots of a frame that replaces `updates`; `starts` for the first one of the layer. Its own
    /// references are in the `order` of the header.
    pub(super) fn slots(&self, updates: SlotSet, starts: bool, order: [usize; 3]) -> FrameSlots {
        let own = 2 * usize::from(self.id);
        let lower = usize::from((BASE_SLOTS + self.id).saturating_sub(1));
        let [last, golden, _] = order.map(|index| own + index);
        let references = match (starts, self.is_predicted()) {
            (true, _) => [lower; 3],
            (false, true) => [last, golden, lower],
            (false, false) => [last, golden, last],
        };
        let own = (updates.0 & 3) << (2 * self.id);
        let base = if self.input.is_base { 1 << (BASE_SLOTS + self.id) } else { 0 };
        FrameSlots { references, refresh: own | base }
    }
}

/// Returns the frames that a frame may refer to, without duplicates.
pub(super) fn usable<'a>(
    references: &'a References,
    layer: Option<&'a LayerState>,
    plan: &FramePlan,
) -> [Option<&'a FrameBuf>; 3] {
    let Some(layer) = layer else { return references.usable(plan) };
    let lower = layer.input.lower.as_deref();
    if plan.kind == FrameKind::Key {
        return [lower, None, None];
    }
    let [last, golden, _] = references.usable(plan);
    [last, golden, lower]
}

impl FrameJob<'_> {
    /// Whether a reference has another size than the frame.
    pub(super) fn is_scaled(&self, reference: Reference) -> bool {
        let reference = &self.setup.references[reference as usize];
        reference.as_ref().is_some_and(|planes| planes.scale.is_some())
    }
}

/// Fills the luma of `frame` with the predictions of its superblocks from `lower` without motion.
pub(super) fn upscale(kit: &Kit, lower: &FrameBuf, frame: &mut FrameBuf, scratch: &mut [u8]) {
    let size = frame.size();
    let Some(scale) = Scale::new(lower.size(), size) else { return };
    let [from, _, _] = planes(lower);
    let [mut luma, _, _] = planes_mut(frame);
    let side = 64;
    let motion = Vp9Motion {
        filter: Filter::Regular,
        fraction_x: 0,
        fraction_y: 0,
        width: side,
        height: side,
        average: false,
    };
    for y in (0..size.height as usize).step_by(SUPERBLOCK) {
        for x in (0..size.width as usize).step_by(SUPERBLOCK) {
            let axes = scale.axes((x, y), (x, y), PlaneVector { row: 0, col: 0 });
            predict_scaled(kit, motion, &from, axes, scratch, luma.block_mut(x, y));
        }
    }
}
