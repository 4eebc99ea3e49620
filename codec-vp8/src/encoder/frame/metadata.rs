//! Metadata of a coded frame.

use super::{Attempt, FrameEncoder, FrameInput, SLOTS};
use codec_core::codec::{MacroblockCounts, PacketMeta, SlotSet};
use codec_core::frame::{FrameBuf, picture_sse};

impl FrameEncoder {
    /// Describes the frame, except for layers, timestamps and rate state.
    pub(super) fn metadata(
        &self,
        input: &FrameInput<'_>,
        attempt: &Attempt,
        recon: &FrameBuf,
    ) -> PacketMeta {
        let FrameInput { picture, plan, .. } = *input;
        let modes = &self.totals.modes;
        let is_key = input.is_key();
        let all = SLOTS.into_iter().fold(SlotSet::NONE, SlotSet::with);
        let used = |slot: usize| modes.references[slot + 1] > 0;
        let refs_used = (0..3)
            .filter(|&slot| used(slot))
            .fold(SlotSet::NONE, |set, slot| set.with(SLOTS[slot]));
        let mut refs_updated = if is_key { all } else { plan.updates };
        if plan.copy_golden_to_altref && !is_key {
            refs_updated = refs_updated.with(SlotSet::ALTREF);
        }
        PacketMeta {
            frame_id: self.coded_frames,
            kind: plan.kind,
            shown: plan.shown,
            size: self.settings.size,
            refs_used,
            refs_updated,
            discardable: refs_updated.is_empty() && !attempt.header.refresh_entropy,
            qindex: attempt.header.quant.y_ac.get(),
            filter_level: attempt.header.filter.level,
            speed: plan.speed,
            bits: attempt.bits,
            macroblocks: MacroblockCounts {
                total: modes.references.iter().sum(),
                intra: modes.references[0],
                skipped: modes.skipped,
                split: modes.split,
            },
            sse: self.settings.report_sse.then(|| picture_sse(self.kernels, picture, recon)),
            digest: self.settings.report_digest.then(|| recon.digest()),
            ..PacketMeta::default()
        }
    }
}
