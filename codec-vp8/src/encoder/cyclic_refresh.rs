//! Cyclic refresh: macroblocks coded at a finer quantiser. RFC 6386, section 9.3.
//!
//! A static area is predicted from itself for a long time, so bits spent on it once improve all
//! following frames. A few static macroblocks per frame are therefore put into a segment with a
//! finer quantiser, in turn, until each has been refreshed or moves.

use super::offset_segments::offset_segments;
use crate::header::Segmentation;
use crate::types::QIndex;

/// Segment of the macroblocks being refreshed; all others are in segment 0.
pub(super) const REFRESH: u8 = 1;
/// Number of frames for which a macroblock must have been static.
const STILL_FRAMES: u8 = 3;
/// Minimum decrease of the quantiser index for which a refresh is worthwhile.
const WORTHWHILE: i8 = 8;

/// History of a macroblock.
#[derive(Clone, Copy, Debug)]
struct History {
    /// Number of frames for which it has been static, saturating.
    still: u8,
    /// Quantiser index that corresponds to the quality of its pixels.
    quality: QIndex,
}

const UNKNOWN: History = History { still: 0, quality: QIndex::MAX };

/// How a macroblock was coded, for its history.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedMbHistory {
    /// Predicted from the last frame with zero motion.
    pub(super) is_still: bool,
    /// Coded without coefficients.
    pub(super) is_skipped: bool,
    /// Copied without being examined.
    pub(super) is_copied: bool,
    pub(super) qindex: QIndex,
}

/// Selects the macroblocks to refresh.
#[derive(Debug, Default)]
pub(super) struct CyclicRefresh {
    history: Vec<History>,
    /// Segment of each macroblock in the current frame; empty without segmentation.
    map: Vec<u8>,
    /// The map contains segments by quantiser offsets rather than macroblocks to refresh.
    has_offsets: bool,
    /// Position at which the next frame continues the scan.
    cursor: usize,
    next_cursor: usize,
}

impl CyclicRefresh {
    /// Resets the state for `count` macroblocks.
    pub(super) fn reset(&mut self, count: usize) {
        self.history.clear();
        self.history.resize(count, UNKNOWN);
        self.map.clear();
        self.map.reserve(count);
        (self.cursor, self.next_cursor) = (0, 0);
    }

    /// Returns the quantiser index of the refresh in a frame at `qindex`.
    pub(super) fn finer(qindex: QIndex) -> QIndex {
        let index = u16::from(qindex.get()) * 2 / 5;
        u8::try_from(index).map_or(qindex, QIndex::saturating)
    }

    /// Selects at most `share_pct` percent of the macroblocks in a frame at `qindex` and returns
    /// the segmentation header. The map's probabilities are set later.
    pub(super) fn plan(&mut self, qindex: QIndex, share_pct: u8) -> Segmentation {
        let count = self.history.len();
        self.map.clear();
        self.has_offsets = false;
        let finer = Self::finer(qindex);
        let mut left = count * usize::from(share_pct.min(100)) / 100;
        let limit = finer.offset(WORTHWHILE);
        let is_due = |h: &History| h.still >= STILL_FRAMES && h.quality > limit;
        self.next_cursor = self.cursor;
        if left == 0 || qindex.get() < 8 || !self.history.iter().any(is_due) {
            return Segmentation::default();
        }
        self.map.resize(count, 0);
        for n in 0..count {
            let at = (self.cursor + n) % count;
            if is_due(&self.history[at]) {
                self.map[at] = REFRESH;
                left -= 1;
                if left == 0 {
                    self.next_cursor = (at + 1) % count;
                    break;
                }
            }
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
    pub(super) fn offset_segments(
        &mut self,
        qindex: QIndex,
        offsets_q4: &[i8],
        range: (u8, u8),
    ) -> Segmentation {
        self.next_cursor = self.cursor;
        self.has_offsets = true;
        let known = if offsets_q4.len() == self.history.len() { offsets_q4 } else { &[] };
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

    /// Returns the quantiser index that corresponds to the quality of macroblock `index`.
    pub(super) fn quality(&self, index: usize) -> QIndex {
        self.history.get(index).map_or(UNKNOWN.quality, |h| h.quality)
    }

    /// Returns whether the quality of macroblock `index` is at least that of `qindex`.
    pub(super) fn is_as_good_as(&self, index: usize, qindex: QIndex) -> bool {
        self.history.get(index).is_some_and(|h| h.quality <= qindex)
    }

    /// Updates the history with how the macroblocks of a frame were coded, in raster order.
    pub(super) fn update(&mut self, coded: impl Iterator<Item = CodedMbHistory>) {
        self.cursor = self.next_cursor;
        for (h, mb) in self.history.iter_mut().zip(coded) {
            h.still = if mb.is_still { h.still.saturating_add(1) } else { 0 };
            if mb.is_copied {
                continue;
            }
            h.quality = match (mb.is_still, mb.is_skipped) {
                (true, true) => h.quality.min(mb.qindex),
                _ => mb.qindex,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q60: QIndex = QIndex::saturating(60);

    fn still(qindex: u8) -> CodedMbHistory {
        let qindex = QIndex::saturating(qindex);
        CodedMbHistory { is_still: true, is_skipped: true, is_copied: false, qindex }
    }

    #[test]
    fn static_macroblocks_are_refreshed_once_in_turn() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(100);
        for _ in 0..3 {
            assert!(!refresh.plan(Q60, 10).enabled);
            refresh.update((0..100).map(|_| still(60)));
        }
        let mut seen = vec![0; 100];
        for _ in 0..10 {
            assert!(refresh.plan(Q60, 10).enabled);
            let map = refresh.map().to_vec();
            assert_eq!(map.iter().filter(|&&s| s == REFRESH).count(), 10);
            for (seen, &s) in seen.iter_mut().zip(&map) {
                *seen += u32::from(s == REFRESH);
            }
            refresh.update(map.iter().map(|&s| still(if s == REFRESH { 24 } else { 60 })));
        }
        assert_eq!(seen, vec![1; 100]);
        assert!(!refresh.plan(Q60, 10).enabled);
    }

    #[test]
    fn a_refresh_does_not_change_the_loop_filter() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(10);
        for _ in 0..4 {
            refresh.update((0..10).map(|_| still(60)));
        }
        let plan = refresh.plan(Q60, 50);
        assert!(plan.enabled);
        assert_eq!([0, REFRESH].map(|segment| plan.level(20, segment)), [20, 20]);
        assert_eq!(
            [0, REFRESH].map(|segment| plan.qindex(Q60, segment)),
            [Q60, CyclicRefresh::finer(Q60)]
        );
    }

    #[test]
    fn moving_macroblocks_are_not_refreshed() {
        let mut refresh = CyclicRefresh::default();
        refresh.reset(10);
        for _ in 0..8 {
            refresh.update((0..10).map(|n| CodedMbHistory { is_still: n != 4, ..still(80) }));
        }
        assert!(refresh.plan(QIndex::saturating(80), 100).enabled);
        let map = refresh.map();
        assert!((0..10).all(|n| (map[n] == REFRESH) == (n != 4)));
    }
}
