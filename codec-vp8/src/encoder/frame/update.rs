//! After a frame has been coded, updates the state that later frames depend on.

use std::sync::{Arc, PoisonError};

use super::{Attempt, FrameEncoder, SLOTS};
use crate::types::MbMode;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};
use codec_core::encoder::CodedMbHistory;
use codec_core::frame::FrameBuf;

impl FrameEncoder {
    /// Updates references, probabilities and statistics with the coded frame.
    pub(super) fn update(&mut self, plan: &FramePlan, attempt: &Attempt, recon: Arc<FrameBuf>) {
        self.context = attempt.context.clone();
        self.modes = attempt.header.modes;
        self.update_references(plan, &recon);
        if !attempt.is_copy {
            self.frames.recycle(recon);
        }
        self.update_motion();
        // Frames that are not referenced do not predict the statistics of later frames.
        let is_last = plan.kind == FrameKind::Key || plan.updates.contains(SlotSet::LAST);
        if is_last {
            self.update_history(attempt);
        }
        self.unchanged.coded(is_last);
        self.coded_frames += 1;
    }

    /// Updates the reference slots. Section 9.7.
    fn update_references(&mut self, plan: &FramePlan, recon: &Arc<FrameBuf>) {
        let is_key = plan.kind == FrameKind::Key;
        if plan.copy_golden_to_altref && !is_key {
            self.slots[2] = self.slots[1].clone();
        }
        for (slot, set) in SLOTS.into_iter().enumerate() {
            if is_key || plan.updates.contains(set) {
                self.slots[slot] = Some(Arc::clone(recon));
            }
        }
    }

    /// Saves vectors and search statistics, which predict the vectors and statistics of the next frame.
    fn update_motion(&mut self) {
        let mut last_mvs = self.last_mvs.iter_mut();
        let mut search_stats = self.search_stats.chunks_exact_mut(self.cols.max(1));
        for row in &mut self.stores {
            let row = row.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Some(search_stats) = search_stats.next()
                && search_stats.len() == row.search_stats.len()
            {
                search_stats.copy_from_slice(&row.search_stats);
            }
            for (info, mv) in row.infos.iter().zip(&mut last_mvs) {
                *mv = info.mode.mv();
            }
        }
    }

    /// Records the quality of the last frame's macroblocks.
    fn update_history(&mut self, attempt: &Attempt) {
        let header = &attempt.header;
        let qindex = |segment| header.segmentation.qindex(header.quant.y_ac, segment);
        let stores = self.stores.iter_mut();
        let rows = stores.map(|row| &row.get_mut().unwrap_or_else(PoisonError::into_inner).infos);
        let unchanged = &self.unchanged;
        self.segments.refresh.update(rows.flatten().enumerate().map(|(index, mb)| {
            CodedMbHistory {
                is_still: mb.mode == MbMode::STATIC,
                is_skipped: mb.skip,
                is_copied: unchanged.is_copied(index),
                qindex: qindex(mb.segment).get(),
            }
        }));
    }
}
