//! Segments of a frame: for cyclic refresh, or for quantiser offsets of macroblocks. RFC 6386,
//! section 9.3.

use super::offset_segments::offset_segments;
use crate::header::Segmentation;
use crate::types::QIndex;
use codec_core::encoder::CyclicRefresh;

/// Segment of the macroblocks being refreshed; all others are in segment 0.
const REFRESH: u8 = 1;
/// Minimum decrease of the quantiser index for which a refresh is worthwhile.
const WORTHWHILE: i8 = 8;
/// Lowest quantiser index of a frame with a refresh.
const MIN_QINDEX: u8 = 8;

/// Assigns macroblocks to segments.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) refresh: CyclicRefresh,
    /// Segment of each macroblock in the current frame; empty without segmentation.
    map: Vec<u8>,
    /// The map contains segments by quantiser offsets rather than macroblocks to refresh.
    has_offsets: bool,
}

impl Segments {
    /// Resets the state for `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        self.refresh.reset(count, QIndex::MAX.get());
        self.map.clear();
        self.map.reserve(count);
    }

    /// Returns the quantiser index of the refresh in a frame at `qindex`.
    fn finer(qindex: QIndex) -> QIndex {
        let index = u16::from(qindex.get()) * 2 / 5;
        u8::try_from(index).map_or(qindex, QIndex::saturating)
    }

    /// Selects at most `share_pct` percent of the macroblocks in a frame at `qindex` for a refresh and
    /// returns the segmentation header. The map's probabilities are set later.
    pub(super) fn refresh(&mut self, qindex: QIndex, share_pct: u8) -> Segmentation {
        self.has_offsets = false;
        self.map.clear();
        self.map.resize(self.refresh.count(), 0);
        let finer = Self::finer(qindex);
        let limit = finer.offset(WORTHWHILE).get();
        let share_pct = if qindex.get() < MIN_QINDEX { 0 } else { share_pct };
        let map = &mut self.map;
        if !self.refresh.plan(limit, share_pct, |index| map[index] = REFRESH) {
            self.map.clear();
            return Segmentation::default();
        }
        // The filter level of the frame is kept.
        let [own, finer] = [qindex, finer].map(|index| index.get().cast_signed());
        Segmentation {
            enabled: true,
            update_map: true,
            update_data: true,
            absolute: false,
            quantiser: [0, finer - own, 0, 0],
            ..Segmentation::default()
        }
    }

    /// Alternatively, assigns all macroblocks to segments by their quantiser offsets; see
    /// [`offset_segments()`].
    pub(super) fn offset(
        &mut self,
        qindex: QIndex,
        offsets_q4: &[i8],
        range: (u8, u8),
    ) -> Segmentation {
        self.refresh.plan(0, 0, |_| {});
        self.has_offsets = true;
        let known = if offsets_q4.len() == self.refresh.count() { offsets_q4 } else { &[] };
        offset_segments(qindex, known, range, &mut self.map)
    }

    /// Returns whether macroblocks of `segment` are being refreshed.
    pub(super) fn is_refresh(&self, segment: u8) -> bool {
        segment == REFRESH && !self.has_offsets
    }

    /// Returns the assigned segments by macroblock; empty without segmentation.
    pub(super) fn map(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_core::encoder::CodedMbHistory;

    #[test]
    fn a_refresh_does_not_change_the_loop_filter() {
        let q60 = QIndex::saturating(60);
        let mut segments = Segments::default();
        segments.reset(10);
        assert!(!segments.refresh(q60, 50).enabled && segments.map().is_empty());
        let still =
            CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex: 60 };
        for _ in 0..4 {
            segments.refresh.update((0..10).map(|_| still));
        }
        let plan = segments.refresh(q60, 50);
        assert!(plan.enabled);
        assert_eq!(segments.map(), [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!([0, REFRESH].map(|segment| plan.level(20, segment)), [20, 20]);
        assert_eq!([0, REFRESH].map(|segment| plan.qindex(q60, segment).get()), [60, 24]);
        assert!(segments.is_refresh(REFRESH));
    }
}
