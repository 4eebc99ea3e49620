//! Intra refresh: a band of rows of intra macroblocks moves down the frame, and the rows above it do
//! not depend on frames from before the band started. ITU-T H.264, annex D
//! (recovery point message).
//!
//! The frame in which the band starts at the top carries parameter sets and a recovery point
//! message. A decoder that starts with this frame reconstructs the same frames as the encoder once
//! the band has reached the last row: the rows above the band are predicted only from the same rows
//! of the reference frame, and the slice that begins below the band is not deblocked at its upper
//! edge.

use std::ops::Range;

use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, SlotSet};

use super::references::FRAME_NUM_BITS;
use crate::picture::Mv;
use crate::sei::RecoveryPoint;

/// The refresh of a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct IntraRefresh {
    /// Macroblocks to code as intra.
    pub forced: Range<usize>,
    /// Rows above the band.
    pub clean_rows: usize,
    /// First row below the band, if the rows above depend on no others.
    pub boundary: Option<usize>,
}

impl IntraRefresh {
    /// Returns the refresh that `plan` requests in a frame of `cols` x `rows` macroblocks.
    pub(super) fn new(plan: &FramePlan, cols: usize, rows: usize) -> Self {
        let (first, count) = (plan.intra_refresh.0 as usize, plan.intra_refresh.1 as usize);
        let forced = first..first.saturating_add(count).min(cols * rows).max(first);
        let cols = cols.max(1);
        let is_band = first.is_multiple_of(cols) && forced.end.is_multiple_of(cols);
        if !is_band || forced.is_empty() || !keeps_rows_apart(plan) {
            return Self { forced, ..Self::default() };
        }
        let end = forced.end / cols;
        Self { clean_rows: first / cols, boundary: (end < rows).then_some(end), forced }
    }

    /// Returns the recovery point of a frame in which the band begins. It ends in the last row, after
    /// reference frames with `frame_num_step` between two of its frames. `None` if this is farther
    /// away than the syntax allows.
    pub(super) fn recovery_point(
        &self,
        plan: &FramePlan,
        mbs: usize,
        frame_num_step: u32,
    ) -> Option<RecoveryPoint> {
        if self.forced.start != 0 || self.forced.is_empty() || !keeps_rows_apart(plan) {
            return None;
        }
        let frames = u32::try_from(mbs.div_ceil(self.forced.len()) - 1).ok()?;
        let frame_count = frames.checked_mul(frame_num_step.max(1))?;
        (frame_count < 1 << FRAME_NUM_BITS).then_some(RecoveryPoint { frame_count })
    }

    /// Returns how many pixels down the vectors of a macroblock in `row` may point; `None` if there is
    /// no limit.
    #[inline]
    pub(super) fn farthest_down(&self, row: usize) -> Option<i32> {
        (row < self.clean_rows)
            .then(|| i32::try_from(16 * (self.clean_rows - 1 - row)).unwrap_or(i32::MAX))
    }

    /// Returns whether the vectors of a macroblock in `row` point into the rows above the band, with
    /// the samples that the interpolation filter reads.
    pub(super) fn allows(&self, row: usize, mvs: &[Mv; 16]) -> bool {
        let Some(limit) = self.farthest_down(row) else { return true };
        mvs.iter().all(|mv| {
            let margin = if mv.y & 3 == 0 { 0 } else { FILTER_MARGIN };
            i32::from(mv.y >> 2) + margin <= limit
        })
    }
}

/// Lines below a block that vertical interpolation reads.
const FILTER_MARGIN: i32 = 3;

/// Returns whether a frame continues the refresh of the last one.
fn keeps_rows_apart(plan: &FramePlan) -> bool {
    plan.kind == FrameKind::Inter
        && plan.references == SlotSet::LAST
        && plan.updates.contains(SlotSet::LAST)
}
